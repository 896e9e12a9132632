"""The ways to mend an edge: each with how long it lasts, what it changes, and what it risks."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from textual.content import Content

from widgets.ink import SIGN_TONES, joined, said, signed, spaced
from widgets.lines import EMPTY, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.sockets.ways.offers import NotOffered
    from actions.sockets.ways.way import Way

MARGIN = 3
"""Cells before each way."""

GAP = 2
"""Cells between two columns."""

ROOMY = 96
"""From this width on, what is compared stands in columns; below it, under each other."""

LASTS = 11
"""Cells for how long it lasts."""

TITLES = 0.3
"""How much of what is left goes to the titles."""

CHANGES = 0.6
"""How much of what is left then goes to what is changed."""


def way_rows(ways: Sequence[Way], width: int) -> list[Row]:
    """Return a row for each way, with what there is to compare."""
    return [_beside(way, width) if width >= ROOMY else _below(way) for way in ways]


def heading(width: int) -> Content:
    """Return what stands above the ways, and above their columns."""
    title = said("What mends it", "bold")
    if width < ROOMY:
        return title
    titles, *sizes = _columns(width)
    heads = (title, said(""), said("what it changes", "dim"), said("what it risks", "dim"))
    return _in_columns(heads, (titles + MARGIN - 1, *sizes))


def brief_rows(ways: Sequence[Way]) -> list[Row]:
    """Return the ways by their titles."""
    return [_titled(way, said(way.title)) for way in ways]


def declined_rows(declined: Sequence[NotOffered]) -> list[Row]:
    """Return the ways that are not offered here, each with why."""
    return [Row(said(" – ", "dim"), said(_why(one), "dim")) for one in declined]


def _why(one: NotOffered) -> str:
    step = f"; {one.next_step}" if one.next_step else ""
    return f"{one.name} is not offered: {one.why}{step}"


def _columns(width: int) -> tuple[int, int, int, int]:
    """Return how wide the columns are: title, how long it lasts, changes, risk."""
    room = width - MARGIN - LASTS - 3 * GAP
    titles = int(room * TITLES)
    changes = int((room - titles) * CHANGES)
    return titles, LASTS, changes, room - titles - changes


def _beside(way: Way, width: int) -> Row:
    sizes = _columns(width)
    title = [*said(way.title, "bold").wrap(sizes[0]), *_name(way).wrap(sizes[0])]
    does = [line for one in way.does for line in said(one).wrap(sizes[2])]
    columns = (title, [_lasts(way)], does, said(way.risk or "–", "dim").wrap(sizes[3]))
    lines = [_in_columns(cells, sizes) for cells in zip_longest(*columns, fillvalue=EMPTY)]
    return Row(spaced(MARGIN), Content("\n").join(lines))


def _in_columns(cells: Sequence[Content], sizes: Sequence[int]) -> Content:
    padded = (
        joined(cell, spaced(size - cell.cell_length))
        for cell, size in zip(cells, sizes, strict=True)
    )
    return spaced(GAP).join(padded)


def _below(way: Way) -> Row:
    title = _titled(way, said(way.title, "bold"))
    lines = [title.body, *map(said, way.does)]
    if way.risk:
        lines.append(said(f"risk: {way.risk}", "dim"))
    return title._replace(body=Content("\n").join(lines))


def _titled(way: Way, title: Content) -> Row:
    sign, word = ("●", "lasting") if way.lasting else ("◐", "temporary")
    tone = SIGN_TONES[sign]
    lasts = joined(said(word, tone), said(" · "), _name(way))
    return Row(said(f" {sign} ", tone), joined(title, spaced(GAP), lasts))


def _name(way: Way) -> Content:
    return said(f"{way.name}, recommended" if way.recommended else way.name, "dim")


def _lasts(way: Way) -> Content:
    return signed("●", "lasting") if way.lasting else signed("◐", "temporary")
