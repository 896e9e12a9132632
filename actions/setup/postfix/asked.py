"""Milters that start at boot and that Postfix does not ask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.mailhost.values import items
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import looking
from actions.setup.postfix.files import places, with_more
from actions.setup.postfix.listed import is_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.mailhost.service import MailService
    from actions.setup.postfix.files import Place


def _asked(ctx: Context, name: str) -> Iterator[Found]:
    here = [s for s in looking(ctx).mail_services() if s.role in {"milter", "milter manager"}]
    managers = [one for one in here if _is_manager(one)]
    chains = looking(ctx).discovery().chains
    unclear = any(manager.trouble for chain in chains for manager in chain.managers)
    if unclear or any(_is_left_out(one) for one in managers):
        # The others may be behind it.
        here = managers
    for place in places(ctx, "smtpd_milters"):
        if place.service is not None or all(is_off(ctx, one) for one in place.services):
            continue
        result = Result(name, "as wanted", place.file, place.line, place.value)
        left_out = [one for one in here if _is_left_out(one)]
        if not left_out:
            yield Found(result)
        for service in left_out:
            yield _missing(ctx, service, place, result)


def _is_left_out(service: MailService) -> bool:
    """Return whether nobody asks *service*, which is here and starts at boot."""
    return service.expected and not service.place and not service.behind and bool(_spec(service))


def _is_manager(service: MailService) -> bool:
    return service.role == "milter manager" or service.name == "milter-manager"


def _missing(ctx: Context, service: MailService, place: Place, result: Result) -> Found:
    spec = _relative(ctx, _spec(service))
    first = _is_manager(service)
    given = items(place.value)
    wanted = ", ".join((spec, *given) if first else (*given, spec))
    what = "its milters see no mail" if first else "it sees no mail"
    result = result._replace(
        verdict="deviates" if first else "choice",
        found=place.value or "empty",
        wanted=wanted,
        why=f"{service.name} is here and starts at boot, and Postfix does not ask it: {what}",
        advice=""
        if first
        else f"what is not to be asked need not run: systemctl disable --now "
        f"{service.unit or service.name}",
        severe=first,
    )
    return Found(result, partial(with_more, place=place, item=spec, first=first))


def _spec(service: MailService) -> str:
    """Return where *service* listens for milter clients, in Postfix's notation."""
    for socket in service.listeners:
        if socket.speech == "milter":
            try:
                return parse_endpoint(socket.spec).spec
            except BadEndpoint:
                continue
    return ""


def _relative(ctx: Context, spec: str) -> str:
    """Return *spec* as it is right chrooted or not, where its socket is in the queue directory."""
    queue = ctx.host.postfix.setting("queue_directory").rstrip("/")
    return (
        f"unix:{spec.removeprefix(f'unix:{queue}/')}" if spec.startswith(f"unix:{queue}/") else spec
    )


CHECKS = (FoundCheck("postfix.smtpd_milters", "Postfix asks the milters that are here", _asked),)
