"""What a chain test came to: who decided, where, with which words; the edits; the times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import headline, milliseconds, side_by_side
from widgets.chain.details import edit_line
from widgets.ink import Tone, joined, said
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.content import Content

    from actions.chain.report import ChainReport, ChildResult, Verdict
    from actions.finding import Finding
    from widgets.chain.course import Course, Lane

MOST_EDITS = 100
"""Edits listed under the verdict."""

VERDICT_SIGNS: dict[Verdict, tuple[str, Tone]] = {
    "pass": ("●", "good"),
    "accept": ("●", "good"),
    "reject": ("✗", "bad"),
    "discard": ("✗", "bad"),
    "temporary-failure": ("◐", "warn"),
    "quarantine": ("◐", "warn"),
    "undecided": ("?", "warn"),
}
"""The sign and the tone of each verdict."""


def verdict_rows(report: ChainReport, *, cause: bool = True) -> Iterator[Row]:
    """Yield the verdict, its words and its *cause*, unless that is told in full below."""
    sign, tone = VERDICT_SIGNS[report.status]
    if report.is_delivered and report.doubts:
        sign, tone = "◐", "warn"
    yield Row(said(f" {sign} ", tone), said(headline(report), tone).stylize("bold"))
    for doubt in report.doubts:
        yield _under(said(doubt, tone))
    if report.reply:
        yield _under(said(report.reply))
    if report.because and cause:
        yield _under(said(report.because))
    if report.shown.expect:
        met = report.is_as_expected
        told = "as expected" if met else "not as expected"
        yield _under(said(f"{told}: wanted {report.shown.expect}", "good" if met else "bad"))
    yield from _refusals(report)


def child_rows(report: ChainReport) -> Iterator[Row]:
    """Yield what the milters behind a manager decided when they were asked directly."""
    for manager in dict.fromkeys(child.manager for child in report.children):
        told = [child for child in report.children if child.manager == manager]
        said_of = [row for child in told for row in _child(child)]
        if said_of:
            yield Row()
            yield heading(f"Behind {manager}, asked directly")
            yield from said_of


def _child(child: ChildResult) -> Iterator[Row]:
    name = child.milter.name
    if child.status not in {"pass", "accept"}:
        sign, tone = VERDICT_SIGNS[child.status]
        at = f" at {child.decided_at.words}" if child.decided_at else ""
        yield Row(said(f" {sign} ", tone), said(f"{name}: {child.status}{at}", tone))
        if child.reply or child.because:
            yield _under(said(child.reply or child.because))
    if child.skipped:
        yield Row(said(" – ", "dim"), said(f"{child.manager} skipped {name}: {child.skipped}"))


def note_rows(report: ChainReport) -> Iterator[Row]:
    """Yield what else is to be known of the test."""
    for note in report.notes:
        yield _under(said(note, "dim"))
    for line in side_by_side(report):
        yield _under(said(line))
    as_user = f" · sockets opened as {report.setting.as_user}" if report.setting.as_user else ""
    yield _under(said(f"{milliseconds(report.seconds)} in all{as_user}", "dim"))


def edit_rows(course: Course) -> Iterator[Row]:
    """Yield the edits of each milter."""
    edited = [(lane, edit) for lane in course.chain for one in lane.exchanges for edit in one.edits]
    if not edited:
        return
    yield Row()
    yield heading("Edits")
    width = max(said(lane.name).cell_length for lane, _ in edited)
    named: Lane | None = None
    for lane, edit in edited[:MOST_EDITS]:
        name = said("" if lane is named else lane.name)
        margin = " " * (width - name.cell_length)
        yield Row(joined(said("   "), name, said(f"{margin}  ")), edit_line(edit))
        named = lane
    if len(edited) > MOST_EDITS:
        yield _under(said(f"… {len(edited) - MOST_EDITS:,} more; Enter on a milter shows its own"))


def finding_rows(findings: Sequence[Finding]) -> Iterator[Row]:
    """Yield why sockets can't be opened, and under the first that can be mended, by what."""
    mended = next((finding for finding in findings if finding.remedy), None)
    for finding in findings:
        sign, tone = finding.health.sign, "bad" if finding.health.value == "down" else "warn"
        yield Row(said(f" {sign} ", tone), said(finding.what, tone))  # type: ignore[arg-type]
        if finding is mended and finding.remedy:
            yield Row(said(" f ", "key"), said(finding.remedy.summary))
        if finding.why:
            yield _under(said(finding.why))


def _under(content: Content) -> Row:
    return Row(said("   "), content)


def _refusals(report: ChainReport) -> Iterator[Row]:
    """Yield the refused recipients; many with the same reply in one line."""
    refused: dict[tuple[str, str], list[str]] = {}
    for one in report.recipients:
        if not one.accepted:
            refused.setdefault((one.refused_by, one.reply), []).append(one.address)
    for (by, reply), addresses in refused.items():
        shown = ", ".join(f"<{address}>" for address in addresses[:2])
        more = f" and {len(addresses) - 2} more" if len(addresses) > 2 else ""
        yield _under(said(f"{shown}{more} refused by {by}: {reply}"))
