"""What makes a daemon take up its debug mode, or its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import Answering, UnitOperation
from actions.mailhost.effects import without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.debug.subject import Subject
    from actions.host.ports import Host
    from actions.mailhost.service import MailService
    from actions.plan import Change

WAIT = 60.0
"""Seconds that a daemon has to answer; clamd reads its signatures first."""

RESTART = "until it answers again: {}"


def restarted(host: Host, subject: Subject, services: Sequence[MailService]) -> Iterator[Change]:
    """Yield the restart of *subject*, and the wait until who asks it can connect again."""
    service, state = subject.service, subject.state
    if service is None or state is None or state.activity != "active":
        return
    effect = without(service, services)
    note = RESTART.format(effect) if effect else ""
    yield UnitOperation.planned(host, "restart", state.name, note)
    for listener in service.listeners:
        if listener.client and listener.speech in {"milter", "clamd", "spamd"}:
            yield Answering(listener.spec, listener.client, WAIT, "it has to answer")


def reloaded(host: Host, subject: Subject) -> Iterator[Change]:
    """Yield the reload of Postfix, where it runs."""
    if subject.state is not None and subject.state.activity == "active":
        note = "mail under way goes on; new sessions see the change"
        yield UnitOperation.planned(host, "reload", subject.unit, note)
