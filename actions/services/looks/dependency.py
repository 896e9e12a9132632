"""The look at what a service needs: can it open the other's socket, and does that answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host.endpoint import same_socket
from actions.host.errors import AS_ROOT
from actions.mailhost.greeting.heard import Heard
from actions.mailhost.service import Listener, Look

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.mailhost.service import MailService, Need
    from actions.services.looks.greeting import Met


def needed_listener(need: Need, services: Iterable[MailService]) -> Listener:
    """Return the listener that *need* means; of one that is not known, what may be known."""
    of_service = [service for service in services if service.name == need.service]
    for service in (*of_service, *services):
        for listener in service.listeners:
            if same_socket(listener.spec, need.spec):
                return listener
    known = {listener.speech: listener for one in of_service for listener in one.listeners}
    # Which of several it speaks there would be a guess: it is only connected to.
    return Listener(need.spec, next(iter(known)) if len(known) == 1 else "")


def dependency_look(need: Need, met: Met) -> Look:
    """Return what *met*, asked with the needing service's rights, says of *need*."""
    heard = met.heard
    # What else is wrong with it is told beside it, not beside everyone who needs it.
    look = Look("dependency", Health.OK, f"{need.service} answers", met.seconds, need.service)
    if heard.health is Health.DOWN:
        effect = f", {need.without}" if need.without else ""
        detail = f"{need.service} down{effect}: {heard.detail}"
    elif heard.health is Health.UNKNOWN:
        detail = heard.detail
    elif not met.proved:
        detail = f"{need.service} answers; whether {need.client} may open it, root would see"
        heard = Heard(detail, Health.UNKNOWN, AS_ROOT, cause="rights")
    else:
        return look
    return look._replace(
        health=heard.health, detail=detail, next_step=heard.next_step, cause=heard.cause
    )
