"""What a look at the debug modes tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.finding import Finding, Health, Remedy
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

Word = Literal["off", "on", "live", "pending", "blocking", "left", "unknown"]
"""How a debug mode stands.

off · on: it runs so, and is set so · live: it runs in the foreground, for as long as somebody
looks on · pending: it is set, and not taken up: the next start does ·
blocking: it is set so that the daemon can't start ·
left: it runs so, though nothing sets it any more: the next start ends it · unknown: it can't be
seen with this user's rights.
"""

WORDS: dict[Word, str] = {
    "off": "off",
    "on": "on",
    "live": "runs in the foreground: its end brings the unit back",
    "pending": "set, but not taken up: it begins with the next start",
    "blocking": "set in a way that keeps the daemon from starting",
    "left": "on, though nothing sets it any more: it ends with the next start",
    "unknown": "can't be seen",
}

SIGNS: dict[Word, str] = {
    "off": "–",
    "on": "◐",
    "live": "◐",
    "pending": "◐",
    "blocking": "◐",
    "left": "◐",
    "unknown": "?",
}
"""The sign beside each word, in text and on the screen."""


class DebugState(Record):
    """The debug mode of one service."""

    service: str
    unit: str
    """Empty where it runs under none."""
    mode: str
    """What switches it on, in the daemon's own words: "--verbose"."""
    word: Word
    on: bool | None
    """Whether it is on now; None where that can't be seen."""
    asked: str
    """How it is known."""
    sets: tuple[str, ...] = ()
    """What switches it on at the next start: files, with what they say."""
    since: float | None = None
    """When it was switched on, in seconds since the epoch."""
    until: float | None = None
    """When it ends by itself; None where nobody sees to that."""
    by: str = ""
    """Who switched it on, where the journal tells."""
    note: str = ""
    output: str = ""
    """Where its words go."""


class DebugReport(Record):
    """The result of ``debug.status``."""

    states: tuple[DebugState, ...]
    expect: str = "off"
    notes: tuple[str, ...] = ()
    """What could not be seen of the services, and what of theirs was interrupted."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "debug.status/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is on, and what can't be seen."""
        return tuple(self._findings())

    @property
    def because(self) -> str:
        """Why it is not as expected; empty where it is."""
        wrong = [one for one in self.states if one.word != self.expect]
        return "; ".join(f"{one.service}: {WORDS[one.word]}" for one in wrong)

    @property
    def exit_code(self) -> int:
        """0 where each is as expected, 6 where one can't be seen and the others are, else 1."""
        words = {one.word for one in self.states}
        if not words - {self.expect}:
            return Exit.FINE
        return Exit.PROBLEM if words - {self.expect, "unknown"} else Exit.UNDECIDED

    def _findings(self) -> Iterator[Finding]:
        for one in self.states:
            name, where = f"debug.{one.service}", one.unit or one.service
            if one.word == "unknown":
                what = f"whether {one.service} is in debug mode can't be seen"
                yield Finding(Health.UNKNOWN, what, where, one.note, None, name, needs_root=True)
            elif one.word != "off":
                if one.word == "live":
                    what = f"{one.service} runs in the foreground"
                    yield Finding(Health.DEGRADED, what, where, _why(one), None, name)
                    continue
                state = {"pending": "is set", "blocking": "is set", "left": "is still on"}.get(
                    one.word, "is on"
                )
                remedy = Remedy(
                    "debug.off", (("service", one.service),), f"switch it off: {one.service}"
                )
                what = f"debugging of {one.service} {state} ({one.mode})"
                yield Finding(Health.DEGRADED, what, where, _why(one), remedy, name)


def _why(one: DebugState) -> str:
    """Return since when it is so, whose doing it is, and when it ends."""
    import time

    def moment(seconds: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))

    parts = [WORDS[one.word]] if one.word in {"live", "pending", "blocking", "left"} else []
    if one.since is not None:
        parts.append(f"since {moment(one.since)}")
    if one.by:
        parts.append(f"by {one.by}")
    parts += one.sets
    if one.until is not None:
        parts.append(f"ends by itself at {moment(one.until)}")
    elif one.word not in {"live", "left"}:
        parts.append("nothing ends it by itself")
    return ", ".join(parts)
