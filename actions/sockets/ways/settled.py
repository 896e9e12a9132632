"""What follows every lasting change: the daemon restarted, waited for, and its client told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import Answering, UnitOperation
from actions.mailhost.effects import without
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Operation
    from actions.mailhost.service import MailService
    from actions.plan import Change
    from actions.sockets.ways.case import Case

WAIT = 20.0
"""Seconds that a daemon has to answer."""

LONGER = {"clamd": 60.0}
"""The same by what is spoken: clamd reads its signatures first."""


def require_unit(case: Case) -> None:
    """Refuse to change settings that nothing here would make the daemon take up.

    Raises:
        Declined: it runs under no unit of the service manager, or that can't be asked.
    """
    if case.unit is None:
        name = case.service.name if case.service else "it"
        why = case.host.units.absent() or f"{name} runs under no unit"
        raise Declined(f"{name} can't be restarted from here: {why}")


def settled(case: Case, *, joined: bool = False) -> tuple[Change, ...]:
    """Return what makes the daemon and its client take up what was changed.

    The daemon is restarted, though a client's new group alone would not need it: what does not
    survive that is no remedy. Its old process is waited for (`actions.host.ending`).

    Args:
        case: the edge.
        joined: whether the client got a new group. Postfix's services come and go, and have it
            after a reload; a daemon has its groups from its start.
    """
    return tuple(_settled(case, joined=joined))


def moved(
    case: Case, edits: tuple[Change, ...], endpoint: str, *, joined: bool
) -> tuple[Change, ...]:
    """Return *edits* that give the socket another place, with what takes them up.

    The daemon is stopped before and started after them, in place of a restart: on the way back it
    has left its new folder before that is removed.
    """
    around: tuple[Change, ...] = ()
    if case.service is not None and case.unit is not None:
        runs = case.unit.activity not in {"inactive", "failed"}
        around = (operated(case, "stop", case.service),) if runs else ()
        edits = (*edits, operated(case, "start", case.service))
    return (*around, *edits, *_clients(case, endpoint, joined=joined))


def _settled(case: Case, *, joined: bool) -> Iterator[Change]:
    if case.service is not None and case.unit is not None:
        yield operated(case, "restart", case.service)
    yield from _clients(case, case.edge.endpoint, joined=joined)


def _clients(case: Case, endpoint: str, *, joined: bool) -> Iterator[Change]:
    if case.edge.user and endpoint:
        note = "nobody is sent there before it answers"
        yield Answering(endpoint, case.edge.user, LONGER.get(case.edge.speech, WAIT), note)
    if case.is_postfix:
        yield from reloaded(case)
        return
    if joined and case.asker is not None:
        yield from restarted(case, case.asker)


def reloaded(case: Case) -> Iterator[Change]:
    """Yield the reload of Postfix, where it runs."""
    postfix = case.asker
    if postfix is None or not postfix.unit:
        return
    if case.host.units.state(postfix.unit).activity in {"active", "changing"}:
        yield operated(case, "reload", postfix)


def restarted(case: Case, service: MailService) -> Iterator[Change]:
    """Yield the restart of *service*, and the wait until those that ask it can connect again."""
    if not service.unit:
        return
    yield operated(case, "restart", service)
    for listener in service.listeners:
        if listener.client:
            yield Answering(listener.spec, listener.client, WAIT, "until it answers again")


def operated(case: Case, operation: Operation, service: MailService) -> UnitOperation:
    """Return *operation* on *service*, with what it means for mail meanwhile."""
    if operation == "start":
        note = ""
    elif operation == "reload":
        note = "mail under way goes on; new sessions see the change"
    else:
        effect = without(service, case.services)
        note = f"until it answers again: {effect}" if effect else ""
    return UnitOperation.planned(case.host, operation, service.unit, note)


def told(changes: tuple[Change, ...]) -> tuple[str, ...]:
    """Return what *changes* do to users and services, in words; edits have their own."""
    return tuple(dict.fromkeys(_told(changes)))


def _told(changes: tuple[Change, ...]) -> Iterator[str]:
    for change in changes:
        if change.kind == "join":
            yield change.target
        elif isinstance(change, UnitOperation):
            yield f"{change.operation} {change.unit.removesuffix('.service')}"
