"""The results as JUnit XML, as CI systems read it (Jenkins's junit-10.xsd; GitLab, GitHub).

A scenario is a test case: a difference is a failure, no decision an error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from actions.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.chain.scenario.report import (
        MessageResult,
        ScenarioReport,
        ScenarioResult,
        SuiteResult,
    )


def document(report: ScenarioReport, hostname: str) -> bytes:
    """Return *report* as a JUnit document; *hostname* is where it was run."""
    root = ET.Element(
        "testsuites",
        name="chain.scenario",
        tests=str(report.passed + report.failed + report.undecided + report.not_run),
        failures=str(report.failed),
        errors=str(report.undecided),
        disabled="0",
        time=_seconds(report.seconds),
    )
    for number, suite in enumerate(report.suites):
        root.append(_suite(suite, number, hostname))
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root) + b"\n"


def _suite(suite: SuiteResult, number: int, hostname: str) -> ET.Element:
    found = [one.status for one in suite.scenarios]
    made = ET.Element(
        "testsuite",
        name=_text(suite.name),
        id=str(number),
        tests=str(len(found)),
        failures=str(found.count("failed")),
        errors=str(found.count("undecided")),
        skipped=str(found.count("not run")),
        time=_seconds(suite.seconds),
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - suite.seconds)),
        hostname=_text(hostname),
    )
    for scenario in suite.scenarios:
        made.append(_case(scenario))
    return made


def _case(scenario: ScenarioResult) -> ET.Element:
    made = ET.Element(
        "testcase",
        name=_text(scenario.name),
        classname=_text(scenario.suite),
        time=_seconds(scenario.seconds),
    )
    if scenario.status == "not run":
        ET.SubElement(made, "skipped", message=_text(scenario.because))
    elif scenario.status == "undecided":
        told = ET.SubElement(made, "error", message=_text(scenario.because), type="undecided")
        told.text = _text(scenario.because)
    elif scenario.status == "failed":
        first = scenario.differences[0]
        summary = f"{first.key}: expected {first.expected}, came {first.came}"
        told = ET.SubElement(made, "failure", message=_text(summary), type="difference")
        told.text = _text("\n".join(_differences(scenario)))
    if scenario.messages:
        out = ET.SubElement(made, "system-out")
        out.text = _text("\n".join(_log(scenario)))
    return made


def _differences(scenario: ScenarioResult) -> Iterator[str]:
    yield f"{scenario.file}"
    for one in scenario.differences:
        yield one.key
        yield f"  expected  {one.expected}"
        yield f"  came      {one.came}"
    if scenario.because:
        yield scenario.because


def _log(scenario: ScenarioResult) -> Iterator[str]:
    if scenario.why:
        yield scenario.why
    for number, message in enumerate(scenario.messages, 1):
        yield f"message {number}: {_message(message)}"
        for milter in message.milters:
            told = milter.verdict or "not asked"
            yield f"  {milter.name}: {told}, {milter.seconds:.3f} s"


def _message(message: MessageResult) -> str:
    by = f" by {message.decided_by}" if message.decided_by else ""
    at = f" at {message.decided_at}" if message.decided_at else ""
    told = message.reply or message.because
    return f"{message.verdict}{by}{at}{f': {told}' if told else ''}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(text: str) -> str:
    """Return *text* with what XML 1.0 can't hold, and a terminal would obey, written out."""
    return "\n".join(printable(line) for line in text.split("\n"))
