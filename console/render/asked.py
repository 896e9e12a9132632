"""The milters that are asked for mail, and whether they answer, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.services.asked import Asked, AskedReport
    from console.render.hint import Hints


def render(report: AskedReport, hints: Hints) -> str:  # noqa: ARG001 - every renderer is given them
    """Return *report* as text."""
    ink = Ink()
    lines = [line for one in report.milters for line in _milter(one, ink)]
    lines += [f" {ink.paint('✗', TONES['✗'])} {printable(wrong)}" for wrong in report.wrong]
    return "\n".join(lines or [" no milter is asked"]) + "\n"


def headline(report: AskedReport) -> str:
    """Return in one line who is asked, or what is not as it should be."""
    if report.because:
        return report.because
    return f"asked: {', '.join(one.name for one in report.milters) or 'no milter'}"


def _milter(one: Asked, ink: Ink) -> Iterator[str]:
    sign = ink.paint(one.health.sign, TONES.get(one.health.sign, ""))
    yield f" {sign} {printable(f'{one.by} → {one.name}: {one.detail}')}"
    yield ink.paint(f"   {printable(one.endpoint)} · as {printable(one.client)}", "dim")
    if one.health is Health.UNKNOWN:
        yield "   run it as root to have it asked"
