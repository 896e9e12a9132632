"""Measurements of a report in the two forms that monitoring takes.

For Prometheus the text format 0.0.4; for monitoring plugins the performance data after "|".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.action import Report
    from actions.finding import Finding

PREFIX = "milter_console"

STATES = ("ok", "degraded", "down", "unknown")


class Metric(Record):
    """One metric with all its samples."""

    name: str
    """Without the prefix that all of ours have."""
    help: str
    samples: tuple[tuple[tuple[tuple[str, str], ...], float], ...]
    """Labels, as names with values, and the value."""
    kind: Literal["gauge", "counter"] = "gauge"


def exposition(metrics: Iterable[Metric]) -> str:
    """Return *metrics* as Prometheus reads them; one without samples is left out."""
    return "".join(line + "\n" for metric in metrics if metric.samples for line in _lines(metric))


def of_findings(report: Report, findings: tuple[Finding, ...]) -> tuple[Metric, ...]:
    """Return what any report that checks comes to: how many findings there are of each state."""
    action = report.schema.partition("/")[0]
    counts = dict.fromkeys(STATES, 0)
    for finding in findings:
        counts[finding.health.value] += 1
    samples = tuple(
        ((("action", action), ("state", state)), float(count)) for state, count in counts.items()
    )
    return (
        Metric("findings", "Findings of the action by state.", samples),
        Metric(
            "exit_code",
            "Exit code of the action; 0 is fine.",
            (((("action", action),), float(report.exit_code)),),
        ),
    )


def measure(name: str, value: float, unit: str = "") -> str:
    """Return one measurement as performance data, such as ``time=0.120s``."""
    plain = name.replace("'", "").replace("=", "")
    label = f"'{plain}'" if any(char.isspace() for char in plain) else plain
    return f"{label}={_number(value)}{unit}"


def _lines(metric: Metric) -> Iterator[str]:
    name = f"{PREFIX}_{metric.name}"
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {metric.kind}"
    for labels, value in metric.samples:
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    # What is not UTF-8 in a name of the host would make the whole page unreadable.
    clean = text.encode("utf-8", "backslashreplace").decode()
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")
