"""The message before and after the chain, as a diff: envelope, headers, body."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from actions.printable import printable_bytes
from actions.record import Record
from widgets.ink import Tone, said
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.milter.chain import Edited
    from actions.milter.message import Content, Envelope

COMPARED = 1000
"""Lines of a body, or headers, that are compared; more would take too long to look at."""

AROUND = 3
"""Lines of the body that are shown around each difference."""

_TONES: dict[str, Tone] = {"+": "good", "-": "bad", " ": ""}


class Compared(Record):
    """One line that was added, removed, or kept."""

    sign: Literal["+", "-", " "]
    text: str


def difference_rows(edited: Sequence[Edited]) -> list[Row]:
    """Return what the whole chain made of the message, then each milter's part of it."""
    if not edited:
        return [Row(said(" "), said("No milter changed the message.", "dim"))]
    first, last = edited[0], edited[-1]
    rows = [heading("Before and after the whole chain"), Row()]
    rows += _message(first.before, last.after, first.envelope_before, last.envelope_after)
    if len(edited) > 1:
        for one in edited:
            rows += [Row(), heading(f"{one.milter} alone"), Row()]
            rows += _changes_only(one)
    return rows


def _message(
    before: Content, after: Content, envelope_before: Envelope, envelope_after: Envelope
) -> Iterator[Row]:
    """Yield the whole message: every header, and the body around its differences."""
    changed = list(compared(_envelope(envelope_before), _envelope(envelope_after)))
    if any(line.sign != " " for line in changed):
        yield from _shown(changed)
        yield Row()
    yield from _shown(compared(_headers(before), _headers(after)))
    yield Row()
    yield from _body(before.body, after.body)


def _changes_only(edited: Edited) -> Iterator[Row]:
    lines = [
        *compared(_envelope(edited.envelope_before), _envelope(edited.envelope_after)),
        *compared(_headers(edited.before), _headers(edited.after)),
    ]
    changed = [line for line in lines if line.sign != " "]
    yield from _shown(changed)
    if edited.before.body != edited.after.body:
        yield Row(said("   ~ ", "warn"), said("body replaced"))
    elif not changed:
        yield Row(said("   "), said("nothing is different afterwards", "dim"))


def _body(before: bytes, after: bytes) -> Iterator[Row]:
    old, new = _lines(before), _lines(after)
    if old == new:
        lines = [Compared(" ", line) for line in old[: 2 * AROUND]]
        yield from _shown(lines)
        if len(old) > len(lines):
            yield Row(said("     "), said(f"… {len(old) - len(lines):,} more lines", "dim"))
        yield Row(said("   "), said(f"body unchanged, {len(before):,} bytes", "dim"))
        return
    yield from _shown(near_differences(list(compared(old, new))))
    if max(len(old), len(new)) > COMPARED:
        yield Row(said("   "), said(f"only the first {COMPARED:,} lines are compared", "dim"))
    yield Row(
        said("   "), said(f"body changed, {len(before):,} bytes before, {len(after):,} now", "dim")
    )


def compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Compared]:
    """Yield the lines of *old* and *new* with what became of each; the first thousand."""
    old, new = old[:COMPARED], new[:COMPARED]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Compared(" ", line) for line in old[i1:i2])
        else:
            yield from (Compared("-", line) for line in old[i1:i2])
            yield from (Compared("+", line) for line in new[j1:j2])


def near_differences(lines: Sequence[Compared]) -> Iterator[Compared]:
    """Yield the lines that changed and those around them; a gap becomes one line."""
    changed = [at for at, line in enumerate(lines) if line.sign != " "]
    near = {at + step for at in changed for step in range(-AROUND, AROUND + 1)}
    skipped = False
    for at, line in enumerate(lines):
        if at in near:
            yield line
        elif not skipped:
            yield Compared(" ", "…")
        skipped = at not in near


def _shown(lines: Sequence[Compared] | Iterator[Compared]) -> Iterator[Row]:
    for line in lines:
        yield Row(said(f"   {line.sign} ", _TONES[line.sign]), said(line.text, _TONES[line.sign]))


def _envelope(envelope: Envelope) -> list[str]:
    sender = f"MAIL FROM:<{printable_bytes(envelope.sender)}>"
    return [sender, *(f"RCPT TO:<{printable_bytes(one)}>" for one in envelope.recipients)]


def _headers(content: Content) -> list[str]:
    return [line for header in content.headers for line in _lines(header.line)]


def _lines(data: bytes) -> list[str]:
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    return [printable_bytes(line) for line in (lines[:-1] if lines[-1] == b"" else lines)]
