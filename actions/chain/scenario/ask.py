"""The body of ``chain.scenario``: every file read first, then one scenario after the other."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from actions.chain.request import chosen_timeouts, usage
from actions.chain.scenario.binding import Binder, given_milters
from actions.chain.scenario.compare import asked_at, compare, edits_of, refusal
from actions.chain.scenario.file import load, shipped, shipped_names
from actions.chain.scenario.play import play
from actions.chain.scenario.read import check_milters
from actions.chain.scenario.report import (
    MessageResult,
    MilterSeen,
    ScenarioDone,
    ScenarioReport,
    ScenarioResult,
    SuiteResult,
)
from actions.chain.scenario.table import LONGEST, Problems
from actions.chain.written import check_writable, write
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.action import Context
    from actions.chain.request import Limits
    from actions.chain.scenario.binding import Bound
    from actions.chain.scenario.play import Played
    from actions.chain.scenario.report import Difference, Status
    from actions.chain.scenario.suite import Problem, Scenario, Suite


class Wanted(Record):
    """What the operator asked for."""

    files: tuple[str, ...]
    milters: tuple[str, ...]
    """NAME=SPEC each."""
    chain: str
    """The service whose chain of this host's is looked at; empty for all."""
    as_user: str
    only: tuple[str, ...]
    """Patterns of the names of scenarios; empty for all."""
    junit: str
    """The file that takes the results as JUnit XML; empty for none."""
    fail_fast: bool
    verbose: bool


def list_shipped() -> ScenarioReport:
    """Return the report that names the suites of the program."""
    return ScenarioReport(shipped=shipped())


def ask(ctx: Context, wanted: Wanted, limits: Limits) -> ScenarioReport:
    """Run the suites that were asked for and return the report.

    Raises:
        ActionError: no file is given, an option makes no sense, a milter is nowhere to be found.
    """
    started = time.perf_counter()
    if not wanted.files:
        raise usage("no suite is given", f"name a file, or one of: {', '.join(shipped_names())}")
    if not 0 < limits.deadline <= LONGEST:
        raise usage(f"--deadline is a number of seconds above 0 and at most {LONGEST:.0f}")
    if wanted.junit:
        check_writable("--junit", wanted.junit)
    suites, problems = _read(wanted)
    if problems:
        return ScenarioReport(problems=problems)
    bound = _bound(ctx, wanted, suites)
    problems = tuple(_strangers(suites, bound))
    if problems:
        return ScenarioReport(problems=problems)
    results = _Running(ctx, wanted, limits, suites, bound).run()
    report = _summed(results)._replace(
        seconds=time.perf_counter() - started,
        notes=tuple(dict.fromkeys(note for one in bound for note in one.notes)),
        verbose=wanted.verbose,
    )
    if wanted.junit:
        from actions.chain.scenario.junit import document

        # CI systems read it as another user: the umask says who may.
        write("--junit", wanted.junit, document(report, ctx.host.name), 0o666)
    return report


def _read(wanted: Wanted) -> tuple[list[Suite], tuple[Problem, ...]]:
    suites: list[Suite] = []
    problems: list[Problem] = []
    given = given_milters(wanted.milters)
    for file in dict.fromkeys(wanted.files):
        suite, found = load(file, given)
        problems += found
        if suite:
            suites.append(suite)
    return suites, tuple(problems)


def _bound(ctx: Context, wanted: Wanted, suites: Sequence[Suite]) -> list[Bound]:
    given = given_milters(wanted.milters)
    named = {milter.name for suite in suites for milter in suite.milters}
    for name in given:
        if name not in named and all(suite.milters for suite in suites):
            raise usage(
                f"--milter {name}: no suite names such a milter",
                f"named are: {', '.join(sorted(named))}",
            )
    binder = Binder(ctx, given, wanted.as_user, wanted.chain)
    return [binder.bind(suite) for suite in suites]


def _strangers(suites: Sequence[Suite], bound: Sequence[Bound]) -> Iterator[Problem]:
    """Yield the milters that suites speak of and that this host does not have."""
    for suite, one in zip(suites, bound, strict=True):
        problems = Problems(suite.file)
        known = [link.name for link in one.links]
        for scenario in suite.scenarios:
            for name in scenario.milters:
                if name not in known:
                    text = f"{name} is no milter of this host (it has {', '.join(known)})"
                    problems.note(scenario.place, "milters", text)
        check_milters(suite, known, problems)
        yield from problems.found


