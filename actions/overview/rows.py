"""Rows of text in a few tones, set side by side and folded; of this the picture is made."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal

from actions.printable import printable
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

Tone = Literal["", "good", "warn", "bad", "dim", "bold", "accent"]


class Span(Record):
    """A piece of one row, in one tone."""

    text: str
    tone: Tone = ""


Line = tuple[Span, ...]
"""One row."""

Block = list[Line]
"""Rows under each other."""


def plain(line: Line) -> str:
    """Return a row as plain text."""
    return "".join(span.text for span in line)


def cells(text: str) -> int:
    """Return how many cells of a terminal *text* takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def line_width(line: Line) -> int:
    """Return the cells of a row."""
    return sum(cells(span.text) for span in line)


def block_width(block: Block) -> int:
    """Return the cells of the widest row."""
    return max(map(line_width, block), default=0)


def indented(by: int, line: Line) -> Line:
    """Return *line* after *by* empty cells."""
    return (Span(" " * by), *line) if by else line


def folded(text: str, tone: Tone, width: int) -> Block:
    """Return *text* as rows of at most *width* cells; a word that is longer is broken."""
    rows: list[str] = []
    for word in printable(text).replace("\t", " ").split(" "):
        rest = word
        if rows and cells(rows[-1]) + 1 + cells(rest) <= width:
            rows[-1] += f" {rest}"
            continue
        while len(rest) > 1 and cells(rest) > width:
            cut = _fitting(rest, width)
            rows.append(rest[:cut])
            rest = rest[cut:]
        rows.append(rest)
    return [(Span(row, tone),) for row in rows]


def hanging(head: Line, text: str, tone: Tone, width: int) -> Block:
    """Return *text* after *head*, folded under itself."""
    taken = line_width(head)
    rows = folded(text, tone, width - taken)
    return [*([(*head, *rows[0])]), *(indented(taken, row) for row in rows[1:])]


def beside(left: Block, right: Block, width: int) -> Block:
    """Return two blocks side by side; under each other where they don't fit."""
    taken = block_width(left)
    if taken + block_width(right) > width:
        return [*left, *right]
    rows = []
    for at in range(max(len(left), len(right))):
        own = left[at] if at < len(left) else ()
        gap = taken - line_width(own) if at < len(right) else 0
        space = (Span(" " * gap),) if gap else ()
        rows.append((*own, *space, *(right[at] if at < len(right) else ())))
    return rows


def flowing(pieces: Iterable[Line], gap: int, width: int) -> Block:
    """Return *pieces* one after another, *gap* cells apart, on as few rows as they fit."""
    rows: Block = []
    for piece in pieces:
        if rows and line_width(rows[-1]) + gap + line_width(piece) <= width:
            rows[-1] = (*rows[-1], Span(" " * gap), *piece)
        else:
            rows.append(piece)
    return rows


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitting(text: str, width: int) -> int:
    """Return how many characters of *text* fit into *width* cells, at least one."""
    taken = 0
    for at, char in enumerate(text):
        taken += cells(char)
        if taken > width:
            return max(at, 1)
    return len(text)
