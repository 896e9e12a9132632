"""The look at Postfix's settings: can its programs read them at all?

master(8) runs on with files that no other program of Postfix can read any more: each new one ends
at once, and only the log says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host.errors import HostError
from actions.mailhost.service import Look

if TYPE_CHECKING:
    from actions.host.ports import Host

NEXT_STEP = "mend that, look with: postfix check, and take it up: postfix reload"

TRIES_AGAIN = "mend that; master(8) tries again within a minute"

_FATAL = "fatal: "


def look_at_settings(host: Host) -> Look:
    """Return what ``postconf`` makes of main.cf and master.cf, where this user may read them."""
    try:
        host.postfix.services()
    except HostError as error:
        why = _fatal(str(error))
        if why and "permission denied" not in why.lower():
            detail = f"it can't read its settings: {why}"
            return Look("process", Health.DOWN, detail, 0.0, next_step=NEXT_STEP)
    return Look("process", Health.OK, "it can read its settings", 0.0)


def with_fatal(look: Look, fatal: str) -> Look:
    """Return *look*; where Postfix accepts and does not answer, with what its log gives as why.

    Many values are refused only by the program that uses them: each new smtpd(8) ends at once,
    and master(8) waits before it starts the next one (service_throttle_time).

    Args:
        look: at Postfix.
        fatal: the line with which one of its programs gave up; "" where none did.
    """
    if not fatal or (look.kind, look.health, look.cause) != ("greeting", Health.DOWN, "silent"):
        return look
    detail = f"accepts, and gives up: {fatal}"
    return look._replace(detail=detail, next_step=TRIES_AGAIN, cause="gave-up")


def _fatal(told: str) -> str:
    """Return why a program of Postfix gave up, without the warnings before that."""
    lines = [line for line in told.splitlines() if _FATAL in line]
    return lines[-1].partition(_FATAL)[2].strip() if lines else ""
