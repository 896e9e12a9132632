"""How long a debug mode is to last, as operators write it."""

from __future__ import annotations

from actions.action import ActionError, Exit
from actions.host.errors import HostError
from actions.mailhost.values import seconds

SHORTEST = 5.0
LONGEST = 24 * 3600.0
"""Seconds: a debug mode fills disks, and tells of mail what is nobody's business."""


def seconds_in(duration: str) -> float:
    """Return *duration*, such as 90s, 15m or 2h, in seconds.

    Raises:
        ActionError: it is none, or out of bounds.
    """
    try:
        found = seconds(duration)
    except HostError as error:
        raise ActionError(
            f"{duration!r} is no time", Exit.USAGE, "give it such as 90s, 15m or 2h"
        ) from error
    if not SHORTEST <= found <= LONGEST:
        raise ActionError(
            f"{duration} is not between {SHORTEST:g} s and {LONGEST / 3600:g} h",
            Exit.USAGE,
            "switch it on again when it has ended, if you need it longer",
        )
    return found
