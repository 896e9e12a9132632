"""Scenarios as text: one line each, what differed, and all that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import EDIT_SIGNS, milliseconds
from widgets.ink import Tone, joined, said, took
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.content import Content

    from actions.chain.report import EditShown
    from actions.chain.scenario.report import (
        MessageResult,
        MilterSeen,
        ScenarioReport,
        ScenarioResult,
        Status,
    )
    from actions.chain.scenario.suite import Problem

MOST_EDITS = 50
"""Edits listed of one milter."""

_SIGNS: dict[Status, tuple[str, Tone]] = {
    "passed": ("✓", "good"),
    "failed": ("✗", "bad"),
    "undecided": ("?", "warn"),
    "not run": ("–", "dim"),
}


def result_row(result: ScenarioResult, *, with_suite: bool) -> Row:
    """Return one scenario in a line: its sign, its name, its time.

    Args:
        result: what came of it.
        with_suite: whether to name the suite, where there are several.
    """
    sign, tone = _SIGNS[result.status]
    suite = f"{result.suite}: " if with_suite else ""
    word = "" if result.status == "passed" else f"{result.status}  "
    spent = "" if result.status == "not run" else milliseconds(result.seconds)
    right = joined(said(word, tone), said(f"{spent:>9}", "dim"))
    return Row(said(f" {sign} ", tone), said(suite + result.name), right)


def sum_line(results: Sequence[ScenarioResult], seconds: float) -> Content:
    """Return how many passed, failed, and so on."""
    number = f"{len(results)} scenario{'s' if len(results) != 1 else ''}: "
    parts: list[Content] = []
    for status, (_, tone) in _SIGNS.items():
        count = sum(one.status == status for one in results)
        if count:
            parts += [said(", " if parts else ""), said(f"{count} {status}", tone)]
    return joined(number, *parts, said(f" · {took(seconds)}", "dim"))


def below_rows(result: ScenarioResult) -> Iterator[Row]:
    """Yield what differed in *result*; where nothing did, what came."""
    if result.status == "passed":
        for message in result.messages:
            yield from _message(message)
    else:
        yield from _difference_rows(result)


def scenario_rows(result: ScenarioResult, report: ScenarioReport | None) -> list[Row]:
    """Return all about one scenario: what was expected, what came, who was asked where."""
    sign, tone = _SIGNS[result.status]
    where = result.suite if result.suite == result.file else f"{result.suite}  {result.file}"
    rows = [
        Row(said(f" {sign} ", tone), joined(said(result.status, tone), said(f"  {where}", "dim")))
    ]
    rows += _difference_rows(result)
    if result.status == "passed":
        rows.append(Row(said("   "), said("All that was expected came.")))
    rows.append(Row())
    for number, message in enumerate(result.messages, 1):
        title = f"Message {number}" if len(result.messages) > 1 else "What came"
        rows += [heading(title), *_message(message), Row()]
    return [*rows, *_asked(result, report)]


def _difference_rows(result: ScenarioResult) -> Iterator[Row]:
    if result.why:
        yield Row(said("   "), said(result.why, "dim"))
    if result.because:
        yield Row(said("   "), said(result.because, "warn"))
    for one in result.differences:
        yield Row(said("   "), said(one.key, "bold"))
        yield Row(said("     expected  ", "dim"), said(one.expected))
        yield Row(said("     came      ", "dim"), said(one.came, "bad"))


def problem_rows(problems: Sequence[Problem]) -> Iterator[Row]:
    """Yield what is wrong with the files."""
    count = len(problems)
    told = f"Nothing was run: {count} mistake{'s' if count != 1 else ''}"
    yield Row(said(" ✗ ", "bad"), said(told, "bad"))
    file = ""
    for one in problems:
        if one.file != file:
            file = one.file
            yield Row(said("   "), said(file, "bold"))
        where = ": ".join(part for part in (one.place, one.key) if part)
        yield Row(said("   "), joined(said(f"{where}: " if where else "", "dim"), said(one.text)))
        if one.next_step:
            yield Row(said("     "), said(one.next_step, "dim"))


def _message(message: MessageResult) -> Iterator[Row]:
    yield Row(said("   "), said(_outcome(message)), said(milliseconds(message.seconds), "dim"))
    for one in message.recipients:
        if not one.accepted:
            by = one.refused_by or "the MTA itself"
            yield Row(said("   "), said(f"<{one.address}> refused by {by}: {one.reply}"))
    for milter in message.milters:
        yield _milter(milter)
        for edit in milter.edits[:MOST_EDITS]:
            yield Row(said("       "), _edit(edit))
        if len(milter.edits) > MOST_EDITS:
            more = f"… {len(milter.edits) - MOST_EDITS:,} more edits"
            yield Row(said("       "), said(more, "dim"))


def _milter(milter: MilterSeen) -> Row:
    head = said(f"     {milter.name}  ", "bold")
    if not milter.asked_at:
        return Row(head, said("not asked", "dim"))
    stages = ", ".join(milter.asked_at)
    spent = milliseconds(milter.seconds)
    return Row(head, joined(said(f"{milter.verdict}"), said(f"  {spent}, at {stages}", "dim")))


def _edit(edit: EditShown) -> Content:
    sign = EDIT_SIGNS[edit.kind]
    value = " ".join(edit.value.split())
    if "header" in edit.kind and edit.kind != "delete header":
        return said(f"{sign} {edit.name}: {value}")
    return said(f"{sign} {edit.kind} {edit.name or value}")


def _outcome(message: MessageResult) -> str:
    by = f" by {message.decided_by}" if message.decided_by else ""
    at = f" at {message.decided_at}" if message.decided_at else ""
    told = message.reply or message.because
    return f"{message.verdict}{by}{at}{f': {told}' if told else ''}"


def _asked(result: ScenarioResult, report: ScenarioReport | None) -> Iterator[Row]:
    suites = report.suites if report else ()
    suite = next((one for one in suites if one.file == result.file), None)
    if suite is None:
        return
    yield heading("Milters")
    for one in suite.milters:
        behind = f"  behind {one.behind}" if one.behind else ""
        service = f"  of {one.service}" if one.service else ""
        yield Row(said(f"   {one.name}  "), said(f"{one.endpoint}{behind}{service}", "dim"))
    if suite.as_user:
        yield Row(said("   "), said(f"sockets opened as {suite.as_user}", "dim"))
