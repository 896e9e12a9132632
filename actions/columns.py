"""Words set into lines of so many cells of a terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def cells(text: str) -> int:
    """Return how many cells of a terminal *text* takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def filled(words: Iterable[str], between: str, room: int) -> list[str]:
    """Return *words* as lines with *between* after each but the last; no word is broken.

    Args:
        words: what is set.
        between: what separates two words.
        room: cells of a line.
    """
    mark = between.rstrip()
    lines: list[str] = []
    for word in words:
        if lines and cells(lines[-1]) + cells(f"{between}{word}{mark}") <= room:
            lines[-1] += between + word
        else:
            if lines:
                lines[-1] += mark
            lines.append(word)
    return lines


def broken(words: Iterable[str], room: int) -> Iterator[str]:
    """Yield *words*, those in pieces that take more than *room* cells."""
    for word in words:
        rest = word
        while len(rest) > 1 and cells(rest) > room:
            cut = _fitting(rest, room)
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitting(text: str, room: int) -> int:
    """Return how many characters of *text* fit into *room* cells, at least one."""
    taken = 0
    for at, char in enumerate(text):
        taken += cells(char)
        if taken > room:
            return max(at, 1)
    return len(text)
