"""The message before and after the chain, as text: only what is different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.difference import changed
from actions.printable import printable
from console.render.columns import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.difference import Difference, Line
    from console.render.ink import Ink

_TONES = {"+": "good", "-": "bad", " ": "dim"}


def difference_lines(differences: Sequence[Difference], ink: Ink) -> Iterator[str]:
    """Yield what the whole chain changed, then each milter's part where there were several.

    A milter that only added headers is left out: its edits say the same.
    """
    whole, *parts = differences
    yield from _one("The message, before and after the chain", whole, ink)
    if len(parts) > 1:
        for part in parts:
            if any(line.sign == "-" for line in part.headers + part.envelope) or part.body:
                yield from _one(f"The part of {part.milter}", part, ink)


def _one(title: str, difference: Difference, ink: Ink) -> Iterator[str]:
    yield ink.paint(printable(f" {title}"), "bold")
    lines = changed((*difference.envelope, *difference.headers))
    yield from _lines(lines, ink)
    if difference.body:
        sizes = f"{difference.bytes_before:,} bytes before, {difference.bytes_after:,} now"
        yield ink.paint(f"   body, {sizes}", "dim")
        yield from _lines(difference.body, ink)
    elif not lines:
        yield ink.paint("   nothing is different afterwards", "dim")
    if difference.not_compared:
        yield ink.paint(f"   {difference.not_compared:,} more lines were not compared", "dim")


def _lines(lines: Sequence[Line], ink: Ink) -> Iterator[str]:
    for line in lines:
        for part in folded(line.text, f"   {line.sign} ", " " * 7):
            yield ink.paint(part, _TONES[line.sign])
