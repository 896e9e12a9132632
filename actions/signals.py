"""Signals held back while a change is under way, so that none is left half done."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from actions.action import Cancel

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

OF_TERMINAL = (signal.SIGINT, signal.SIGHUP)
"""Those that a terminal sends to all who run on it."""


class Held:
    """A cancel flag that is set by the operator, or by a signal that was held back."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel
        self._name = ""

    def is_set(self) -> bool:
        """Return whether the run is to end."""
        return bool(self._name) or self._cancel.is_set()

    def take(self, number: int, _: FrameType | None) -> None:
        """Remember a signal."""
        self._name = signal.Signals(number).name

    def __str__(self) -> str:
        return f"cancelled by {self._name}" if self._name else "cancelled by the operator"


@contextmanager
def held_back(cancel: Cancel, numbers: tuple[signal.Signals, ...] = _HELD) -> Iterator[Held]:
    """Turn Ctrl+C, a hang-up of the line and SIGTERM into a cancel flag beside *cancel*.

    Only the main thread gets signals; elsewhere, and for those ignored, nothing changes.
    """
    held = Held(cancel)
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, held.take) for number in heard}
    try:
        yield held
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
