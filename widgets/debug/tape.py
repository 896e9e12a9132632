"""`Tape`: what a run says, in its order, and never more than fits a bound."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from actions.printable import printable
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.content import Content

MOST_LINES = 100_000
"""Lines that are kept; beyond them the oldest go."""

MOST_CHARACTERS = 16_000_000
"""The same of their text: a line may be long."""

LONGEST = 4000
"""Characters that are kept of one line."""

_SHARE = 10
"""When some have to go, one in this many goes at once: the next do not follow at once."""

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""How a program moves the cursor and sets colours (ECMA-48)."""


class Heard(Record):
    """One line that was said, or one stage of a test beside it."""

    when: float
    """Seconds since the epoch."""
    text: str
    """Harmless to a terminal, without tabs."""
    stage: Content | None = None
    """What the stage came to; None for a line of output."""


class News(Record):
    """What came to a tape since it was looked at before."""

    added: int = 0
    gone: int = 0
    """How many of the oldest went, those that were never looked at left aside."""
    between: bool = False
    """Whether some of it belongs before what was there."""


class Tape:
    """What a run says; any thread may add to it, one looks at it.

    Args:
        most: how many lines it keeps.
        most_characters: how many characters of them.
    """

    def __init__(self, most: int = MOST_LINES, most_characters: int = MOST_CHARACTERS) -> None:
        self.heard: list[Heard] = []
        """What is kept, in its order; changed by `look` alone."""
        self.lines = 0
        """How many lines of output were said in all, as of the last look."""
        self.gone = 0
        """How many of them went."""
        self._most = most
        self._most_characters = most_characters
        self._characters = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[float, str]] = deque()
        self._coming = 0
        """Characters of what waits."""
        self._marks: list[Heard] = []
        self._said = 0
        self._is_sorted = False
        """Whether there are stages: then all is in the order of time, else as it came."""

    def say(self, line: str, when: float = 0.0) -> None:
        """Add a line of output that was written at *when*; by default, just now."""
        with self._lock:
            self._said += 1
            kept = line[: LONGEST + 1]
            if len(self._waiting) == self._most:
                self._coming -= len(self._waiting.popleft()[1])
            self._waiting.append((when or time.time(), kept))
            self._coming += len(kept)
            # Nobody looks while the view is not in front.
            while self._coming > self._most_characters:
                self._coming -= len(self._waiting.popleft()[1])

    def mark(self, when: float, text: str, stage: Content) -> None:
        """Add a stage that began at *when*; *text* is what is found and saved of it."""
        with self._lock:
            self._marks.append(Heard(when, text, stage))

    def look(self) -> News:
        """Take in what came since, and let the oldest go where it is too much."""
        with self._lock:
            waiting, self._waiting, self._coming = self._waiting, deque(), 0
            marks, self._marks = self._marks, []
            said, self._said = self._said, 0
        if not waiting and not marks:
            return News()
        self.lines += said
        self.gone += said - len(waiting)
        fresh = [Heard(when, _harmless(line)) for when, line in waiting]
        self._characters += sum(len(one.text) for one in fresh)
        self._is_sorted = self._is_sorted or bool(marks)
        between = False
        if self._is_sorted:
            # What a stage came to is told at its end, and output comes a little after it.
            fresh = sorted((*marks, *fresh), key=_when)
            between = bool(self.heard) and fresh[0].when < self.heard[-1].when
        self.heard += fresh
        if between:
            self.heard.sort(key=_when)
        return News(len(fresh), self._let_go(), between)

    def _let_go(self) -> int:
        """Let the oldest go where there is too much; return how many went."""
        count = max(len(self.heard) - self._most, 0)
        if count:
            count = max(count, self._most // _SHARE)
        left = self._characters - sum(len(one.text) for one in self.heard[:count])
        if left > self._most_characters:
            while left > self._most_characters * (_SHARE - 1) // _SHARE:
                left -= len(self.heard[count].text)
                count += 1
        self._characters = left
        self.gone += sum(1 for one in self.heard[:count] if one.stage is None)
        del self.heard[:count]
        return count

    def found(self, pattern: re.Pattern[str]) -> list[int]:
        """Return the places in `heard` of all that *pattern* is found in."""
        search = pattern.search
        return [place for place, one in enumerate(self.heard) if search(one.text)]


def pattern_of(sought: str) -> re.Pattern[str]:
    """Return what finds *sought* as it is; capitals count where it has any."""
    flags = re.IGNORECASE if sought == sought.lower() else 0
    return re.compile(re.escape(sought), flags)


def file_lines(heard: Iterable[Heard]) -> Iterator[str]:
    """Yield *heard* as the lines of a file, each with its time."""
    for one in heard:
        yield f"{clock(one.when)} {one.text}\n"


def clock(when: float) -> str:
    """Return the time of day of *when* here, to the millisecond."""
    whole = int(when)
    return f"{time.strftime('%H:%M:%S', time.localtime(whole))}.{int((when - whole) * 1000):03}"


def _when(one: Heard) -> float:
    return one.when


def _harmless(line: str) -> str:
    if line.isprintable():
        text = line
    else:
        text = printable(_TERMINAL_CODE.sub("", line).rstrip("\r\n")).expandtabs(4)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
