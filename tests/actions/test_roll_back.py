"""Plans that fail half-way, and what is left of them: nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from actions import registry
from actions.action import ActionError, Context, Exit
from actions.changes import Command, FileEdit, Membership, UnitOperation
from actions.host.errors import HostError
from actions.journal.store import Journal
from actions.outcome import (
    Begun,
    ChangeDone,
    ChangeFailed,
    ChangeStarted,
    ChangeTakenBack,
    Proving,
    RolledBack,
    RollingBack,
)
from actions.plan import Plan
from actions.runner import run_plan
from tests.actions.plans import a_plan, an_edit, journal_plan, status_of, undo
from tests.actions.sandbox import needs_root, snapshot

if TYPE_CHECKING:
    from tests.actions.sandbox import SandboxHost

pytestmark = needs_root


@pytest.mark.parametrize("position", range(9))
def test_a_failing_change_is_rolled_back(sandbox: SandboxHost, position: int) -> None:
    before = snapshot(sandbox.root)
    plan = a_plan(sandbox)
    failing = Command(("sh", "-c", "echo no such setting >&2; exit 3"), undo_argv=("true",))
    plan = plan._replace(changes=(*plan.changes[:position], failing, *plan.changes[position:]))
    told: list[object] = []
    report = run_plan(Context(sandbox, told.append), plan)
    assert report.status == "rolled back"
    assert report.exit_code is Exit.ROLLED_BACK
    assert "no such setting" in report.because
    assert snapshot(sandbox.root) == before
    assert sandbox.services.settings_of("milter") == before["etc/milter.conf"].content
    statuses = [change.status for change in report.changes]
    assert statuses[:position] == ["taken back"] * position
    assert statuses[position + 1 :] == ["not done"] * (8 - position)
    assert isinstance(told[-1], RolledBack)
    kinds = [type(event) for event in told]
    assert kinds.count(ChangeFailed) == 1
    assert RollingBack in kinds
    assert kinds.count(ChangeTakenBack) == position + 1
    with pytest.raises(ActionError, match="is rolled back already"):
        journal_plan(sandbox, "undo", entry=report.entry)


def test_a_failing_proof_is_rolled_back(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    report = run_plan(Context(sandbox), a_plan(sandbox, proof_fails=True))
    assert report.status == "rolled back"
    assert report.because == "the milter runs with its settings: still refused"
    assert report.proof is not None
    assert report.proof.status == "not proved"
    assert snapshot(sandbox.root) == before


def test_a_service_that_does_not_start_again_is_rolled_back(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    edit = FileEdit.planned(sandbox, sandbox.at("/etc/milter.conf"), b"broken\n")
    restart = UnitOperation.planned(sandbox, "restart", "milter")
    report = run_plan(Context(sandbox), Plan("Break", "sandbox.fix", {}, "", (edit, restart)))
    assert report.status == "rolled back"
    assert "its settings are broken" in report.because
    assert snapshot(sandbox.root) == before
    assert sandbox.services.settings_of("milter") == before["etc/milter.conf"].content


def test_a_started_service_is_stopped_again(sandbox: SandboxHost) -> None:
    sandbox.units.operate("stop", "milter")
    change = UnitOperation.planned(sandbox, "restart", "milter")
    assert not change.settles
    run_plan(Context(sandbox), Plan("Start", "sandbox.start", {}, "", (change,)))
    assert sandbox.units.state("milter").activity == "active"
    undo(sandbox)
    assert sandbox.units.state("milter").activity == "inactive"


def test_a_service_stopped_since_is_not_started(sandbox: SandboxHost) -> None:
    plan = a_plan(sandbox)
    sandbox.units.operate("stop", "milter")
    world = snapshot(sandbox.root)
    with pytest.raises(ActionError, match="restart milter: was stopped by someone else; nothing"):
        run_plan(Context(sandbox), plan)
    assert snapshot(sandbox.root) == world
    assert status_of(sandbox) == {}


def test_a_service_stopped_while_a_plan_runs_is_not_started(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)

    def tell(event: object) -> None:
        if event == ChangeStarted(7):
            sandbox.units.operate("stop", "milter")

    report = run_plan(Context(sandbox, tell), a_plan(sandbox))
    assert report.status == "rolled back"
    assert report.because == "milter: was stopped by someone else meanwhile"
    assert snapshot(sandbox.root) == before
    assert sandbox.units.state("milter").activity == "inactive"


def test_a_service_that_ended_by_itself_is_started_by_the_roll_back(sandbox: SandboxHost) -> None:
    def tell(event: object) -> None:
        if isinstance(event, Proving):
            sandbox.units.operate("stop", "milter")

    report = run_plan(Context(sandbox, tell), a_plan(sandbox, proof_fails=True))
    assert report.status == "rolled back"
    assert sandbox.services.settings_of("milter") == snapshot(sandbox.root)["etc/milter.conf"][3]


def test_a_defect_is_rolled_back_and_raised(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(sandbox.root)
    plan = a_plan(sandbox)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    def tell(event: object) -> None:
        if isinstance(event, Begun):
            monkeypatch.setattr(UnitOperation, "stands", broken)

    monkeypatch.setattr(Membership, "apply", broken)
    with pytest.raises(ZeroDivisionError):
        run_plan(Context(sandbox, tell), plan)
    assert snapshot(sandbox.root) == before
    assert list(status_of(sandbox).values()) == ["rolled back"]


@pytest.mark.parametrize("broken_in", ["apply", "stands", "inverse"])
def test_a_defect_in_taking_back_keeps_nothing_from_being_restored(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch, broken_in: str
) -> None:
    before = snapshot(sandbox.root)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    def tell(event: object) -> None:
        if isinstance(event, Proving):
            monkeypatch.setattr(Membership, broken_in, broken)

    report = run_plan(Context(sandbox, tell), a_plan(sandbox, proof_fails=True))
    assert report.status == "stuck"
    assert "a defect of the console: ZeroDivisionError" in report.left[0]
    world = snapshot(sandbox.root)
    assert [name for name in before if world[name] != before[name]] == ["etc/group"]
    assert sandbox.services.settings_of("milter") == before["etc/milter.conf"].content
    monkeypatch.undo()
    monkeypatch.setitem(registry.MODULES, "sandbox.proof", "tests.actions.sandbox_declared")
    undo(sandbox)
    assert snapshot(sandbox.root) == before


def test_an_end_that_was_not_seen_on_the_disk_is_taken_back_after_a_kill(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(sandbox.root)
    plan = an_edit(sandbox)
    child = os.fork()
    if not child:
        note = Journal.note

        def failing(journal: Journal, name: str, kind: str, **further: object) -> None:
            note(journal, name, kind, **further)  # type: ignore[arg-type]
            if kind == "applied":
                raise HostError("cannot write the journal: Input/output error")
            if kind == "taking back":
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(Journal, "note", failing)
        run_plan(Context(sandbox), plan)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert list(status_of(sandbox).values()) == ["interrupted"]
    undo(sandbox)
    assert snapshot(sandbox.root) == before


def test_a_command_ends_with_a_killed_console(sandbox: SandboxHost) -> None:
    begun, made = sandbox.at("/var/begun"), sandbox.at("/var/made")
    slow = Command(("sh", "-c", f"echo $$ > {begun}.new; mv {begun}.new {begun}; sleep 1; >{made}"))
    child = os.fork()
    if not child:
        run_plan(Context(sandbox), Plan("Slow", "sandbox.slow", {}, "", (slow,)))
        os._exit(0)
    deadline = time.monotonic() + 10
    while not os.path.exists(begun) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    time.sleep(1.3)
    assert not os.path.exists(made)
    with pytest.raises(ActionError, match=r"amid change 1 \(run sh -c"):
        run_plan(Context(sandbox), an_edit(sandbox))


def test_a_broken_screen_does_not_stop_a_plan(sandbox: SandboxHost) -> None:
    def tell(event: object) -> None:
        raise BrokenPipeError

    assert run_plan(Context(sandbox, tell), a_plan(sandbox)).status == "applied"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_amid_a_change_waits_and_rolls_back(
    sandbox: SandboxHost, number: signal.Signals
) -> None:
    before = snapshot(sandbox.root)

    def tell(event: object) -> None:
        if event == ChangeStarted(4):
            os.kill(os.getpid(), number)

    handler = signal.getsignal(number)
    report = run_plan(Context(sandbox, tell), a_plan(sandbox))
    assert report.status == "rolled back"
    assert report.because == f"cancelled by {number.name}"
    assert [change.status for change in report.changes][3:6] == ["taken back"] * 2 + ["not done"]
    assert snapshot(sandbox.root) == before
    assert signal.getsignal(number) is handler


def test_a_cancelled_plan_is_rolled_back(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    cancel = threading.Event()
    reports = []

    def tell(event: object) -> None:
        if event == ChangeDone(2, getattr(event, "seconds", 0.0)):
            cancel.set()

    def run() -> None:
        reports.append(run_plan(Context(sandbox, tell, cancel), a_plan(sandbox)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert reports[0].because == "cancelled by the operator"
    assert snapshot(sandbox.root) == before


def test_a_passed_deadline_is_rolled_back(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    with pytest.raises(ActionError) as refused:
        run_plan(Context(sandbox, deadline=0.0), a_plan(sandbox))
    assert refused.value.exit_code is Exit.UNDECIDED
    assert snapshot(sandbox.root) == before


def test_a_failing_roll_back_is_told_and_stays_open(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(sandbox.root)
    remove = sandbox.accounts.remove_member

    def refused(group: str, user: str) -> None:
        raise HostError("the group file is locked")

    monkeypatch.setattr(sandbox.accounts, "remove_member", refused)
    report = run_plan(Context(sandbox), a_plan(sandbox, proof_fails=True))
    assert report.status == "stuck"
    assert report.exit_code is Exit.PROBLEM
    assert "the group file is locked" in report.left
    assert f"journal.undo --entry {report.entry}" in report.next_step
    assert status_of(sandbox) == {report.entry: "interrupted"}
    # The rest is restored all the same.
    world = snapshot(sandbox.root)
    assert [name for name in before if world[name] != before[name]] == ["etc/group"]
    with pytest.raises(ActionError, match="was interrupted"):
        run_plan(Context(sandbox), an_edit(sandbox))
    monkeypatch.setattr(sandbox.accounts, "remove_member", remove)
    undo(sandbox)
    assert snapshot(sandbox.root) == before


def test_a_stuck_plan_can_be_left(sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Membership, "inverse", lambda _: Membership("nobody", "nowhere"))
        report = run_plan(Context(sandbox), a_plan(sandbox, proof_fails=True))
    assert report.status == "stuck"
    left = run_plan(Context(sandbox), journal_plan(sandbox, "leave", entry=report.entry))
    assert left.status == "applied"
    assert status_of(sandbox) == {report.entry: "left as it stood"}
    assert run_plan(Context(sandbox), an_edit(sandbox)).status == "applied"
