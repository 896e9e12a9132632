"""A look at the sockets as text: each edge, and of those that are closed the path, walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.sockets.path import Step
    from actions.sockets.report import EdgeState, SocketsReport
    from console.render.hint import Hints


def render(report: SocketsReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines = [line for state in report.edges for line in edge_lines(state, ink, hints)]
    lines += [ink.paint(f" note: {printable(note)}", "dim") for note in report.notes]
    return "\n".join(lines) + "\n"


def headline(report: SocketsReport) -> str:
    """Return the state of all edges in one line."""
    bad = [state for state in report.edges if state.finding.health is not Health.OK]
    if not bad:
        return f"open to their clients: {len(report.edges)} of {len(report.edges)} sockets"
    return "; ".join(state.finding.what for state in bad)


def edge_lines(state: EdgeState, ink: Ink, hints: Hints) -> Iterator[str]:
    """Yield one edge: what was found, and where it does not work, its path and what mends it."""
    finding, edge = state.finding, state.edge
    sign = ink.paint(finding.health.sign, TONES.get(finding.health.sign, ""))
    yield f" {sign} {printable(finding.what)}"
    where = edge.endpoint or edge.spec
    who = f"as {edge.user}" if edge.user else f"as whom {edge.client} connects is not known"
    confined = f" · in {edge.chroot}" if edge.chroot else ""
    yield ink.paint(f"   {printable(f'{edge.name} · {where} · {who}{confined}')}", "dim")
    if finding.health is Health.OK:
        return
    if finding.why:
        yield f"   {printable(finding.why)}"
    for step in state.steps:
        yield f"   {step_line(step)}"
    if state.log_line:
        yield ink.paint(f"   {edge.client} logs: {printable(state.log_line)}", "dim")
    if edge.effect and finding.health is not Health.UNKNOWN:
        yield f"   meanwhile {printable(edge.effect)}"
    if finding.remedy:
        yield f"   mend it: {hints.command(finding.remedy.action, finding.remedy.arguments)}"
    elif finding.needs_root:
        yield "   run it as root to have it proved"
    elif finding.health is not Health.UNKNOWN and state.cause:
        yield f"   what can be done: {hints.command('sockets.ways', (('edge', edge.name),))}"


def step_line(step: Step) -> str:
    """Return one component of a path."""
    sign = {True: "●", False: "✗", None: "?"}[step.granted]
    if step.kind == "missing":
        return f"✗ {printable(step.path)} does not exist"
    # Of what can't be seen nothing is known: neither mode nor owner.
    is_seen = step.granted is not None
    owner = f"{step.owner}:{step.group}" if is_seen else ""
    needs = f"{step.needs} " if step.needs else ""
    mode = f"{step.mode:04o}{'+' if step.acl else ''}" if is_seen else "    "
    note = f"  {step.note}" if step.granted is not True or step.kind == "link" or step.acl else ""
    label = f"  {step.label}" if step.label else ""
    return f"{sign} {needs:2}{mode} {printable(f'{owner:24} {step.path}{note}{label}')}"
