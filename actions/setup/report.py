"""What the checks of the setup tell: every result, and those of them that need something done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.finding import Finding, Health, Remedy, worst
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.setup.check import Result


class SetupReport(Record):
    """The result of ``setup.check``."""

    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "setup.check/1"

    @property
    def exit_code(self) -> int:
        """0 where nothing deviates, 6 where something could not be looked at, else 1."""
        healths = {finding.health for finding in self.findings}
        if healths & {Health.DOWN, Health.DEGRADED}:
            return Exit.PROBLEM
        return Exit.FINE if worst(self.findings) is Health.OK else Exit.UNDECIDED


def report_of(results: tuple[Result, ...], notes: tuple[str, ...] = ()) -> SetupReport:
    """Return *results* as a report."""
    found = [finding_of(result) for result in results if result.verdict == "deviates"]
    return SetupReport(results, notes, (*found, *_unknown(results)))


def _unknown(results: tuple[Result, ...]) -> Iterator[Finding]:
    """Yield what could not be looked at, once for each reason."""
    by_reason: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.verdict == "unknown":
            by_reason.setdefault((result.why, result.advice), []).append(result)
    for (why, advice), found in by_reason.items():
        others = len({one.name for one in found}) - 1
        more = f" and {others} more" if others else ""
        what = f"{found[0].name}{more} could not be looked at"
        told = "; ".join(part for part in (why, advice) if part)
        name, needs_root = f"setup.{found[0].name}", found[0].needs_root
        yield Finding(Health.UNKNOWN, what, place(found[0]), told, None, name, needs_root)


def finding_of(result: Result) -> Finding:
    """Return *result*, which deviates, as a finding."""
    remedy = None
    if not result.unfixable:
        wanted = f": {result.wanted}" if result.wanted else ""
        remedy = Remedy("setup.fix", (("name", result.name),), f"mend {result.name}{wanted}")
    why = "; ".join(part for part in (result.why, result.advice, result.unfixable) if part)
    health = Health.DOWN if result.severe else Health.DEGRADED
    return Finding(health, _what(result), place(result), why, remedy, result.finding)


def place(result: Result) -> str:
    """Return where *result* was found: the file, and the line where it has one."""
    return f"{result.file}:{result.line}" if result.line else result.file


def _what(result: Result) -> str:
    wanted = f", wanted {result.wanted}" if result.wanted else ""
    return f"{result.name}: {result.found or 'not set'}{wanted}"
