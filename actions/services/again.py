"""Looking again and again until it is as wanted, or time is up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Context

PATIENCE = 5.0
"""Seconds that a healthy service has for an answer."""

AGAIN = 0.25
"""Seconds between two looks."""

SLICE = 0.05
"""Seconds after which a pause looks at the operator."""

T = TypeVar("T")


def until(ctx: Context, within: float, look: Callable[[], T], is_enough: Callable[[T], bool]) -> T:
    """Return the first that *look* sees and that *is_enough*; the last after *within* seconds.

    Raises:
        Cancelled: the operator cancelled.
    """
    end = time.monotonic() + within
    while True:
        ctx.check()
        seen = look()
        if is_enough(seen) or time.monotonic() + AGAIN > end:
            return seen
        _pause(ctx)


def _pause(ctx: Context) -> None:
    end = time.monotonic() + AGAIN
    while (left := end - time.monotonic()) > 0:
        ctx.check()
        time.sleep(min(SLICE, left))
