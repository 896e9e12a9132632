"""A load as text: how far it is, verdicts and errors by kind, times stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import milliseconds
from widgets.chain.load.meter import bar
from widgets.chain.verdict import VERDICT_SIGNS
from widgets.ink import joined, said, spaced, took
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.content import Content

    from actions.chain.load.report import (
        ErrorCount,
        LoadProgress,
        LoadReport,
        MilterLoad,
        VerdictCount,
    )
    from actions.chain.load.times import Spread
    from widgets.chain.load.meter import Meter
    from widgets.ink import Tone

NUMBER = 10
"""Cells of a column of the table."""

LONGEST_NAME = 28
"""Cells of the first column; a longer name gets a line of its own."""

MOST_ERRORS = 20
"""Kinds of failure that are listed."""

GOOD: Tone = "good"
WARN: Tone = "warn"

BAR = 30
WIDE_BAR = 60


def progress_rows(
    progress: LoadProgress | None, meter: Meter, duration: float | None, *, width: int
) -> Iterator[Row]:
    """Yield how far a load is.

    Args:
        progress: what was told last; None before the first time.
        meter: its throughput.
        duration: after how many seconds no more sessions are begun; None where only their
            number is limited.
        width: cells of the screen.
    """
    if progress is None:
        yield Row(said(" "), said("starting …", "accent"))
        return
    by_number = progress.done / progress.total if progress.total else 0.0
    by_time = progress.seconds / duration if duration else 0.0
    share = max(by_number, by_time)
    cells = WIDE_BAR if width >= 100 else BAR
    of = f" of {progress.total:,}" if progress.total else ""
    until = f" of {duration:g} s" if duration else " s"
    told = f" {share * 100:3.0f} %  {progress.done:,}{of} sessions, {progress.seconds:.0f}{until}"
    yield Row(said(" "), joined(said(bar(share, cells), "accent"), said(told)))
    now, mean = meter.now, progress.sessions_per_second
    parts = (
        said(f"now {now:,.0f}, mean {mean:,.0f} sessions/s  "),
        said(meter.sparkline, "accent"),
        said(f"  ✗ {_errors_word(progress.errors)}", "bad") if progress.errors else said(""),
    )
    yield Row(said(" "), joined(*parts))


def ending_rows(report: LoadReport, meter: Meter) -> Iterator[Row]:
    """Yield how a load ended, and how fast it was."""
    sign, told, tone = _ending(report)
    yield Row(said(f" {sign} ", tone), said(told, tone))
    if report.undecided:
        told = f"in {report.undecided:,} of them a milter gave no decision"
        yield Row(said(" ? ", "warn"), said(told, "warn"))
    elif report.uneven:
        yield Row(said(" ✗ ", "bad"), said("equal messages came to different verdicts", "bad"))
    yield Row(
        said("   "),
        joined(
            said(f"mean {report.sessions_per_second:,.0f} sessions/s, "),
            said(f"{report.megabytes_per_second:,.2f} MB/s  "),
            said(meter.sparkline, "accent"),
        ),
    )


def result_rows(of: LoadProgress | LoadReport, errors: Sequence[ErrorCount]) -> Iterator[Row]:
    """Yield the verdicts, the *errors* by kind, and the times."""
    yield from _verdicts(of.verdicts)
    yield from _errors(errors)
    if of.session.number:
        yield from _times(of.session, of.milters)


def _ending(report: LoadReport) -> tuple[str, str, Tone]:
    fine = report.sessions and not (report.undecided or report.uneven)
    sign, tone = ("●", GOOD) if fine else ("◐", WARN)
    spent = took(report.seconds)
    if report.ending == "cancelled":
        of = f" of {report.planned:,}" if report.planned else ""
        return "◐", f"Cancelled after {report.sessions:,}{of} sessions, {spent}", WARN
    if report.ending == "the duration is over":
        return sign, f"The time is over: {report.sessions:,} sessions in {spent}", tone
    return sign, f"All {report.sessions:,} sessions done in {spent}", tone


def _verdicts(verdicts: Sequence[VerdictCount]) -> Iterator[Row]:
    sizes = list(dict.fromkeys(one.size for one in verdicts))
    if not sizes:
        return
    yield Row()
    width = max(len(f"{size:,}") for size in sizes)
    for number, size in enumerate(sizes):
        head = said(" Verdicts  " if number == 0 else "           ", "bold")
        counts = (_count(one) for one in verdicts if one.size == size)
        yield Row(head, joined(said(f"{size:>{width},} bytes  ", "dim"), *counts))


def _count(one: VerdictCount) -> Content:
    sign, tone = VERDICT_SIGNS[one.verdict]
    return said(f"{sign} {one.messages:,} {one.verdict}   ", tone)


def _errors(errors: Sequence[ErrorCount]) -> Iterator[Row]:
    if not errors:
        return
    yield Row()
    yield heading(_errors_word(sum(one.number for one in errors)))
    for one in errors[:MOST_ERRORS]:
        head = said(f" ✗ {one.number:>5,} {one.kind:10}  ", "bad")
        told = f"{one.milter} at {one.stage}: {one.text}"
        yield Row(head, said(told), said(f"first after {took(one.first)}", "dim"))
    if len(errors) > MOST_ERRORS:
        more = f"… {len(errors) - MOST_ERRORS:,} more kinds"
        yield Row(said("   "), said(more, "dim"))


def _errors_word(count: int) -> str:
    return f"{count:,} error{'s' if count != 1 else ''}"


def _times(session: Spread, milters: Sequence[MilterLoad]) -> Iterator[Row]:
    names = [one.name for one in milters]
    longest = max((said(name).cell_length for name in (*names, "whole session")), default=0)
    width = min(longest, LONGEST_NAME)
    head = "".join(f"{word:>{NUMBER}}" for word in ("number", "p50", "p90", "p99", "longest"))
    yield Row()
    yield Row(joined(said(" Time", "bold"), spaced(width - 2)), said(head, "dim"))
    yield from _line("whole session", session, width, "")
    for milter in milters:
        yield from _line(milter.name, milter.sessions, width, "bold")
        for stage in milter.stages:
            yield from _line(f"  {stage.stage}", stage.times, width, "dim")


def _line(name: str, spread: Spread, width: int, tone: Tone) -> Iterator[Row]:
    shown = said(name, tone)
    if shown.cell_length > width:
        yield Row(said(" "), shown)
        shown = said("")
    margin = spaced(width + 2 - shown.cell_length)
    times = (spread.p50, spread.p90, spread.p99, spread.longest)
    shares = "".join(f"{_time(one):>{NUMBER}}" for one in times)
    yield Row(joined(" ", shown, margin), said(f"{spread.number:>{NUMBER},}{shares}"))


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 0.01 else milliseconds(seconds)
