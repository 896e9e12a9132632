"""The debug modes as text: one line for each service, and more of those that are on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.debug.report import SIGNS, WORDS
from actions.printable import printable
from console.render.columns import folded
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.debug.report import DebugReport, DebugState
    from console.render.hint import Hints

_INDENT = "   "


def render(report: DebugReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    width = max((len(one.service) for one in report.states), default=0)
    lines = [line for one in report.states for line in _state(one, width, ink, hints)]
    for note in report.notes:
        lines += folded(note, " note   ", _INDENT)
    lines.append(f" {headline(report)}")
    return "\n".join(lines) + "\n"


def headline(report: DebugReport) -> str:
    """Return in one line which debug modes are on."""
    on = [one.service for one in report.states if one.word not in {"off", "unknown"}]
    unknown = [one.service for one in report.states if one.word == "unknown"]
    if not report.states:
        return "no service here has a debug mode"
    parts = [f"debugging: {', '.join(on)}" if on else "", _unseen(unknown)]
    told = [part for part in parts if part]
    return printable("; ".join(told)) if told else "no debug mode is on"


def _unseen(names: list[str]) -> str:
    return f"can't be seen: {', '.join(names)}" if names else ""


def _state(one: DebugState, width: int, ink: Ink, hints: Hints) -> Iterator[str]:
    sign = SIGNS[one.word]
    word = WORDS[one.word]
    name = printable(one.service).ljust(width)
    yield f" {ink.paint(sign, TONES.get(sign, ''))} {name}  {word}"
    if one.word == "off":
        return
    details = [f"{one.mode}, as {one.asked} tells", *one.sets, _times(one), one.note]
    for detail in details:
        if detail:
            yield from folded(detail, _INDENT, _INDENT)
    if one.word not in {"live", "unknown"}:
        command = hints.command("debug.off", (("service", one.service),))
        yield f"{_INDENT}switch it off: {command}"


def _times(one: DebugState) -> str:
    def moment(seconds: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))

    parts = [f"since {moment(one.since)}" if one.since is not None else ""]
    parts.append(f"by {one.by}" if one.by else "")
    if one.until is not None:
        parts.append(f"ends by itself at {moment(one.until)}")
    elif one.word in {"on", "pending", "blocking"}:
        parts.append("nothing ends it by itself")
    return ", ".join(part for part in parts if part)
