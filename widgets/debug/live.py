"""`LiveRun`: a service in the foreground, as the views over it know it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from actions.amounts import span
from widgets.debug.tape import Tape
from widgets.ink import SIGN_TONES, joined, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.content import Content

Phase = Literal["starting", "running", "ending", "over", "failed"]


class LiveRun:
    """One run.

    Args:
        service: what runs.
        stop: ends the run; what follows is told later.
    """

    def __init__(self, service: str, stop: Callable[[], None]) -> None:
        self.service = service
        self.tape = Tape()
        self.phase: Phase = "starting"
        self.told = ""
        """How it ended, in words."""
        self.sign = "●"
        """The sign beside that."""
        self.more = ""
        """What else there is to say of its end."""
        self._stop = stop
        self._began = 0.0
        self._until = 0.0
        self._ended = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the unit is not back yet."""
        return self.phase in {"starting", "running", "ending"}

    def began(self, seconds: float) -> None:
        """Take note that it runs now, for *seconds* at most."""
        if self.phase == "starting":
            self.phase, self._began = "running", time.time()
            self._until = self._began + seconds

    def stop(self) -> None:
        """End it."""
        if self.phase in {"starting", "running"}:
            self.phase = "ending"
            self._stop()

    def over(self, told: str, sign: str = "●", *, failed: bool = False) -> None:
        """Take note how it ended."""
        self.phase = "failed" if failed else "over"
        self.told, self.sign = told, sign
        self._ended = self._ended or time.time()

    @property
    def standing(self) -> Content:
        """How it stands, in one line."""
        now = self._ended or time.time()
        spent = span(now - self._began) if self._began else ""
        match self.phase:
            case "starting":
                return said(f"… starting; {self.service} is restarted for it", "accent")
            case "running":
                left = f" · ends in {span(self._until - now)}"
                return joined(said(f"● running {spent}", "good"), said(left))
            case "ending":
                return said("◐ ending; the unit is brought back", "warn")
            case "over" | "failed":
                after = f" after {spent}" if spent else ""
                return joined(said(f"{self.sign} {self.told}", SIGN_TONES[self.sign]), said(after))
