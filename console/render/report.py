"""Any report in any format: which text module knows it, and its exit code in that format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.printable import printable

if TYPE_CHECKING:
    from types import ModuleType

    from actions.action import Report
    from actions.finding import Finding
    from console.render.hint import Hints

TEXT_MODULES = {
    "chain.discover": "console.render.discover",
    "chain.load": "console.render.load",
    "chain.scenario": "console.render.scenario",
    "chain.send": "console.render.send",
    "chain.test": "console.render.chain",
    "debug.status": "console.render.debug",
    "journal.list": "console.render.journal",
    "overview.check": "console.render.overview",
    "plan": "console.render.plan",
    "setup.check": "console.render.setup",
    "queue.list": "console.render.queue",
    "queue.show": "console.render.message",
    "queue.where": "console.render.where",
    "services.status": "console.render.services",
    "services.asked": "console.render.asked",
    "services.signatures": "console.render.signatures",
    "services.wait": "console.render.wait",
    "sockets.check": "console.render.sockets",
    "sockets.ways": "console.render.ways",
}
"""By the name of a report's schema: the module whose ``render`` makes its text."""

MEASURED = (
    "overview.check",
    "chain.discover",
    "queue.list",
    "services.status",
    "setup.check",
    "sockets.check",
    "debug.status",
)
"""Reports that check something, which monitoring may keep as numbers.

The module of such a report may have ``metrics(report)`` with its own measurements, see
`console.render.metric`; of others the findings are counted. For monitoring plugins it may have
``perfdata(report)``, which yields what goes after the "|".
"""

NAGIOS: dict[int, tuple[int, str]] = {
    Exit.FINE: (0, "OK"),
    Exit.PROBLEM: (2, "CRITICAL"),
    Exit.UNDECIDED: (3, "UNKNOWN"),
}
"""Exit codes and words of the monitoring-plugins guidelines."""

WARNING = (1, "WARNING")
"""The same for a problem with which nothing is down."""

LINE_LIMIT = 400
OUTPUT_LIMIT = 1000
"""Characters of the text and of all: older agents cut what they pass on at 1024 bytes."""


def rendered(report: Report, style: str, hints: Hints) -> tuple[str, int]:
    """Return *report* in *style* and the exit code that goes with it.

    Args:
        report: what an action returned.
        style: "text", "json", "nagios" or "prometheus".
        hints: where commands that the text names are meant to run.

    Raises:
        ActionError: there is nothing to measure in it.
    """
    if style == "json":
        from console.render.plain import document

        return document(report), report.exit_code
    module = import_module(TEXT_MODULES[report.schema.partition("/")[0]])
    if style == "nagios":
        return _nagios(report, module)
    if style == "prometheus":
        return _prometheus(report, module), report.exit_code
    return module.render(report, hints), report.exit_code


def refuse_unmeasured(action: str) -> None:
    """Raise `ActionError` where *action* measures nothing, before it does anything."""
    if action not in MEASURED:
        raise ActionError(
            f"--format prometheus: {action} checks nothing that could be measured",
            Exit.USAGE,
            f"it is for {', '.join(MEASURED)}",
        )


def _findings(report: Report) -> tuple[Finding, ...]:
    return getattr(report, "findings", ())


def _nagios(report: Report, module: ModuleType) -> tuple[str, int]:
    """Return one line and its code; a problem with which nothing is down is a warning."""
    from actions.finding import Health

    code, word = NAGIOS.get(report.exit_code, (2, "CRITICAL"))
    healths = {finding.health for finding in _findings(report)}
    if report.exit_code == Exit.PROBLEM and healths and Health.DOWN not in healths:
        code, word = WARNING
    line = f"{word} - {_one_line(module.headline(report), LINE_LIMIT)}"
    for number, part in enumerate(getattr(module, "perfdata", lambda _: ())(report)):
        measured = f"{line}{' ' if number else ' | '}{part}"
        if len(measured.encode()) > OUTPUT_LIMIT:
            break
        line = measured
    return line, code


def _one_line(text: str, limit: int) -> str:
    line = printable(text).replace("|", "/")
    return line if len(line) <= limit else f"{line[: limit - 2]} …"


def _prometheus(report: Report, module: ModuleType) -> str:
    from console.render.metric import exposition, of_findings

    own = getattr(module, "metrics", lambda _: ())(report)
    return exposition((*own, *of_findings(report, _findings(report))))
