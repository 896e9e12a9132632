"""Whether what mail needs starts at boot, and runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.changes import UnitOperation
from actions.host.errors import HostError
from actions.mailhost import signatures
from actions.mailhost.effects import without
from actions.mailhost.masks import masked_by
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import looking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Operation, UnitState
    from actions.mailhost.service import MailService
    from actions.plan import Change


def _needed(ctx: Context, *, running: bool) -> Iterator[tuple[MailService, UnitState]]:
    """Yield each service that mail needs and that has a unit, and the unit's state.

    Args:
        ctx: the host.
        running: whether it is the unit of the processes that counts, not the one that starts it.

    Raises:
        HostError: no service manager can be asked.
    """
    absent = ctx.host.units.absent()
    if absent:
        raise HostError(absent)
    services = [one for one in looking(ctx).mail_services() if one.expected and one.unit]
    units = [one.seen_unit if running else one.unit for one in services]
    for service, state in zip(services, ctx.host.units.states(units), strict=True):
        if state.known:
            yield service, state


def _enabled(ctx: Context, name: str) -> Iterator[Found]:
    for service, state in _needed(ctx, running=False):
        if state.enabled is None:
            continue
        result = Result(name, "as wanted", _file(state), 0, f"{service.unit} enabled", "enabled")
        result = result._replace(about=service.unit)
        if state.enabled:
            yield Found(result)
            continue
        masked = _masked(ctx, state)
        result = result._replace(
            verdict="deviates",
            found=f"{service.unit} {'masked' if state.masked else 'disabled'}",
            why=_unlike(ctx, service, "does not start when this host boots"),
            unfixable=masked,
        )
        yield Found(result, None if masked else partial(_operate, service, "enable"))


def _started(ctx: Context, name: str) -> Iterator[Found]:
    for service, state in _needed(ctx, running=True):
        if state.activity in {"unknown", "changing"}:
            if state.activity == "unknown":
                unknown = Result(name, "unknown", _file(state), found=service.unit)
                yield Found(unknown._replace(why=state.detail, about=service.unit))
            continue
        result = Result(name, "as wanted", _file(state), 0, f"{service.unit} active", "active")
        result = result._replace(about=service.unit)
        if state.activity == "active":
            yield Found(result)
            continue
        held_up = _masked(ctx, state) or _held_up(ctx, service)
        log = f"journalctl -u {service.unit} -n 50 tells why" if state.activity == "failed" else ""
        result = result._replace(
            verdict="deviates",
            found=f"{service.unit} {state.activity}",
            why=_unlike(ctx, service, "does not run"),
            advice=log,
            unfixable=held_up,
            severe=True,
        )
        yield Found(result, None if held_up else partial(_operate, service, "start"))


def _masked(ctx: Context, state: UnitState) -> str:
    """Return what takes the mask of a unit away; empty where it has none."""
    if not state.masked:
        return ""
    mask = masked_by(ctx.host, state.name)
    return f"{state.name} is masked by {mask.who}; {mask.step}, if that was not meant"


def _held_up(ctx: Context, service: MailService) -> str:
    """Return what has to be done before *service* can start; empty where nothing is known."""
    if service.program != "clamd":
        return ""
    folder = signatures.folder_of(ctx.host, service.configuration)
    if not signatures.are_missing(ctx.host, folder):
        return ""
    step = f"{folder} has none: console run services.freshclam fetches them"
    return f"clamd does not start without signatures, and {step}"


def _operate(service: MailService, operation: Operation, ctx: Context) -> tuple[Change, ...]:
    return (UnitOperation.planned(ctx.host, operation, service.unit),)


def _unlike(ctx: Context, service: MailService, what: str) -> str:
    """Return *what* is so of *service*, and what that means for mail."""
    effect = without(service, looking(ctx).mail_services())
    return f"{service.name} {what}; {effect}" if effect else f"{service.name} {what}"


def _file(state: UnitState) -> str:
    return state.files[0] if state.files else ""


CHECKS = (
    FoundCheck("units.enabled", "what mail needs starts at boot", _enabled),
    FoundCheck("units.started", "what mail needs runs", _started),
)
