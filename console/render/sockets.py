"""A look at the sockets as text: each edge with its path, walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.sockets.path import Step
    from actions.sockets.report import Edge, SocketsReport
    from console.render.hint import Hints


def render(report: SocketsReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    return "\n".join(line for edge in report.edges for line in _edge(edge, ink, hints)) + "\n"


def headline(report: SocketsReport) -> str:
    """Return the state of all edges in one line."""
    bad = [edge for edge in report.edges if edge.finding.health is not Health.OK]
    if not bad:
        return f"open to Postfix: {len(report.edges)} of {len(report.edges)} sockets"
    return "; ".join(edge.finding.what for edge in bad)


def _edge(edge: Edge, ink: Ink, hints: Hints) -> Iterator[str]:
    finding = edge.finding
    sign = ink.paint(finding.health.sign, TONES.get(finding.health.sign, ""))
    yield f" {sign} {printable(finding.what)}"
    yield ink.paint(f"   {printable(edge.endpoint)} · as {printable(edge.client)}", "dim")
    if finding.health is Health.OK:
        return
    if finding.why:
        yield f"   {printable(finding.why)}"
    for step in edge.steps:
        yield f"   {_step(step)}"
    if finding.remedy:
        yield f"   mend it: {hints.command(finding.remedy.action, finding.remedy.arguments)}"
    elif finding.health is Health.UNKNOWN:
        yield "   run it as root to have it proved"


def _step(step: Step) -> str:
    sign = {True: "●", False: "✗", None: "?"}[step.granted]
    if step.kind == "missing":
        return f"✗ {printable(step.path)} does not exist"
    owner = f"{step.owner}:{step.group}"
    needs = f"{step.needs} " if step.needs else ""
    note = f"  {step.note}" if step.granted is not True or step.kind == "link" else ""
    return f"{sign} {needs:2}{step.mode:04o} {printable(owner):24} {printable(step.path + note)}"
