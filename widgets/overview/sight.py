"""`Sight`: the picture of the host, and under it what is wrong, one finding under the cursor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.message import Message

from actions.overview.picture import picture
from actions.overview.report import SUBJECTS
from actions.overview.scene import scene
from widgets.fault import on_screen
from widgets.ink import SIGN_TONES, joined, said
from widgets.lines import EMPTY, Lines, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.content import Content
    from textual.events import Click, Resize

    from actions.finding import Finding
    from actions.overview.report import Acknowledged, OverviewReport
    from actions.overview.rows import Line

_SHARE = 0.6
"""How much of the height is left to the findings before the picture tells less."""


class Sight(Lines):
    """The picture and the findings; whatever scrolls other text moves the cursor."""

    class Moved(Message):
        """The cursor stands on another finding."""

    def __init__(self) -> None:
        super().__init__()
        self._report: OverviewReport | None = None
        self._cursor = ""
        """The name of the finding under the cursor."""
        self._is_chosen = False
        """Whether the operator put it there; else it stands on the first."""
        self._places: dict[str, int] = {}
        """By name: the first row of a finding."""

    @property
    def current(self) -> Finding | None:
        """The finding under the cursor."""
        return next((one for one in self._findings if one.name == self._cursor), None)

    def put(self, report: OverviewReport | None) -> None:
        """Show *report*; the cursor stays on its finding as long as that is there."""
        before = [one.name for one in self._findings]
        self._report = report
        names = [one.name for one in self._findings]
        if not self._is_chosen:
            self._cursor = names[0] if names else ""
        elif self._cursor not in names:
            at = before.index(self._cursor) if self._cursor in before else 0
            self._cursor = names[min(at, len(names) - 1)] if names else ""
        self._draw()

    def on_resize(self, _: Resize) -> None:
        """Draw anew at another size."""
        self._draw()

    def on_click(self, event: Click) -> None:
        """Put the cursor where was clicked."""
        line = event.y + self.scroll_offset.y
        row = next((at for at, start in reversed([*enumerate(self._starts)]) if start <= line), 0)
        found = [name for name, place in self._places.items() if place <= row]
        if found:
            self._go_to(found[-1])

    def action_scroll_down(self) -> None:
        """Go to the next finding; from the last, on to the end."""
        names = [*self._places]
        at = names.index(self._cursor) + 1 if self._cursor in names else 0
        if at < len(names):
            self._go_to(names[at])
        else:
            super().action_scroll_down()

    def action_scroll_up(self) -> None:
        """Go to the finding before; from the first, back to the picture."""
        names = [*self._places]
        at = names.index(self._cursor) - 1 if self._cursor in names else -1
        if at >= 0:
            self._go_to(names[at])
        else:
            self.scroll_home(animate=False)

    @property
    def _findings(self) -> tuple[Finding, ...]:
        if self._report is None:
            return ()
        known = (one.finding for one in self._report.acknowledged)
        return (*self._report.findings, *known)

    def _go_to(self, name: str) -> None:
        self._cursor, self._is_chosen = name, True
        self._draw()
        self.reveal(self._places[name])
        self.post_message(self.Moved())

    def _draw(self) -> None:
        size = self.scrollable_content_region
        if not size.width or self._report is None:
            self.show([])
            return
        below = _height(self._below(()), size.width)
        room = size.height - min(below, int(size.height * _SHARE)) - 1
        drawn = picture(scene(self._report, time.time()), size.width, room)
        head = [*(Row(body=_content(line)) for line in drawn), Row()]
        for whole, spaced in ((True, True), (True, False), (False, False)):
            rows = self._below(head, whole=whole, spaced=spaced)
            if _height(rows, size.width) <= size.height:
                break
        if _looks(rows) != _looks(self._rows) or size.width != self._width:
            self.show(rows)

    def _below(
        self, head: Sequence[Row], *, whole: bool = False, spaced: bool = False
    ) -> list[Row]:
        """Return all rows: *head*, then the findings.

        Args:
            head: the picture.
            whole: whether everything is told of each finding, or only of that under the cursor.
            spaced: whether a row is left free after each.
        """
        assert self._report is not None
        rows, self._places = [*head], {}
        for finding in self._report.findings:
            self._places[finding.name] = len(rows)
            rows += self._finding(finding, whole=whole)
            rows += [Row()] if spaced else []
        for known in self._report.acknowledged:
            self._places[known.finding.name] = len(rows)
            rows += self._acknowledged(known)
        rows += _closing(self._report)
        return rows

    def _finding(self, finding: Finding, *, whole: bool) -> Iterator[Row]:
        is_here = finding.name == self._cursor
        sign = finding.health.sign
        body = said(finding.what)
        yield Row(said(f" {sign} ", SIGN_TONES[sign]), body.stylize("reverse") if is_here else body)
        if not (whole or is_here):
            return
        if finding.why:
            yield Row(said("   "), said(on_screen(finding.why), "dim"))
        if finding.remedy:
            yield Row(said("   f  ", "key" if is_here else "dim"), said(finding.remedy.summary))

    def _acknowledged(self, known: Acknowledged) -> Iterator[Row]:
        is_here = known.finding.name == self._cursor
        body = said(known.finding.what, "dim")
        yield Row(said(" – ", "dim"), body.stylize("reverse") if is_here else body)
        reason = f": {known.reason}" if known.reason else ""
        yield Row(said("   "), said(f"acknowledged until {known.until}{reason}", "dim"))


def _looks(rows: Sequence[Row]) -> list[object]:
    """Return what two drawings have in common that look the same; contents compare no styles."""
    return [(part.plain, part.spans) for row in rows for part in row]


def _height(rows: Sequence[Row], width: int) -> int:
    return sum(len(row.folded(width)) for row in rows)


def _closing(report: OverviewReport) -> Iterator[Row]:
    """Yield what is to be said at the end: that nothing is wrong, and what is not known yet."""
    looked = [SUBJECTS.get(one.name, one.name) for one in report.looks if not one.trouble]
    first = [one for one in report.under_way if one not in {look.name for look in report.looks}]
    if first:
        names = ", ".join(SUBJECTS.get(one, one) for one in first)
        yield Row(said("   "), said(f"looking at {names} …", "dim"))
    elif not report.findings:
        told = f"   looked at {', '.join(looked)}"
        words = "Nothing else wrong" if report.acknowledged else "Nothing wrong"
        yield Row(said(" ● ", "good"), joined(said(words), said(told, "dim")))
    for note in report.notes:
        yield Row(said(" ? ", "warn"), said(note, "warn"))


def _content(line: Line) -> Content:
    return joined(*(said(span.text, span.tone) for span in line)) if line else EMPTY
