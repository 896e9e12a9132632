"""What it means for mail that a service does not run, in the words of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost.service import WITHOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.mailhost.service import MailService


def without(service: MailService, services: Sequence[MailService]) -> str:
    """Return what happens to mail where *service* does not run, or nothing where none is lost.

    It is what those that need the service say of it, and else what follows from its role.
    """
    told = tuple(dict.fromkeys(_told(service, services)))
    return "; ".join(told) or (WITHOUT.get(service.role, "") if service.expected else "")


def _told(service: MailService, services: Sequence[MailService]) -> Iterator[str]:
    if service.role == "MTA":
        yield WITHOUT["MTA"]
        return
    for other in services:
        for need in other.needs:
            if need.service == service.name and need.without:
                yield need.without
