"""The look at what a service needs: can it open the other's socket, and does that answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.service import Listener, Look
from actions.services.report import ROOT_SEES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.mailhost.service import MailService, Need
    from actions.services.looks.greeting import Met


def needed_listener(need: Need, services: Iterable[MailService]) -> Listener:
    """Return the listener that *need* means; of one that is not known, what may be known."""
    of_service = [service for service in services if service.name == need.service]
    for service in (*of_service, *services):
        for listener in service.listeners:
            if listener.spec == need.spec:
                return listener
    known = {listener.speech: listener for one in of_service for listener in one.listeners}
    # Which of several it speaks there would be a guess: it is only connected to.
    return Listener(need.spec, next(iter(known)) if len(known) == 1 else "")


def dependency_look(need: Need, met: Met) -> Look:
    """Return what *met*, asked with the needing service's rights, says of *need*."""
    heard = met.heard
    if heard.health is Health.DOWN:
        effect = f", {need.without}" if need.without else ""
        detail = f"{need.service} down{effect}: {heard.detail}"
        return Look("dependency", Health.DOWN, detail, met.seconds, need.service, heard.next_step)
    if heard.health is Health.UNKNOWN:
        step = heard.next_step
        return Look("dependency", heard.health, heard.detail, met.seconds, need.service, step)
    if not met.proved:
        detail = f"{need.service} answers; whether {need.client} may open it, root would see"
        step = ROOT_SEES
        return Look("dependency", Health.UNKNOWN, detail, met.seconds, need.service, step)
    # What else is wrong with it is told beside it, not beside everyone who needs it.
    detail = f"{need.service} answers"
    return Look("dependency", Health.OK, detail, met.seconds, need.service)
