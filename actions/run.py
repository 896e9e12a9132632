"""One run over an entry of the journal: its changes done or taken back, each step on record."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.action import ActionError, Cancelled, Exit
from actions.host.errors import HostError
from actions.journal.entry import Position, token
from actions.journal.standing import defect, look, stays_stopped, way_back
from actions.outcome import (
    Begun,
    ChangeDone,
    ChangeFailed,
    ChangeSaid,
    ChangeStarted,
    ChangeTakenBack,
    ChangeWrote,
    NotProved,
    PlanReport,
    Proved,
    Proving,
    RolledBack,
    RollingBack,
    planned,
)
from actions.plan import Passing, Spoken, Standing

if TYPE_CHECKING:
    from actions.action import Context, Report
    from actions.host.ports import Host
    from actions.journal.entry import Entry, EventKind
    from actions.journal.standing import Step
    from actions.journal.store import Journal
    from actions.outcome import ChangeStatus, PlanStatus
    from actions.plan import Plan, Proof

_FAILURES = (HostError, ActionError, OSError, Cancelled)


class Run:
    """The changes of one entry on their way.

    Args:
        ctx: the host, and how to tell and cancel.
        journal: where every step is put on record first.
        entry: the entry that is applied or taken up.
        shown: the plan that was confirmed.
        steps: what is to be done for it, one step for each change of *shown*.
    """

    def __init__(
        self, ctx: Context, journal: Journal, entry: Entry, shown: Plan, steps: tuple[Step, ...]
    ) -> None:
        self._ctx = ctx
        self._host = ctx.host
        self._journal = journal
        self._entry = entry
        self._changes = entry.plan.changes
        self._positions = list(entry.positions)
        self._steps = steps
        self._places = {step.number: place for place, step in enumerate(steps)}
        self._report = _nothing_done(planned(shown)._replace(entry=entry.id))
        self._troubles: list[str] = []
        self._fresh: set[int] = set()
        """The changes done by this run itself."""

    def forward(self, closing: EventKind) -> PlanReport:
        """Do every step and prove it; roll back where that fails."""
        try:
            self._tell(Begun(self._entry.id))
            for step in self._steps:
                self._ctx.check()
                self._do(step)
            self._prove()
            self._note(closing)
        except _FAILURES as error:
            return self._roll_back(self._why(error))
        except BaseException as error:
            self._roll_back(_told(error))
            raise
        return self._ended("applied", closing)

    def undo(self) -> PlanReport:
        """Take back every step of an interrupted entry."""
        self._tell(Begun(self._entry.id))
        left = self._take_back("undone")
        if self._troubles:
            return self._stuck("it could not be taken back whole")
        return self._ended("applied", "undone")._replace(left=left)

    def leave(self) -> PlanReport:
        """Close an interrupted entry and change nothing."""
        self._note("left")
        return self._ended("applied", "left")

    def sweep(self) -> None:
        """Remove what a killed run left on the way."""
        for number, change in enumerate(self._changes):
            if self._positions[number] is not Position.NOT_BEGUN:
                try:
                    change.sweep(self._host, token(self._entry.id, number))
                except Exception as error:  # noqa: BLE001 - one must not keep from the others
                    self._troubles.append(_told(error))

    def _do(self, step: Step) -> None:
        """Do one step, with its intent and its end on the disk; raises `HostError`."""
        number = step.number
        if self._shows(step):
            self._tell(ChangeStarted(self._places[number]))
        started, said = time.monotonic(), ""
        try:
            needed = _needed(step, self._positions[number], self._host)
            self._record("intent", step)
            self._positions[number] = Position.RETURNING if step.back else Position.BEGUN
            if needed:
                said = self._apply(step)
        except Exception as error:
            self._failed(step, _told(error))
            raise
        seconds = time.monotonic() - started
        self._record("done", step, seconds)
        self._positions[number] = Position.RETURNED if step.back else Position.DONE
        self._fresh.add(number)
        self._mark(number, "done" if self._shows(step) else "taken back", seconds, said)
        if number in self._places:
            event = ChangeDone if self._shows(step) else ChangeTakenBack
            self._tell(event(self._places[number], seconds))

    def _apply(self, step: Step) -> str:
        """Do the change of *step*; return what there is to say of it."""
        name, change = token(self._entry.id, step.number), step.change
        if step.back or not isinstance(change, Spoken):
            change.apply(self._host, name)
            return ""
        place, is_cancelled = self._places[step.number], self._ctx.cancel.is_set
        is_output = isinstance(change, Passing)

        def tell(line: str, when: float = 0.0, /) -> None:
            wrote = ChangeWrote(place, line, when or time.time()) if is_output else None
            self._tell(wrote or ChangeSaid(place, line))

        said = change.apply_aloud(self._host, name, tell, is_cancelled)
        return said or ""

    def _shows(self, step: Step) -> bool:
        """Return whether *step* is one of the plan shown, and no roll-back of it."""
        place = self._places.get(step.number)
        return place is not None and self._steps[place].back == step.back

    def _failed(self, step: Step, why: str) -> None:
        with suppress(HostError):
            self._note("failed", change=step.number, back=step.back, text=why)
        self._mark(step.number, "failed" if self._shows(step) else "left", None, why)
        if step.number in self._places:
            self._tell(ChangeFailed(self._places[step.number], why))

    def _record(self, kind: EventKind, step: Step, seconds: float = 0.0) -> None:
        try:
            self._note(kind, change=step.number, back=step.back, seconds=seconds)
        except HostError as error:
            if not step.back:
                raise
            # Taking back goes on without a record: the host itself tells where it stands.
            self._troubles.append(str(error))

    def _prove(self) -> None:
        """Look whether the changes did what they were for; raises `ActionError`."""
        proof = self._entry.plan.proof
        if proof is None:
            return
        self._ctx.check()
        self._note("proving")
        self._tell(Proving(proof.summary))
        started = time.monotonic()
        report, why = _proved(self._ctx, proof)
        seconds = time.monotonic() - started
        result = self._report.proof
        if result is not None:
            status = result._replace(
                status="not proved" if why else "proved", seconds=seconds, why=why, report=report
            )
            self._report = self._report._replace(proof=status)
        if why:
            self._note("not proved", text=why)
            self._tell(NotProved(why))
            raise ActionError(f"{proof.summary}: {why}", Exit.PROBLEM)
        self._note("proved", seconds=seconds)
        self._tell(Proved(seconds))

    def _roll_back(self, why: str) -> PlanReport:
        self._tell(RollingBack(why))
        with suppress(HostError):
            self._note("taking back", text=why)
        self.sweep()
        left = self._take_back("rolled back", why)
        if self._troubles:
            return self._stuck(why)
        self._tell(RolledBack(why, left))
        return self._ended("rolled back", "rolled back", why)._replace(left=left)

    def _take_back(self, closing: EventKind, why: str = "") -> tuple[str, ...]:
        """Take back what was begun, as far as it goes, and close the entry where all went.

        Returns:
            What nothing can take back.
        """
        way = way_back(self._changes, tuple(self._positions), self._host, frozenset(self._fresh))
        for step in way.steps:
            # One that fails must not keep the others from being restored.
            try:
                self._do(step)
            except Exception as error:  # noqa: BLE001 - whatever it is
                self._troubles.append(_told(error))
        for blocked in (*way.blocked, *way.lasting, *way.stopped):
            self._mark(blocked.number, "left", None, blocked.why)
        self._troubles += [blocked.why for blocked in way.blocked]
        left = tuple(blocked.why for blocked in (*way.lasting, *way.stopped))
        if not self._troubles:
            try:
                self._note(closing, text="; ".join((why, *left)) if left else why)
            except HostError as error:
                self._troubles.append(str(error))
        return left

    def _stuck(self, why: str) -> PlanReport:
        troubles = tuple(dict.fromkeys(self._troubles))
        with suppress(HostError):
            self._note("stuck", text="; ".join(troubles))
        self._log("stuck")
        return self._report._replace(
            status="stuck",
            because=why,
            left=troubles,
            next_step=(
                f"mend what is named, then console run journal.undo --entry {self._entry.id}; "
                f"or console run journal.leave --entry {self._entry.id} leaves it as it stands"
            ),
        )

    def _ended(self, status: PlanStatus, word: str, why: str = "") -> PlanReport:
        self._log(word)
        return self._report._replace(status=status, because=why)

    def _mark(
        self, number: int, status: ChangeStatus, seconds: float | None, detail: str = ""
    ) -> None:
        place = self._places.get(number)
        if place is None:
            return
        changes = list(self._report.changes)
        changes[place] = changes[place]._replace(status=status, seconds=seconds, detail=detail)
        self._report = self._report._replace(changes=tuple(changes))

    def _note(
        self,
        kind: EventKind,
        *,
        change: int = -1,
        back: bool = False,
        text: str = "",
        seconds: float = 0.0,
    ) -> None:
        self._journal.note(
            self._entry.id, kind, change=change, back=back, text=text, seconds=seconds
        )

    def _tell(self, event: object) -> None:
        # A screen that is gone or broken must not stop a change half-way.
        with suppress(Exception):
            self._ctx.tell(event)

    def _why(self, error: Exception) -> str:
        return str(self._ctx.cancel) if isinstance(error, Cancelled) else str(error)

    def _log(self, word: str) -> None:
        """Put one line into the system's own log."""
        if self._host.kind != "system":
            return
        import syslog

        syslog.openlog("milter-console", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
        line = f"{word} {self._entry.id}: {self._report.title} (asked by {self._entry.who})"
        syslog.syslog(syslog.LOG_NOTICE, "".join(c if c.isprintable() else "?" for c in line))


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, _FAILURES) else defect(error)


def _nothing_done(report: PlanReport) -> PlanReport:
    proof = report.proof
    return report._replace(
        changes=tuple(change._replace(status="not done") for change in report.changes),
        proof=proof and proof._replace(status="not done"),
    )


def _needed(step: Step, position: Position, host: Host) -> bool:
    """Return whether *step* is to be done still; raises `HostError` where it can't be."""
    if step.change.settles:
        if step.back or not stays_stopped(step.change, position, host):
            return True
        raise HostError(f"{step.change.target}: was stopped by someone else meanwhile")
    standing, why = look(step.change, host)
    if standing is Standing.OTHER or (standing is Standing.AFTER and not step.back):
        raise HostError(f"{step.change.target}: {why}")
    return standing is not Standing.AFTER


def _proved(ctx: Context, proof: Proof) -> tuple[Report | None, str]:
    """Return the report of the proof, and why it proves nothing (empty where it does)."""
    from actions.registry import find

    try:
        found = find(proof.action).function(ctx, **proof.arguments)
    except (ActionError, HostError) as error:
        return None, str(error)
    report: Report = found  # type: ignore[assignment]
    if report.exit_code == Exit.FINE:
        return report, ""
    return report, str(getattr(report, "because", "")) or f"{proof.action} found a problem"
