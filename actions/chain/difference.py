"""The message before and after, line by line: envelope, headers, body."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

from actions.printable import printable_bytes
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.milter.chain import Edited
    from actions.milter.message import Content, Envelope

COMPARED = 1000
"""Lines of a body, or headers, that are compared; more would take too long to look at."""

LONGEST = 1000
"""Bytes of a line that are compared and shown."""

AROUND = 3
"""Lines of the body that are kept around each difference."""


class Line(Record):
    """One line that was added, taken away, or kept; printable."""

    sign: Literal["+", "-", " "]
    text: str


class Difference(Record):
    """What a milter, or the whole chain, made of a message."""

    milter: str
    """Empty for the whole chain."""
    envelope: tuple[Line, ...]
    """The sender and every recipient."""
    headers: tuple[Line, ...]
    """Every line of every header."""
    body: tuple[Line, ...]
    """The lines that differ and those around them; empty where the body is the same."""
    bytes_before: int
    """Size of the body."""
    bytes_after: int
    not_compared: int
    """Lines of the longer body that were too many to compare."""


def differences(edited: Sequence[Edited]) -> tuple[Difference, ...]:
    """Return what the whole chain made of the message, then what each milter did."""
    return (whole(edited), *map(alone, edited)) if edited else ()


def whole(edited: Sequence[Edited]) -> Difference:
    """Return what a chain made of the message, from the first of *edited* to the last."""
    first, last = edited[0], edited[-1]
    return _difference("", first.before, last.after, first.envelope_before, last.envelope_after)


def alone(edited: Edited) -> Difference:
    """Return what one milter made of the message as it got it."""
    return _difference(
        edited.milter, edited.before, edited.after, edited.envelope_before, edited.envelope_after
    )


def _difference(
    milter: str,
    before: Content,
    after: Content,
    envelope_before: Envelope,
    envelope_after: Envelope,
) -> Difference:
    body: list[Line] = []
    beyond = 0
    if before.body != after.body:
        (old, more), (new, further) = _lines(before.body), _lines(after.body)
        body = list(near_differences(list(compared(old, new))))
        beyond = max(more, further)
    return Difference(
        milter,
        tuple(compared(_envelope(envelope_before), _envelope(envelope_after))),
        tuple(compared(_headers(before), _headers(after))),
        tuple(body),
        len(before.body),
        len(after.body),
        beyond,
    )


def changed(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return those of *lines* that were added or taken away."""
    return tuple(line for line in lines if line.sign != " ")


def compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """Yield the lines of *old* and *new* with what became of each.

    Lines that stand in many places are no anchors: comparing each with each would take long.
    """
    from difflib import SequenceMatcher

    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            yield from (Line(" ", line) for line in old[i1:i2])
        else:
            yield from (Line("-", line) for line in old[i1:i2])
            yield from (Line("+", line) for line in new[j1:j2])


def near_differences(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines that changed and those around them; a gap becomes one line."""
    differs = [at for at, line in enumerate(lines) if line.sign != " "]
    near = {at + step for at in differs for step in range(-AROUND, AROUND + 1)}
    skipped = False
    for at, line in enumerate(lines):
        if at in near:
            yield line
        elif not skipped:
            yield Line(" ", "…")
        skipped = at not in near


def body_lines(body: bytes, most: int) -> tuple[list[str], int]:
    """Return the first *most* lines of *body*, printable, and how many there are in all."""
    lines, more = _lines(body, most)
    return lines, len(lines) + more


def _envelope(envelope: Envelope) -> list[str]:
    sender = f"MAIL FROM:<{printable_bytes(envelope.sender)}>"
    return [sender, *(f"RCPT TO:<{printable_bytes(one)}>" for one in envelope.recipients)]


def _headers(content: Content) -> list[str]:
    lines = (line for header in content.headers for line in _lines(header.line)[0])
    return list(islice(lines, COMPARED))


def _lines(data: bytes, most: int = COMPARED) -> tuple[list[str], int]:
    """Return the first *most* lines of *data*, and how many more there are."""
    lines = data.split(b"\n", most)
    rest = lines.pop()
    if len(lines) < most:
        return [_line(line) for line in ([*lines, rest] if rest else lines)], 0
    unended = bool(rest) and not rest.endswith(b"\n")
    return [_line(line) for line in lines], rest.count(b"\n") + unended


def _line(data: bytes) -> str:
    data = data.removesuffix(b"\r")
    if len(data) <= LONGEST:
        return printable_bytes(data)
    return f"{printable_bytes(data[:LONGEST])}… ({len(data) - LONGEST:,} more bytes)"
