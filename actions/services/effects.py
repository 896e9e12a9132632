"""The notes of changes that stop a service: what happens to mail meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost.effects import without

if TYPE_CHECKING:
    from actions.mailhost.service import MailService
    from actions.services.named import Services


def while_down(service: MailService, services: Services) -> str:
    """Return the note of a change that stops *service* for good."""
    effect = without(service, services)
    return f"while it is down: {effect}" if effect else ""


def while_restarting(service: MailService, services: Services) -> str:
    """Return the note of a change that stops *service* for a moment."""
    effect = without(service, services)
    return f"until it answers again: {effect}" if effect else ""
