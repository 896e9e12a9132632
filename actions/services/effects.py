"""What it means for mail that a service does not run, in the words of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.mailhost.service import MailService, Role
    from actions.services.named import Services

_BY_ROLE: dict[Role, str] = {
    "MTA": "no mail comes in or goes out; other hosts keep theirs and try again",
    "MDA": "nobody can read mail here",
    "web mail": "nobody can read mail by the web",
    "database": "what keeps its data there does not work: the web mail",
    "log": "nothing of mail is logged",
}
"""For services that no other one needs."""


def without(service: MailService, services: Services) -> str:
    """Return what happens to mail where *service* does not run, or nothing where none is lost.

    It is what those that need the service say of it, and else what follows from its role.
    """
    told = tuple(dict.fromkeys(_told(service, services)))
    return "; ".join(told) or (_BY_ROLE.get(service.role, "") if service.expected else "")


def _told(service: MailService, services: Services) -> Iterator[str]:
    if service.role == "MTA":
        yield _BY_ROLE["MTA"]
        return
    for other in services:
        for need in other.needs:
            if need.service == service.name and need.without:
                yield need.without


def while_down(service: MailService, services: Services) -> str:
    """Return the note of a change that stops *service* for good."""
    effect = without(service, services)
    return f"while it is down: {effect}" if effect else ""


def while_restarting(service: MailService, services: Services) -> str:
    """Return the note of a change that stops *service* for a moment."""
    effect = without(service, services)
    return f"until it answers again: {effect}" if effect else ""
