"""The message before and after the chain, as a diff: envelope, headers, body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.difference import alone, body_lines, changed, whole
from widgets.ink import Tone, said
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.difference import Difference, Line
    from actions.milter.chain import Edited

SHOWN = 6
"""Lines of a body that stayed as it was."""

_TONES: dict[str, Tone] = {"+": "good", "-": "bad", " ": ""}


def difference_rows(edited: Sequence[Edited]) -> list[Row]:
    """Return what the whole chain made of the message, then each milter's part of it."""
    if not edited:
        return [Row(said(" "), said("No milter changed the message.", "dim"))]
    rows = [heading("Before and after the whole chain"), Row()]
    rows += _message(whole(edited), edited[-1].after.body)
    if len(edited) > 1:
        for one in edited:
            rows += [Row(), heading(f"{one.milter} alone"), Row()]
            rows += _changes_only(alone(one))
    return rows


def _message(difference: Difference, body: bytes) -> Iterator[Row]:
    """Yield the whole message: every header, and the body around its differences."""
    if changed(difference.envelope):
        yield from _shown(difference.envelope)
        yield Row()
    yield from _shown(difference.headers)
    yield Row()
    yield from _body(difference, body)


def _changes_only(difference: Difference) -> Iterator[Row]:
    lines = changed((*difference.envelope, *difference.headers))
    yield from _shown(lines)
    if difference.body:
        yield Row(said("   ~ ", "warn"), said("body replaced"))
    elif not lines:
        yield Row(said("   "), said("nothing is different afterwards", "dim"))


def _body(difference: Difference, body: bytes) -> Iterator[Row]:
    if not difference.body:
        lines, number = body_lines(body, SHOWN)
        for line in lines:
            yield Row(said("     "), said(line))
        if number > len(lines):
            yield Row(said("     "), said(f"… {number - len(lines):,} more lines", "dim"))
        yield Row(said("   "), said(f"body unchanged, {len(body):,} bytes", "dim"))
        return
    yield from _shown(difference.body)
    if difference.not_compared:
        more = f"{difference.not_compared:,} more lines were not compared"
        yield Row(said("   "), said(more, "dim"))
    sizes = f"{difference.bytes_before:,} bytes before, {difference.bytes_after:,} now"
    yield Row(said("   "), said(f"body changed, {sizes}", "dim"))


def _shown(lines: Sequence[Line]) -> Iterator[Row]:
    for line in lines:
        yield Row(said(f"   {line.sign} ", _TONES[line.sign]), said(line.text, _TONES[line.sign]))
