"""How old clamd's signatures are, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from actions.services.signatures import SignaturesReport
    from console.render.hint import Hints


def render(report: SignaturesReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    sign = "◐" if report.because and report.health is Health.OK else report.health.sign
    lines = [f" {ink.paint(sign, TONES.get(sign, ''))} {printable(headline(report))}"]
    if report.because:
        lines.append(f"   have them fetched: {hints.command('services.freshclam', ())}")
    return "\n".join(lines) + "\n"


def headline(report: SignaturesReport) -> str:
    """Return clamd's answer and the age in one line."""
    if report.because:
        return report.because
    age = "of an age that nothing tells" if report.days is None else f"{report.days:.1f} days old"
    return f"clamd answers ({report.answer}); its signatures are {age}"
