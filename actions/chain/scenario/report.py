"""What ``chain.scenario`` tells: each scenario with what differed, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.record import Record

if TYPE_CHECKING:
    from actions.chain.report import EditShown, RecipientResult, Verdict
    from actions.chain.scenario.file import Listed
    from actions.chain.scenario.suite import Problem

Status = Literal["passed", "failed", "undecided", "not run"]


class Difference(Record):
    """Where a scenario came out otherwise than expected."""

    key: str
    """The path of the expectation in its file, inside the scenario."""
    expected: str
    came: str


class MilterSeen(Record):
    """What one milter did with one message."""

    name: str
    verdict: Verdict | None
    """None where it was not asked."""
    asked_at: tuple[str, ...]
    """The stages at which it was asked."""
    edits: tuple[EditShown, ...]
    seconds: float


class MessageResult(Record):
    """What came of one message."""

    verdict: Verdict
    decided_by: str
    decided_at: str
    reply: str
    because: str
    sender: str
    recipients: tuple[RecipientResult, ...]
    milters: tuple[MilterSeen, ...]
    seconds: float


class ScenarioResult(Record):
    """One scenario, run."""

    suite: str
    file: str
    name: str
    why: str
    status: Status
    because: str
    """Why it could not be decided, or was not run."""
    differences: tuple[Difference, ...]
    messages: tuple[MessageResult, ...]
    seconds: float


class MilterAsked(Record):
    """A milter that a suite asks, and where it listens."""

    name: str
    endpoint: str
    behind: str = ""
    """The milter-manager that asks it on this host; empty where Postfix does."""
    service: str = ""
    """Postfix's service whose chain it is of, where it was looked for in several."""


class SuiteResult(Record):
    """One file, run."""

    name: str
    file: str
    about: str
    milters: tuple[MilterAsked, ...]
    as_user: str
    scenarios: tuple[ScenarioResult, ...]
    seconds: float


class ScenarioDone(Record):
    """Told as soon as a scenario is over."""

    number: int
    """Counted from 1, over all suites."""
    total: int
    result: ScenarioResult


class ScenarioReport(Record):
    """The result of ``chain.scenario``."""

    suites: tuple[SuiteResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What is wrong with the files; nothing was run where there is any."""
    shipped: tuple[Listed, ...] = ()
    """The suites that come with the program, where they were asked for."""
    passed: int = 0
    failed: int = 0
    undecided: int = 0
    not_run: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    verbose: bool = False

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "chain.scenario/1"

    @property
    def json_omits(self) -> tuple[str, ...]:
        """Fields that the JSON document leaves out: they are no facts."""
        return ("verbose",)

    @property
    def exit_code(self) -> int:
        """0 where all passed, 1 where one failed, 6 where one is undecided; 2 for a wrong file."""
        if self.problems:
            return Exit.USAGE
        if self.failed:
            return Exit.PROBLEM
        return Exit.UNDECIDED if self.undecided else Exit.FINE
