"""Two runs of this sitting side by side, and the last few runs to choose from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.chain.compare import NOT_REACHED, Changed, compare, ratio
from actions.chain.table import headline, milliseconds
from actions.record import Record
from widgets.chain.details import edit_line
from widgets.chain.verdict import VERDICT_SIGNS
from widgets.choice import Alternative, Choice
from widgets.given import as_text
from widgets.ink import joined, said, spaced
from widgets.lines import Row
from widgets.page import Page, heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import App
    from textual.content import Content

    from actions.chain.compare import Comparison, EditChanged, MilterCompared, Shifted
    from actions.chain.report import ChainReport
    from widgets.ink import Tone

MOST_RUNS = 10
"""Runs that are kept."""

MOST_EDITS = 50
"""Changed edits listed of one milter."""

TIME = 10
"""Cells of a column of times."""

TOLD_BY_THE_REPORT = {
    *("sample", "message", "profile", "connect_host", "connect_address", "helo"),
    *("sender", "recipient", "as_user", "milter", "threads", "trace"),
}
"""Arguments whose difference shows in what the report says of itself."""

NOTABLE = 2.0
"""A milter that takes so many times as long, or as little, is pointed at."""

NOISE = 0.002
"""Seconds of difference that are never pointed at."""


class Finished(Record):
    """A test that was run in this sitting."""

    at: str
    """The time of day."""
    asked: str
    """In one line, which milters were asked with what."""
    given: Mapping[str, object]
    report: ChainReport


class Runs:
    """The last few runs, the newest last."""

    def __init__(self) -> None:
        self._kept: list[Finished] = []

    def keep(self, report: ChainReport, asked: str, given: Mapping[str, object]) -> None:
        """Keep *report*, without what may be large and is not compared."""
        lean = report._replace(trace=(), message_after=b"", edited=(), differences=())
        at = time.strftime("%H:%M:%S")
        self._kept = [*self._kept[1 - MOST_RUNS :], Finished(at, asked, dict(given), lean)]

    @property
    def comparable(self) -> bool:
        """Whether there are two."""
        return len(self._kept) > 1

    @property
    def last(self) -> Finished:
        """The newest."""
        return self._kept[-1]

    @property
    def earlier(self) -> list[Finished]:
        """The others, the newest first."""
        return self._kept[-2::-1]


def ask(app: App[None], runs: Runs) -> None:
    """Show what differs between the last of *runs* and the one before, or one that is chosen."""
    now, earlier = runs.last, runs.earlier

    def show(value: str | None) -> None:
        if value is not None:
            rows = comparison_rows(earlier[int(value)], now)
            app.push_screen(Page("Comparison of two runs", rows))

    if len(earlier) == 1:
        show("0")
        return
    choices = [
        Alternative(str(place), one.at, f"{headline(one.report)} · {one.asked}")
        for place, one in enumerate(earlier)
    ]
    app.push_screen(Choice(f"With which run is that of {now.at} compared", choices, "0"), show)


def comparison_rows(then: Finished, now: Finished) -> list[Row]:
    """Return what differs between the run *then* and the run *now*."""
    found = compare(then.report, now.report)
    rows = [_run("then", then), _run("now", now), Row()]
    asked = (*found.asked, *_options(then.given, now.given))
    if found.same and not asked:
        told = "Nothing differs but times."
        rows += [Row(said(" ● ", "good"), said(told, "good")), Row()]
    if asked:
        rows += [heading("Asked differently"), *_table(asked), Row()]
    rows += [*_verdicts(found, then.report, now.report), Row()]
    return [*rows, *_milters(found)]


def _run(word: str, run: Finished) -> Row:
    return Row(said(f" {word:4}  {run.at}  ", "dim"), said(run.asked))


def _options(then: Mapping[str, object], now: Mapping[str, object]) -> Iterator[Changed]:
    for name in dict.fromkeys((*then, *now)):
        old, new = (as_text(one.get(name, "")).replace("\n", ", ") for one in (then, now))
        if name not in TOLD_BY_THE_REPORT and old != new:
            yield Changed(name.replace("_", " "), old or "as usual", new or "as usual")


def _table(changes: Sequence[Changed]) -> Iterator[Row]:
    width = max((said(one.what).cell_length for one in changes), default=0)
    for one in changes:
        name = said(one.what)
        head = joined("   ", name, spaced(width - name.cell_length + 2))
        yield Row(head, _from_to(one))


def _from_to(one: Changed) -> Content:
    then, now = one.then or "none", one.now or "none"
    return joined(said(then, "dim"), said(" → ", "accent"), said(now))


def _verdicts(found: Comparison, then: ChainReport, now: ChainReport) -> Iterator[Row]:
    yield heading("Verdict")
    same = found.verdict.then == found.verdict.now and then.reply == now.reply
    for word, report in (("both", now),) if same else (("then", then), ("now", now)):
        sign, tone = VERDICT_SIGNS[report.status]
        head = said(f"   {word:4}  ", "dim")
        yield Row(head, said(f"{sign} {headline(report)}", tone))
        if report.reply:
            yield Row(spaced(11), said(report.reply))
    others = [one for one in found.outcome if one.what != "reply"]
    yield from _table(others)


def _milters(found: Comparison) -> Iterator[Row]:
    titles = [f"└ {one.name}" if one.manager else one.name for one in found.milters]
    width = max((said(title).cell_length for title in (*titles, "in all")), default=0)
    yield Row(
        joined(said(" Milters", "bold"), spaced(width - 3)),
        said(f"{'then':>{TIME}}   {'now':>{TIME}}", "dim"),
    )
    for title, one in zip(titles, found.milters, strict=True):
        yield _times(title, one.then, one.now, width, one)
        yield from _milter(one)
    yield _times("in all", found.then, found.now, width)


def _times(
    title: str, then: float | None, now: float | None, width: int, one: MilterCompared | None = None
) -> Row:
    name = said(title)
    head = joined("   ", name, spaced(width - name.cell_length + 2))
    both = said(f"{_time(then):>{TIME}} → {_time(now):>{TIME}}")
    factor = ratio(then, now)
    if factor is None or then is None or now is None:
        return Row(head, both)
    tone = _tone(factor, abs(now - then))
    where = one.slower_at if one and tone == "warn" else None
    told = f"  ×{_factor(factor)}" + (f", most of it at {where.words}" if where else "")
    return Row(head, joined(both, said(told, tone)))


def _time(seconds: float | None) -> str:
    return "not asked" if seconds is None else milliseconds(seconds)


def _factor(factor: float) -> str:
    if factor < 0.1:
        return f"{max(factor, 0.01):.2f}"
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.1f}"


def _tone(factor: float, difference: float) -> Tone:
    if difference < NOISE or 1 / NOTABLE < factor < NOTABLE:
        return "dim"
    return "warn" if factor > 1 else "good"


def _milter(one: MilterCompared) -> Iterator[Row]:
    for changed in one.opening:
        yield Row(said(f"     {changed.what}  ", "dim"), _from_to(changed))
    for shifted in one.wishes:
        yield Row(said(f"     {shifted.what}  ", "dim"), _shift(shifted))
    yield from _answers(one.answers)
    for edit in one.edits[:MOST_EDITS]:
        yield from _edit(edit)
    if len(one.edits) > MOST_EDITS:
        more = f"… {len(one.edits) - MOST_EDITS:,} more edits differ"
        yield Row(spaced(5), said(more, "dim"))


def _answers(answers: Sequence[Changed]) -> Iterator[Row]:
    """Yield the answers that differ; the stages that were not reached any more in one row."""
    missed = [one.what for one in answers if one.now == NOT_REACHED]
    for one in answers:
        if one.now != NOT_REACHED:
            yield Row(said(f"     at {one.what}  ", "dim"), _from_to(one))
    if missed:
        yield Row(said("     not reached now  ", "dim"), said(", ".join(missed)))


def _shift(one: Shifted) -> Content:
    gained = (said(f"+ {name}  ", "good") for name in one.gained)
    lost = (said(f"- {name}  ", "bad") for name in one.lost)
    return joined(*gained, *lost)


def _edit(one: EditChanged) -> Iterator[Row]:
    words = ("edit then ", "edit now ") if one.then and one.now else ("edit gone ", "edit new ")
    for word, edit in zip(words, (one.then, one.now), strict=True):
        if edit:
            yield Row(said(f"     {word:10} ", "dim"), edit_line(edit))
