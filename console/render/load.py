"""A load as text: throughput, times of each milter by stage, verdicts, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.printable import printable
from console.render.columns import folded
from console.render.ink import Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.chain.load.report import ErrorCount, LoadReport, MilterLoad
    from actions.chain.load.times import Spread
    from console.render.hint import Hints

_GOOD = ("pass", "accept")


def render(report: LoadReport, hints: Hints) -> str:
    """Return *report* as tables of times and counts."""
    ink = Ink()
    lines = ["", *_heading(report, ink), "", *_times(report, ink), "", *_verdicts(report, ink)]
    if report.errors:
        lines += ["", " Errors", *map(_error, report.errors)]
        lines += _socket_hints(report, hints)
    lines.append("")
    for tone, told in (("warn", report.doubts), ("dim", report.notes)):
        for text in told:
            lines += [ink.paint(line, tone) for line in folded(text, "   ", "     ")]
    return "\n".join(lines) + "\n"


def headline(report: LoadReport) -> str:
    """Return what it came to in one line."""
    undecided = f", {report.undecided} undecided" if report.undecided else ""
    if report.doubts:
        undecided += f" - {report.doubts[0]}"
    times = f"p50 {_short(report.session.p50)}, p99 {_short(report.session.p99)}"
    return f"{_ended(report)}: {report.sessions_per_second:.1f} sessions/s, {times}{undecided}"


def _ended(report: LoadReport) -> str:
    done = f"{report.sessions} sessions"
    if report.ending == "cancelled":
        of = f" of {report.planned}" if report.planned is not None else " sessions"
        return f"cancelled after {report.sessions}{of}"
    return f"{done}, {report.ending}" if report.ending == "the duration is over" else done


def _heading(report: LoadReport, ink: Ink) -> Iterator[str]:
    asked = report.setting
    as_user = f" · sockets opened as {asked.as_user}" if asked.as_user else ""
    told = f"{asked.sample} · {asked.profile} client {asked.client}{as_user}"
    for line in folded(told, " ", " "):
        yield ink.paint(line, "bold")
    tone = "good" if report.exit_code == 0 else "warn"
    yield ink.paint(
        f" {_ended(report)}, {report.parallel} at once, in {report.seconds:.1f} s", tone
    )
    yield (
        f" {report.sessions_per_second:.1f} sessions/s · {report.messages_per_second:.1f} "
        f"messages/s · {report.megabytes_per_second:.2f} MB/s"
    )


def _times(report: LoadReport, ink: Ink) -> Iterator[str]:
    head = "".join(f"{name:>11}" for name in ("number", "p50", "p90", "p99", "longest"))
    yield ink.paint(f" {'':22}{head}", "dim")
    yield _row("whole session", report.session)
    for milter in report.milters:
        yield from _milter(milter)


def _milter(milter: MilterLoad) -> Iterator[str]:
    if not milter.sessions.number:
        return
    yield _row(printable(milter.name), milter.sessions)
    for one in milter.stages:
        yield _row(f"  {one.stage}", one.times)


def _row(name: str, times: Spread) -> str:
    shown = (times.p50, times.p90, times.p99, times.longest)
    cells = "".join(f"{_short(seconds):>11}" for seconds in shown)
    return f" {name[:22]:22}{times.number:>11}{cells}"


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 10 else f"{seconds:.1f} s"


def _verdicts(report: LoadReport, ink: Ink) -> Iterator[str]:
    for one in report.verdicts:
        tone = "good" if one.verdict in _GOOD else "warn"
        yield f" {one.messages:>9} × {ink.paint(one.verdict, tone)} ({one.size} bytes)"
    if report.uneven:
        yield ink.paint(" equal messages had different verdicts", "warn")


def _error(error: ErrorCount) -> str:
    at = f"{error.milter} at {error.stage}"
    return printable(
        f" {error.number:>9} × {error.kind}: {error.text} ({at}, first after {error.first:.1f} s)"
    )


def _socket_hints(report: LoadReport, hints: Hints) -> Iterator[str]:
    closed = {error.milter for error in report.errors if error.kind == "connection"}
    for milter in report.milters:
        if milter.name in closed:
            command = hints.command("sockets.check", (("milter", milter.endpoint),))
            yield f"   see why: {command}"
