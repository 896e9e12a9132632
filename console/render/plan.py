"""A plan as text: what would change, or what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from actions.outcome import is_undoable
from actions.printable import printable
from console.render.ink import Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Report
    from actions.outcome import ChangeResult, PlanReport
    from console.render.hint import Hints

SIGNS = {
    "planned": "",
    "not done": "–",
    "done": "●",
    "failed": "✗",
    "taken back": "◐",
    "left": "✗",
}

_TONES = {"+": "good", "-": "bad"}


def render(report: PlanReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lasting = "lasting" if report.lasting else "temporary"
    lines = [f" {ink.paint(printable(report.title), 'bold')}  ({lasting})"]
    if report.why:
        lines.append(f" why    {printable(report.why)}")
    lines.append("")
    for number, change in enumerate(report.changes, 1):
        lines += _change(number, change, ink)
    if report.proof and report.changes:
        lines += ["", *_proof(report)]
    if report.status != "planned":
        lines += ["", *_outcome(report, ink, hints)]
    return "\n".join(lines) + "\n"


def headline(report: PlanReport) -> str:
    """Return what became of the plan in one line."""
    because = f": {report.because}" if report.because else ""
    return f"{report.title}: {report.status}{because}"


def _change(number: int, change: ChangeResult, ink: Ink) -> Iterator[str]:
    sign = SIGNS[change.status]
    took = f"  {change.seconds:.1f} s" if change.seconds is not None else ""
    status = f"  {sign} {change.status}{took}" if sign else ""
    undo = f"undo: {change.undo}" + (f", {change.undo_note}" if change.undo_note else "")
    note = f"  {change.note}" if change.note else ""
    yield f" {number}  {change.kind:8} {printable(change.target)}{printable(note)}{status}"
    yield ink.paint(f"             {printable(undo)}", "dim")
    for line in change.lines:
        text = f"             {line.sign} {printable(line.text)}"
        yield ink.paint(text, _TONES.get(line.sign, "dim"))
    if change.detail:
        yield f"             {printable(change.detail)}"


def _proof(report: PlanReport) -> Iterator[str]:
    proof = report.proof
    if proof is None:
        return
    status = "" if proof.status == "planned" else f"  {proof.status}"
    yield f" proof       {printable(proof.summary)}{status}"
    if proof.why:
        yield f"             {printable(proof.why)}"
    elif proof.report is not None:
        for line in _found(cast("Report", proof.report)):
            yield f"             {printable(line)}"


def _found(report: Report) -> Iterator[str]:
    """Yield what the proof has seen, in one line."""
    from importlib import import_module

    from console.render.report import TEXT_MODULES

    module = TEXT_MODULES.get(report.schema.partition("/")[0])
    if module:
        yield import_module(module).headline(report)


def _outcome(report: PlanReport, ink: Ink, hints: Hints) -> Iterator[str]:
    tone = "good" if report.status == "applied" else "bad"
    yield " " + ink.paint(printable(headline(report)), tone)
    for left in report.left:
        yield f"   left as it is: {printable(left)}"
    if report.next_step:
        yield f"   {printable(report.next_step)}"
    if report.entry and report.status == "applied" and is_undoable(report):
        yield f"   undo it: {hints.command('journal.undo', (('entry', report.entry),))}"
