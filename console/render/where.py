"""Where messages of the queue are, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from actions.queue.report import WhereReport
    from console.render.hint import Hints

LEFT = "not in the queue"


def render(report: WhereReport, hints: Hints) -> str:  # noqa: ARG001 - every report has them
    """Return *report* as text."""
    ink, astray = Ink(), frozenset(report.astray)
    lines = []
    for place in report.places:
        sign = "✗" if place in astray else "●"
        text = f"{printable(place.queue_id):16} {printable(place.state) or LEFT}"
        lines.append(f" {ink.paint(sign, TONES[sign])} {text}")
    return "\n".join(lines) + "\n"


def headline(report: WhereReport) -> str:
    """Return how many are where in one line."""
    counts: dict[str, int] = {}
    for place in report.places:
        counts[place.state or LEFT] = counts.get(place.state or LEFT, 0) + 1
    told = ", ".join(f"{number} {state}" for state, number in counts.items())
    return f"{report.because}: {told}" if report.because else told
