"""Whether what mail needs starts at boot, and runs."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from actions.changes import UnitOperation
from actions.host.errors import HostError
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import looking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Operation, UnitState
    from actions.mailhost.service import MailService
    from actions.plan import Change


SIGNATURES = "/var/lib/clamav"
SIGNATURE_KINDS = {"cvd", "cld", "hdb", "hsb", "ndb", "ldb", "mdb", "db", "cud"}
"""The files that clamd takes for signatures (ClamAV's manual, "File formats")."""


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
        if state.enabled:
            yield Found(result)
            continue
        masked = f"{service.unit} is masked: systemctl unmask it, if that was not meant"
        result = result._replace(
            verdict="deviates",
            found=f"{service.unit} {'masked' if state.masked else 'disabled'}",
            why=f"{service.name} does not start when this host boots; {_without(service)}",
            unfixable=masked if state.masked else "",
        )
        yield Found(result, None if state.masked else partial(_operate, service, "enable"))


def _started(ctx: Context, name: str) -> Iterator[Found]:
    for service, state in _needed(ctx, running=True):
        if state.activity in {"unknown", "changing"}:
            if state.activity == "unknown":
                yield Found(
                    Result(name, "unknown", _file(state), found=service.unit, why=state.detail)
                )
            continue
        result = Result(name, "as wanted", _file(state), 0, f"{service.unit} active", "active")
        if state.activity == "active":
            yield Found(result)
            continue
        held_up = f"{service.unit} is masked: systemctl unmask it" if state.masked else ""
        held_up = held_up or _held_up(ctx, service)
        log = f"journalctl -u {service.unit} -n 50 tells why" if state.activity == "failed" else ""
        result = result._replace(
            verdict="deviates",
            found=f"{service.unit} {state.activity}",
            why=f"{service.name} does not run; {_without(service)}",
            advice=log,
            unfixable=held_up,
            severe=True,
        )
        yield Found(result, None if held_up else partial(_operate, service, "start"))


def _held_up(ctx: Context, service: MailService) -> str:
    """Return what has to be done before *service* can start; empty where nothing is known."""
    if service.program != "clamd":
        return ""
    folder = ctx.host.at(SIGNATURES)
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    if any(name.rpartition(".")[2] in SIGNATURE_KINDS for name in names):
        return ""
    return f"clamd does not start without signatures, and {SIGNATURES} has none: run freshclam"


def _operate(service: MailService, operation: Operation, ctx: Context) -> tuple[Change, ...]:
    return (UnitOperation.planned(ctx.host, operation, service.unit),)


def _without(service: MailService) -> str:
    told = {
        "MTA": "no mail comes in or goes out",
        "milter manager": "its milters see no mail",
        "milter": "it sees no mail",
        "engine": "the milter that asks it can't judge mail",
        "MDA": "mail can't be read or handed in",
        "web mail": "web mail does not work",
        "database": "web mail does not work",
        "log": "nothing is logged",
    }
    return told[service.role]


def _file(state: UnitState) -> str:
    return state.files[0] if state.files else ""


CHECKS = (
    FoundCheck("units.enabled", "what mail needs starts at boot", _enabled),
    FoundCheck("units.started", "what mail needs runs", _started),
)
