"""The checks of the setup as text: what deviates first, then choices, then what is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.printable import printable
from actions.setup.report import place
from console.render.columns import folded
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.setup.check import Result
    from actions.setup.report import SetupReport
    from console.render.hint import Hints

_INDENT = "   "


def render(report: SetupReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines: list[str] = []
    bad = [one for one in report.results if one.verdict == "deviates"]
    for result in sorted(bad, key=lambda one: not one.severe):
        lines += [*_result("✗" if result.severe else "◐", result, ink, hints), ""]
    lines += _choices([one for one in report.results if one.verdict == "choice"], ink, hints)
    for why, names in _unknown(report.results):
        sign = ink.paint("?", TONES["?"])
        lines += [*folded(f"{names}: unknown", f" {sign} ", _INDENT), *_told(why), ""]
    for note in report.notes:
        lines += folded(note, " note   ", _INDENT)
    lines.append(f" {headline(report)}")
    return "\n".join(lines) + "\n"


def headline(report: SetupReport) -> str:
    """Return in one line how many settings are as they should be."""
    count = dict.fromkeys(("as wanted", "deviates", "choice", "unknown"), 0)
    for result in report.results:
        count[result.verdict] += 1
    if not report.results:
        return "nothing here to look at"
    names = dict.fromkeys(one.name for one in report.results if one.verdict == "deviates")
    told = [
        f"{count['deviates']} deviate{'s' if count['deviates'] == 1 else ''} ({', '.join(names)})"
        if count["deviates"]
        else "",
        f"{count['unknown']} unknown" if count["unknown"] else "",
        f"{count['choice']} to choose" if count["choice"] else "",
        f"{count['as wanted']} as wanted",
    ]
    return ", ".join(part for part in told if part)


def _result(sign: str, result: Result, ink: Ink, hints: Hints) -> Iterator[str]:
    yield f" {ink.paint(sign, TONES[sign])} {ink.paint(printable(result.name), 'bold')}"
    if result.file:
        yield f"{_INDENT}{printable(place(result))}"
    yield from folded(result.found or "not set", f"{_INDENT}found   ", _INDENT)
    if result.wanted:
        yield from folded(result.wanted, f"{_INDENT}wanted  ", _INDENT)
    yield from _told(result.why)
    yield from _told(result.advice)
    if result.unfixable:
        yield from _told(f"by hand: {result.unfixable}")
    else:
        yield f"{_INDENT}mend it: {hints.command('setup.fix', (('name', result.name),))}"


def _choices(results: Sequence[Result], ink: Ink, hints: Hints) -> Iterator[str]:
    """Yield what may be meant, in brief: it is no problem."""
    if not results:
        return
    yield " to choose: each may be meant"
    for result in results:
        name = ink.paint(printable(result.name), "bold")
        at = f"  {printable(place(result))}" if result.line else ""
        yield f" {ink.paint('·', TONES['·'])} {name}{ink.paint(at, 'dim')}"
        other = f"; otherwise {result.wanted}" if result.wanted else ""
        yield from _told(f"{result.found or 'not set'}{other}")
        yield from _told(result.why)
        yield from _told(result.advice)
    yield f"{_INDENT}change one: {hints.command('setup.fix', (('name', 'NAME'),))}"
    yield ""


def _unknown(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Yield each reason with the checks that it keeps from looking."""
    names: dict[str, list[str]] = {}
    for result in results:
        if result.verdict == "unknown":
            why = "; ".join(part for part in (result.why, result.advice) if part)
            found = names.setdefault(why, [])
            if result.name not in found:
                found.append(result.name)
    for why, found in names.items():
        yield why, ", ".join(found)


def _told(text: str) -> Iterator[str]:
    if text:
        yield from folded(text, _INDENT, _INDENT)
