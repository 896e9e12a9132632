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


def _fatal(told: str) -> str:
    """Return why a program of Postfix gave up, without the warnings before that."""
    lines = [line for line in told.splitlines() if _FATAL in line]
    return lines[-1].partition(_FATAL)[2].strip() if lines else ""
