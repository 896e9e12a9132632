"""The overview as text: the picture, what is wrong under it, and what is acknowledged."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.overview.picture import picture
from actions.overview.scene import moment, scene
from console.render.columns import folded, width
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.finding import Finding
    from actions.overview.report import Change, OverviewReport
    from actions.overview.rows import Line
    from console.render.hint import Hints

TALL = 60
"""Rows that the picture may take where there is no screen to fit."""

WORDS = {Health.DOWN: "problem", Health.DEGRADED: "warning", Health.UNKNOWN: "unknown"}
"""How findings of each state are counted."""


def render(report: OverviewReport, hints: Hints) -> str:
    """Return *report* as text; with ``--since-last`` only what changed."""
    ink = Ink()
    if report.since_last is not None:
        lines = [*_since_last(report, ink, hints), *_notes(report, ink)]
        return "".join(f"{line}\n" for line in lines)
    lines = ["", *_picture(report, ink), ""]
    for finding in report.findings:
        lines += _finding(finding, report, ink, hints)
    lines += _acknowledged(report, ink)
    lines += _notes(report, ink)
    lines.append(ink.paint(f" {_summary(report)}", "dim"))
    return "\n".join(lines) + "\n"


def headline(report: OverviewReport) -> str:
    """Return what is wrong in one line, the worst first."""
    if report.since_last is not None:
        told = [f"{one.kind}: {one.what}" for one in report.since_last.changes]
        return "; ".join(told) or "nothing changed since the last look"
    return "; ".join([_summary(report), *(finding.what for finding in report.findings)])


def _picture(report: OverviewReport, ink: Ink) -> Iterator[str]:
    now = time.time()
    for line in picture(scene(report, now), max(width(), 80), TALL):
        yield _painted(line, ink).rstrip()


def _painted(line: Line, ink: Ink) -> str:
    return "".join(ink.paint(span.text, span.tone) for span in line)


def _finding(
    finding: Finding, report: OverviewReport, ink: Ink, hints: Hints, lead: str = ""
) -> Iterator[str]:
    sign = ink.paint(finding.health.sign, TONES[finding.health.sign])
    first, *more = folded(f"{lead}{finding.what}", "   ", "   ")
    yield f" {sign} {first[3:]}"
    yield from more
    for line in folded(" · ".join(filter(None, (finding.where, finding.name))), "   ", "     "):
        yield ink.paint(line, "dim")
    if finding.why:
        yield from folded(finding.why, "   ", "   ")
    for other in report.also(finding):
        yield from folded(f"also: {other.what}", "   ", "     ")
    for known in report.expired:
        if known.name == finding.name:
            yield from folded(f"acknowledged until {known.until}: it counts again", "   ", "     ")
    if finding.remedy:
        command = hints.command(finding.remedy.action, finding.remedy.arguments)
        yield f"   mend it: {command}"


def _since_last(report: OverviewReport, ink: Ink, hints: Hints) -> Iterator[str]:
    assert report.since_last is not None
    changes, when = report.since_last.changes, report.since_last.when
    then = f"since {moment(when, time.time())}" if when is not None else "for the first time"
    for change in changes:
        yield from _change(change, report, ink, hints)
    if changes:
        yield ink.paint(f" looked {then}; {_summary(report)}", "dim")
    elif sys.stdout.isatty():  # cron sends a mail for every word
        yield ink.paint(f" nothing changed {then}; {_summary(report)}", "dim")


def _change(change: Change, report: OverviewReport, ink: Ink, hints: Hints) -> Iterator[str]:
    if change.finding is None:
        sign = ink.paint(Health.OK.sign, TONES[Health.OK.sign])
        yield from folded(f"gone: {change.what}", f" {sign} ", "   ")
        yield ink.paint(f"   {change.name} · was {change.was}", "dim")
        return
    was = f" (was {change.was})" if change.was else ""
    yield from _finding(change.finding, report, ink, hints, f"{change.kind}{was}: ")


def _acknowledged(report: OverviewReport, ink: Ink) -> Iterator[str]:
    for one in report.acknowledged:
        reason = f": {one.reason}" if one.reason else ""
        yield ink.paint(" – ", "dim") + "\n   ".join(folded(one.finding.what, "", ""))
        for line in folded(f"acknowledged until {one.until}{reason}", "   ", "     "):
            yield ink.paint(line, "dim")
    for known in report.unmatched:
        told = f"acknowledged until {known.until}, and not found now: {known.name}"
        for line in folded(told, "   ", "     "):
            yield ink.paint(line, "dim")


def _notes(report: OverviewReport, ink: Ink) -> Iterator[str]:
    for note in report.notes:
        for line in folded(f"note: {note}", " ", "   "):
            yield ink.paint(line, "warn")


def _summary(report: OverviewReport) -> str:
    counts = Counter(finding.health for finding in report.findings)
    told = [
        f"{counts[health]} {word}{'s' if counts[health] > 1 and word != 'unknown' else ''}"
        for health, word in WORDS.items()
        if counts[health]
    ] or ["nothing wrong found"]
    if report.acknowledged:
        told.append(f"{len(report.acknowledged)} acknowledged")
    return " · ".join(told)
