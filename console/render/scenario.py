"""Test suites as text: a line for what passed, and for the rest what was expected and came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import milliseconds
from actions.printable import printable
from console.render.columns import folded
from console.render.events import edit_line
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.scenario.report import (
        MessageResult,
        MilterAsked,
        ScenarioReport,
        ScenarioResult,
        SuiteResult,
    )
    from actions.chain.scenario.suite import Problem
    from console.render.hint import Hints

SIGNS = {"passed": "✓", "failed": "✗", "undecided": "?", "not run": "–"}


def render(report: ScenarioReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    if report.problems:
        lines = list(_problems(report.problems, ink))
    elif report.shipped:
        lines = list(_shipped(report, hints, ink))
    else:
        lines = [line for suite in report.suites for line in _suite(suite, report, ink)]
        lines += [_sum(report, ink)]
        for note in report.notes:
            lines += [ink.paint(line, "dim") for line in folded(note, "   ", "     ")]
    return "\n".join(["", *lines]) + "\n"


def headline(report: ScenarioReport) -> str:
    """Return the sum in one line, with the first scenario that did not pass."""
    if report.problems:
        first = report.problems[0]
        more = f" and {len(report.problems) - 1} more" if len(report.problems) > 1 else ""
        return f"nothing was run: {first.file}: {_where(first)}{first.text}{more}"
    if report.shipped:
        return f"{len(report.shipped)} suites come with the program"
    every = (one for suite in report.suites for one in suite.scenarios)
    bad = next((one for one in every if one.status in {"failed", "undecided"}), None)
    named = f"; {bad.suite}: {bad.name} {bad.status}: {_cause(bad)}" if bad else ""
    return f"{_counts(report)}{named}"


def _cause(scenario: ScenarioResult) -> str:
    if not scenario.differences:
        return scenario.because
    first = scenario.differences[0]
    return f"{first.key}: expected {first.expected}, came {first.came}"


def _problems(problems: Sequence[Problem], ink: Ink) -> Iterator[str]:
    file = ""
    for one in problems:
        if one.file != file:
            file = one.file
            yield ink.paint(f" {printable(file)}", "bold")
        yield f"   {ink.paint('✗', 'bad')} {printable(_where(one) + one.text)}"
        if one.next_step:
            yield ink.paint(f"     {printable(one.next_step)}", "dim")
    count = len(problems)
    yield ""
    yield ink.paint(f" Nothing was run: {_many(count, 'mistake')}", "bad")


def _where(problem: Problem) -> str:
    parts = [part for part in (problem.place, problem.key) if part]
    return f"{': '.join(parts)}: " if parts else ""


def _shipped(report: ScenarioReport, hints: Hints, ink: Ink) -> Iterator[str]:
    width = max(len(one.name) for one in report.shipped)
    for one in report.shipped:
        yield f" {printable(one.name):{width}}  {printable(one.about)} ({one.scenarios})"
    yield ""
    command = f"{hints.command('chain.scenario', ())} {report.shipped[0].name}"
    yield ink.paint(f" run one: {command}", "dim")


def _suite(suite: SuiteResult, report: ScenarioReport, ink: Ink) -> Iterator[str]:
    if not suite.scenarios:
        return
    about = f" · {suite.about}" if suite.about else ""
    yield f" {ink.paint(printable(suite.name), 'bold')}{printable(about)}"
    yield from (ink.paint(f"   {line}", "dim") for line in _milters(suite.milters, suite.as_user))
    width = min(max(len(one.name) for one in suite.scenarios), 60)
    for scenario in suite.scenarios:
        yield from _scenario(scenario, width, ink)
        if report.verbose:
            yield from _messages(scenario, ink)
    yield ""


def _milters(milters: Sequence[MilterAsked], as_user: str) -> Iterator[str]:
    width = max(len(one.name) for one in milters)
    for one in milters:
        behind = f" · behind {one.behind}" if one.behind else ""
        service = f" · of {one.service}" if one.service else ""
        yield printable(f"{one.name:{width}}  {one.endpoint}{behind}{service}")
    if as_user:
        yield printable(f"sockets opened as {as_user}")


def _scenario(scenario: ScenarioResult, width: int, ink: Ink) -> Iterator[str]:
    sign = SIGNS[scenario.status]
    took = "not run" if scenario.status == "not run" else milliseconds(scenario.seconds)
    name = printable(scenario.name)
    yield f" {ink.paint(sign, TONES.get(sign, ''))} {name:{width}}  {took:>9}"
    if scenario.status in {"failed", "undecided"} and scenario.why:
        yield ink.paint(f"     {printable(scenario.why)}", "dim")
    for one in scenario.differences:
        yield f"     {printable(one.key)}"
        yield f"       expected  {printable(one.expected)}"
        yield f"       came      {ink.paint(printable(one.came), 'bad')}"
    if scenario.because and scenario.status != "not run":
        yield f"     {ink.paint(printable(scenario.because), 'warn')}"


def _messages(scenario: ScenarioResult, ink: Ink) -> Iterator[str]:
    for number, message in enumerate(scenario.messages, 1):
        count = f"message {number}: " if len(scenario.messages) > 1 else ""
        yield ink.paint(f"     {count}{printable(_outcome(message))}", "dim")
        for one in message.recipients:
            told = "accepted" if one.accepted else f"refused: {one.reply}"
            yield ink.paint(f"       {printable(f'<{one.address}> {told}')}", "dim")
        for milter in message.milters:
            verdict = milter.verdict if milter.asked_at else "not asked"
            told = f"{milter.name:16}  {verdict}  {milliseconds(milter.seconds)}"
            yield ink.paint(f"       {printable(told)}", "dim")
            for edit in milter.edits:
                line = edit_line(edit).replace("\n", " ")
                yield ink.paint(f"         {printable(line)}", "dim")


def _outcome(message: MessageResult) -> str:
    by = f" by {message.decided_by}" if message.decided_by else ""
    at = f" at {message.decided_at}" if message.decided_at else ""
    told = message.reply or message.because
    return f"{message.verdict}{by}{at}{f': {told}' if told else ''}"


def _sum(report: ScenarioReport, ink: Ink) -> str:
    tone = "bad" if report.failed else "warn" if report.undecided else "good"
    return f" {ink.paint(_counts(report), tone)} · {milliseconds(report.seconds)}"


def _counts(report: ScenarioReport) -> str:
    counts = {
        "passed": report.passed,
        "failed": report.failed,
        "undecided": report.undecided,
        "not run": report.not_run,
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{_many(sum(counts.values()), 'scenario')}: {told}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
