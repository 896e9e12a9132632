"""What becomes of a plan: events while it runs, and the report at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.plan import digest
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.plan import Line, Plan, Undo


class Begun(Record):
    """The plan has an entry in the journal, and its first change comes next."""

    entry: str


class ChangeStarted(Record):
    """A change is under way; *number* counts from 0 in the plan shown."""

    number: int


class ChangeSaid(Record):
    """A change under way says how far it is."""

    number: int
    line: str

    @property
    def standing(self) -> str:
        """What it says, for a terminal."""
        return self.line


class ChangeWrote(Record):
    """What runs as a change has written a line."""

    number: int
    line: str
    when: float
    """In seconds since the epoch."""

    @property
    def output(self) -> str:
        """The line."""
        return self.line


class ChangeDone(Record):
    """A change is done."""

    number: int
    seconds: float


class ChangeFailed(Record):
    """A change could not be done."""

    number: int
    why: str


class Proving(Record):
    """All changes are done, and the proof is under way."""

    summary: str


class Proved(Record):
    """The proof found nothing wrong."""

    seconds: float


class NotProved(Record):
    """The proof found something wrong, or could not be done."""

    why: str


class RollingBack(Record):
    """What was done is being taken back."""

    why: str


class ChangeTakenBack(Record):
    """A change is taken back, or done again with the others taken back."""

    number: int
    seconds: float


class RolledBack(Record):
    """All that could be taken back is; *left* says what could not."""

    why: str
    left: tuple[str, ...]


ChangeStatus = Literal["planned", "not done", "done", "failed", "taken back", "left"]


class ChangeResult(Record):
    """One change of a plan, and what became of it."""

    kind: str
    target: str
    status: ChangeStatus
    seconds: float | None
    detail: str
    undo: Undo
    undo_note: str
    note: str
    lines: tuple[Line, ...]
    command: str


class ProofResult(Record):
    """The proof of a plan, and what it found."""

    summary: str
    action: str
    arguments: Mapping[str, object]
    status: Literal["planned", "not done", "proved", "not proved"]
    seconds: float | None = None
    why: str = ""
    report: object = None
    """The report of the proof's own action, where it came to one."""


PlanStatus = Literal["planned", "applied", "rolled back", "stuck"]


class PlanReport(Record):
    """A plan, and what became of it."""

    status: PlanStatus
    """"stuck" where taking back failed half-way: the entry is open still."""
    title: str
    action: str
    arguments: Mapping[str, object]
    why: str
    lasting: bool
    digest: str
    changes: tuple[ChangeResult, ...]
    proof: ProofResult | None
    entry: str = ""
    """The journal's name for it; empty for a plan that was only shown."""
    because: str = ""
    """Why it was rolled back."""
    left: tuple[str, ...] = ()
    """What could not be taken back, and why."""
    next_step: str = ""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "plan/1"

    @property
    def exit_code(self) -> Exit:
        """0 as planned or applied, 5 rolled back, 1 where that failed too."""
        if self.status in {"planned", "applied"}:
            return Exit.FINE
        return Exit.ROLLED_BACK if self.status == "rolled back" else Exit.PROBLEM


def is_undoable(report: PlanReport) -> bool:
    """Return whether anything of it can be taken back."""
    return any(change.undo in {"exact", "compensating"} for change in report.changes)


def planned(plan: Plan) -> PlanReport:
    """Return *plan* as a report, with nothing done."""
    proof = plan.proof
    return PlanReport(
        "planned",
        plan.title,
        plan.action,
        plan.arguments,
        plan.why,
        plan.lasting,
        digest(plan),
        tuple(
            ChangeResult(
                change.kind,
                change.target,
                "planned",
                None,
                "",
                change.undo,
                change.undo_note,
                change.note,
                change.lines(),
                change.as_command(),
            )
            for change in plan.changes
        ),
        proof and ProofResult(proof.summary, proof.action, proof.arguments, "planned"),
    )
