"""What a wait for a service has come to, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from actions.services.wait import WaitReport
    from console.render.hint import Hints

_SIGNS = {Exit.FINE: "●", Exit.UNDECIDED: "?"}


def render(report: WaitReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    sign = _SIGNS.get(Exit(report.exit_code), "✗")
    lines = [f" {ink.paint(sign, TONES.get(sign, ''))} {printable(headline(report))}"]
    lines += [f"   {printable(seen)}" for seen in report.seen]
    if report.because:
        step = hints.command("services.status", (("service", report.service),))
        lines.append(f"   see what is wrong: {step}")
    return "\n".join(lines) + "\n"


def headline(report: WaitReport) -> str:
    """Return in one line whether it is as it was to be."""
    after = f"after {report.seconds:.1f} s"
    if report.because:
        return f"{report.service} is not {report.state} {after}: {report.because}"
    return f"{report.service} is {report.state} {after}"
