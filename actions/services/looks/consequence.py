"""What of the looks at Postfix only follows from another service that is down.

smtpd(8) asks its milters before it greets: it is silent as long as it waits for one that hangs
(milter_connect_timeout, milter_command_timeout: 30 s), and answers 4xx where it can't reach one,
by milter_default_action. Where it can't reach the SASL server, it ends before it greets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.roles.mta import NO_LOGIN, QUEUED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actions.mailhost.service import Look, MailService, Need

_REFUSALS = ("refuses: ", "offers STARTTLS, and refuses it: ")
"""How the look at a greeting begins that was answered, but not as it should be."""


def with_consequences(service: MailService, looks: Sequence[Look]) -> tuple[Look, ...]:
    """Return the *looks* at *service*, where a greeting fails for want of another said so."""
    if service.role != "MTA":
        return tuple(looks)
    needed = [look for look in looks if look.kind == "dependency"]
    down = [
        (need, look)
        for need, look in zip(service.needs, needed, strict=True)
        if look.health is Health.DOWN and need.without != QUEUED
    ]
    return tuple(_explained(look, down) for look in looks)


def _explained(look: Look, down: Iterable[tuple[Need, Look]]) -> Look:
    if look.kind != "greeting" or look.health not in {Health.DOWN, Health.DEGRADED}:
        return look
    if look.cause == "silent":
        causes = [one for need, one in down if one.cause == "silent" or need.without == NO_LOGIN]
    elif look.detail.startswith(_REFUSALS):
        causes = [one for need, one in down if need.without != NO_LOGIN]
    else:
        return look
    if not causes:
        return look
    names = list(dict.fromkeys(one.target for one in causes))
    verb = "is" if len(names) == 1 else "are"
    detail = f"{look.detail}, as {' and '.join(names)} {verb} down"
    return look._replace(health=Health.DEGRADED, detail=detail, next_step="", cause="follows")
