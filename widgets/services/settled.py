"""The checks of the setup as a list: what deviates, and the plan that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from widgets.ink import SIGN_TONES, joined, said, signed
from widgets.lines import Row
from widgets.services.sheet import Act, Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.content import Content

    from actions.finding import Remedy
    from actions.setup.check import Result
    from actions.setup.report import SetupReport

_ORDER = ("deviates", "unknown", "choice", "as wanted")


class Settled:
    """The setup."""

    title = "setup"
    action = "setup.check"
    words = (
        ("deviates", "a setting that keeps mail from being filtered, or from being delivered"),
        ("choice", "a setting that may be meant: what it means stands below"),
    )

    is_shared = True
    given: ClassVar[Mapping[str, object]] = {}

    def take(self, report: object) -> None:
        """Take note of nothing: the rows themselves tell."""

    def heading(self, report: object) -> Content:
        """Return how many are as wanted."""
        results = cast("SetupReport", report).results
        parts = [said(f"{len(results)} settings")]
        for verdict, sign in (("deviates", "✗"), ("unknown", "?"), ("choice", "–")):
            count = sum(one.verdict == verdict for one in results)
            if count:
                word = {"deviates": "deviate", "choice": "to choose"}.get(verdict, verdict)
                parts += [said(" · "), signed(sign, f"{count} {word}")]
        if len(parts) == 1:
            parts += [said(" · "), signed("●", "all as wanted")]
        return joined(*parts)

    def items(self, report: object) -> Sequence[Item]:
        """Return a row for each result, what deviates first."""
        told = cast("SetupReport", report)
        remedies = {finding.name: finding.remedy for finding in told.findings}
        ordered = sorted(told.results, key=lambda one: (_ORDER.index(one.verdict), not one.severe))
        return [_item(one, remedies.get(one.finding)) for one in ordered]

    def acts(self, report: object) -> tuple[Act, ...]:
        """Return nothing: each setting is mended by its own plan."""
        del report
        return ()

    def below(self, report: object) -> Sequence[Row]:
        """Return what else there is to say."""
        notes = cast("SetupReport", report).notes
        return [Row(said("   "), said(note, "dim")) for note in notes]


def _sign(result: Result) -> str:
    if result.verdict == "deviates":
        return "✗" if result.severe else "◐"
    return {"as wanted": "●", "choice": "–", "unknown": "?"}[result.verdict]


def _item(result: Result, remedy: Remedy | None) -> Item:
    sign = _sign(result)
    tone = SIGN_TONES[sign]
    word = "" if result.verdict == "as wanted" else result.verdict
    body = joined(said(result.name), said(f"  {result.found}" if result.found else "", "dim"))
    row = Row(said(f" {sign} ", tone), body, said(word, tone))
    place = f"{result.file}:{result.line}" if result.line else result.file
    return Item(
        f"{result.name} {place}", result.name, row, tuple(_details(result, place)), (), remedy
    )


def _details(result: Result, place: str) -> Iterator[Row]:
    yield Row(joined(said(" "), said(result.name, "bold"), said("  ")), said(place, "dim"))
    for name, text in (
        ("found", result.found),
        ("wanted", "" if result.found == result.wanted else result.wanted),
        ("why", result.why),
        ("think of", result.advice),
        ("by hand", result.unfixable),
    ):
        if text:
            yield Row(said(f"   {name:<9} ", "dim"), said(text))
