"""The ways to mend one edge as text, side by side in one table."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from actions.columns import broken, cells, filled
from actions.finding import Health
from actions.printable import printable
from console.render.columns import folded, width
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.sockets.ways.report import WaysReport
    from actions.sockets.ways.way import Way
    from console.render.hint import Hints

_HEADS = ("way", "lasts", "what it changes", "what it risks")
_NAMES = 15
_LASTS = 11
_GAP = "  "


def render(report: WaysReport, hints: Hints) -> str:
    """Return *report* as text."""
    return "\n".join(_lines(report, hints)) + "\n"


def headline(report: WaysReport) -> str:
    """Return in one line what can be done about the edge."""
    names = ", ".join(way.name for way in report.ways)
    return f"{report.edge.finding.what}: {names or 'no way to mend it is known'}"


def _lines(report: WaysReport, hints: Hints) -> Iterator[str]:
    ink = Ink()
    finding = report.edge.finding
    sign = ink.paint(finding.health.sign, TONES.get(finding.health.sign, ""))
    yield f" {sign} {printable(finding.what)}"
    if finding.health is Health.OK:
        yield "   nothing has to be mended"
        return
    if finding.why:
        yield from folded(finding.why, "   ", "   ")
    if finding.health is Health.UNKNOWN:
        yield "   run it as root to have it proved, and to see what mends it"
        return
    if report.ways:
        yield ""
        yield from _table(report.ways, ink)
    if report.not_offered:
        yield ""
        for one in report.not_offered:
            told = f"not offered: {one.name}: {one.why}"
            step = f"; {one.next_step}" if one.next_step else ""
            yield from folded(f"{told}{step}", "   ", "     ")
    yield ""
    yield from _next(report, hints)


def _next(report: WaysReport, hints: Hints) -> Iterator[str]:
    aim = report.aim
    best = next((one for one in report.ways if one.recommended), None)
    others = [one for one in report.ways if one is not best]
    if best:
        yield f"   mend it: {hints.command('sockets.fix', aim)}"
    if others:
        command = hints.command("sockets.fix", (*aim, ("way", others[0].name)))
        yield f"   {'another way' if best else 'mend it'}: {command}"
    if not report.ways:
        yield "   no way to mend it is known"


def _table(ways: Sequence[Way], ink: Ink) -> Iterator[str]:
    room = max(width(), 60) - _NAMES - _LASTS - 3 - 3 * len(_GAP)
    sizes = (_NAMES, _LASTS, (room + 1) // 2, room // 2)
    yield ink.paint(f"   {_row(_HEADS, sizes)}".rstrip(), "dim")
    for way in ways:
        name = [way.name, "recommended"] if way.recommended else [way.name]
        lasts = ["always"] if way.lasting else _set("until a restart", sizes[1])
        does = [line for one in way.does for line in _set(one, sizes[2], hang="  ")]
        risk = _set(way.risk or "–", sizes[3])
        for number, cell in enumerate(zip_longest(name, lasts, does, risk, fillvalue="")):
            mark = "▸" if way.recommended and not number else " "
            yield f" {mark} {_row(cell, sizes)}".rstrip()


def _row(texts: Iterable[str], sizes: Sequence[int]) -> str:
    padded = (text + " " * (size - cells(text)) for text, size in zip(texts, sizes, strict=True))
    return _GAP.join(padded)


def _set(text: str, room: int, hang: str = "") -> list[str]:
    """Return *text* as harmless lines of at most *room* cells, *hang* before all but the first."""
    words = broken(printable(text).split(" "), room - len(hang))
    lines = filled(words, " ", room - len(hang))
    return [f"{hang if number else ''}{line}" for number, line in enumerate(lines)]
