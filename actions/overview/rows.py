"""Rows of text in a few tones, set side by side and folded; of this the picture is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.columns import broken, cells, filled
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
    words = printable(text).replace("\t", " ").split(" ")
    return [(Span(row, tone),) for row in filled(broken(words, width), " ", width)]


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