class _Running:
    """The scenarios on their way."""

    def __init__(
        self,
        ctx: Context,
        wanted: Wanted,
        limits: Limits,
        suites: Sequence[Suite],
        bound: Sequence[Bound],
    ) -> None:
        self._ctx = ctx
        self._wanted = wanted
        self._limits = limits
        self._pairs = tuple(zip(suites, bound, strict=True))
        self._total = sum(len(self._chosen(suite)) for suite in suites)
        self._done = 0
        self._stopped = False
        if not self._total:
            names = [one.name for suite in suites for one in suite.scenarios]
            raise usage(
                f"--only {' '.join(wanted.only)}: no scenario has such a name",
                f"there are: {', '.join(names)}",
            )

    def run(self) -> tuple[SuiteResult, ...]:
        """Run every suite."""
        return tuple(self._suite(suite, bound) for suite, bound in self._pairs)

    def _chosen(self, suite: Suite) -> tuple[Scenario, ...]:
        patterns = self._wanted.only
        if not patterns:
            return suite.scenarios
        return tuple(
            one
            for one in suite.scenarios
            if any(one.name == each or fnmatchcase(one.name, each) for each in patterns)
        )

    def _suite(self, suite: Suite, bound: Bound) -> SuiteResult:
        started = time.perf_counter()
        results = tuple(self._scenario(suite, bound, one) for one in self._chosen(suite))
        return SuiteResult(
            suite.name,
            suite.file,
            suite.about,
            bound.asked,
            bound.as_user,
            results,
            time.perf_counter() - started,
        )

    def _scenario(self, suite: Suite, bound: Bound, scenario: Scenario) -> ScenarioResult:
        self._ctx.check()
        blank = ScenarioResult(
            suite.name, suite.file, scenario.name, scenario.why, "not run", "", (), (), 0.0
        )
        if self._stopped:
            result = blank._replace(because="another scenario failed before (--fail-fast)")
        elif bound.refusal:
            result = blank._replace(status="undecided", because=bound.refusal)
        else:
            result = self._played(blank, bound, scenario)
        self._stopped |= self._wanted.fail_fast and result.status in {"failed", "undecided"}
        self._done += 1
        self._ctx.tell(ScenarioDone(self._done, self._total, result))
        return result

    def _played(self, blank: ScenarioResult, bound: Bound, scenario: Scenario) -> ScenarioResult:
        started = time.perf_counter()
        links = tuple(
            link._replace(timeouts=chosen_timeouts(self._limits, link.timeouts))
            for link in bound.chosen(scenario.milters)
        )
        played = play(self._ctx, links, scenario, bound.mta, self._limits.deadline)
        status, because, differences = _judged(scenario, played)
        return blank._replace(
            status=status,
            because=because,
            differences=differences,
            messages=tuple(map(_message_result, played)),
            seconds=time.perf_counter() - started,
        )


def _judged(
    scenario: Scenario, played: Sequence[Played]
) -> tuple[Status, str, tuple[Difference, ...]]:
    """Return what became of a scenario; where a milter gave no decision, only that is told."""
    differences: list[Difference] = []
    because = ""
    for message, came in zip(scenario.messages, played, strict=True):
        if came.report.status == "undecided" and "undecided" not in message.expect.verdicts:
            because = because or _no_decision(came, message.place)
        else:
            differences += compare(message.expect, came)
    if differences:
        return "failed", because, tuple(differences)
    return ("undecided" if because else "passed"), because, ()


def _no_decision(played: Played, place: str) -> str:
    report = played.report
    at = f" at {report.decided_at.words}" if report.decided_at else ""
    where = f"{place}: " if place else ""
    return f"{where}{report.decided_by} gave no decision{at}: {report.because}"


def _message_result(played: Played) -> MessageResult:
    report = played.report
    return MessageResult(
        verdict=report.status,
        decided_by=report.decided_by,
        decided_at=report.decided_at.value if report.decided_at else "",
        reply=refusal(report),
        because=report.because,
        sender=report.setting.sender,
        recipients=report.recipients,
        milters=tuple(
            MilterSeen(
                milter.name,
                milter.verdict,
                asked_at(played, milter.name),
                edits_of(played, milter),
                sum(one.seconds for one in played.exchanges if one.milter == milter.name),
            )
            for milter in report.milters
        ),
        seconds=report.seconds,
    )


def _summed(suites: tuple[SuiteResult, ...]) -> ScenarioReport:
    found = [one.status for suite in suites for one in suite.scenarios]
    return ScenarioReport(
        suites=suites,
        passed=found.count("passed"),
        failed=found.count("failed"),
        undecided=found.count("undecided"),
        not_run=found.count("not run"),
    )
