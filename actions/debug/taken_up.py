"""What makes a daemon take up its debug mode, or its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import Answering, UnitOperation
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError, NotPermitted
from actions.mailhost.effects import without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.debug.subject import Subject
    from actions.host.ports import Host
    from actions.mailhost.service import Listener, MailService
    from actions.plan import Change

WAIT = 60.0
"""Seconds that a daemon has to answer; clamd reads its signatures first."""

AT_ONCE = 1.0
"""Seconds in which a daemon that runs takes a connection."""

RESTART = "until it answers again: {}"


def restarted(host: Host, subject: Subject, services: Sequence[MailService]) -> Iterator[Change]:
    """Yield the restart of *subject*, and the wait until who asks it can connect again.

    Where he can't connect now, its restart does not let him: what listens is waited for by root.
    """
    service, state = subject.service, subject.state
    if service is None or state is None or state.activity != "active":
        return
    effect = without(service, services)
    note = RESTART.format(effect) if effect else ""
    yield UnitOperation.planned(host, "restart", state.name, note)
    for listener in _asked(service):
        if _answers(host, listener, listener.client):
            yield Answering(listener.spec, listener.client, WAIT, "it has to answer")
        elif _answers(host, listener, "root"):
            note = f"it has to listen; {listener.client} can't connect now either"
            yield Answering(listener.spec, "root", WAIT, note)


def started_again(host: Host, subject: Subject) -> Iterator[Change]:
    """Yield the start of *subject*, which its debug mode kept from starting."""
    service, state = subject.service, subject.state
    if service is None or state is None:
        return
    yield UnitOperation.planned(host, "start", state.name, "its debug mode kept it from starting")
    for listener in _asked(service):
        # Whether who asks it may connect can't be seen before it listens.
        yield Answering(listener.spec, "root", WAIT, "it has to listen")


def _asked(service: MailService) -> Iterator[Listener]:
    """Yield where *service* is asked in a way that can be waited for."""
    for listener in service.listeners:
        if listener.client and listener.speech in {"milter", "clamd", "spamd"}:
            yield listener


def _answers(host: Host, listener: Listener, user: str) -> bool:
    """Return whether *listener* takes a connection of *user*, or may, where nobody can try."""
    try:
        host.connect_as(user, parse_endpoint(listener.spec), AT_ONCE).close()
    except NotPermitted:
        return True
    except (OSError, HostError, ValueError):
        return False
    return True


def reloaded(host: Host, subject: Subject) -> Iterator[Change]:
    """Yield the reload of Postfix, where it runs."""
    if subject.state is not None and subject.state.activity == "active":
        note = "mail under way goes on; new sessions see the change"
        yield UnitOperation.planned(host, "reload", subject.unit, note)
