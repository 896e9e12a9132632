"""Any report in any format: which text module knows it, and its exit code in that format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from actions.action import Exit
from actions.printable import printable

if TYPE_CHECKING:
    from actions.action import Report
    from console.render.hint import Hints

TEXT_MODULES = {
    "chain.discover": "console.render.discover",
    "chain.load": "console.render.load",
    "chain.scenario": "console.render.scenario",
    "chain.send": "console.render.send",
    "chain.test": "console.render.chain",
    "journal.list": "console.render.journal",
    "plan": "console.render.plan",
    "sockets.check": "console.render.sockets",
}
"""By the name of a report's schema: the module whose ``render`` makes its text."""

NAGIOS: dict[int, tuple[int, str]] = {
    Exit.FINE: (0, "OK"),
    Exit.PROBLEM: (2, "CRITICAL"),
    Exit.UNDECIDED: (3, "UNKNOWN"),
}
"""Exit codes and words of the monitoring-plugins guidelines."""


def rendered(report: Report, style: str, hints: Hints) -> tuple[str, int]:
    """Return *report* in *style* (text, json or nagios) and the exit code that goes with it."""
    if style == "json":
        from console.render.plain import document

        return document(report), report.exit_code
    module = import_module(TEXT_MODULES[report.schema.partition("/")[0]])
    if style == "nagios":
        code, word = NAGIOS.get(report.exit_code, (2, "CRITICAL"))
        line = printable(module.headline(report)).replace("|", "/")
        return f"{word} - {line}", code
    return module.render(report, hints), report.exit_code
