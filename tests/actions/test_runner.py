"""Plans applied, proved, rolled back, undone, refused."""

from __future__ import annotations

import json
import os
import signal
import syslog
import threading
import time
from typing import TYPE_CHECKING

import pytest

from actions import registry
from actions.action import ActionError, Context, Exit
from actions.changes import Command, FileEdit, Folder, Membership, Ownership, UnitOperation
from actions.host.errors import HostError
from actions.journal.lock import held
from actions.journal.store import Journal
from actions.outcome import (
    Begun,
    ChangeDone,
    ChangeFailed,
    ChangeStarted,
    ChangeTakenBack,
    Proved,
    Proving,
    RolledBack,
    RollingBack,
)
from actions.plan import Plan, Proof, digest
from actions.registry import find
from actions.runner import run_plan
from tests.actions.sandbox import MENDED, MILTER, POSTFIX, needs_root, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.plan import Change
    from tests.actions.sandbox import SandboxHost

pytestmark = needs_root


def a_plan(
    host: SandboxHost, *further: Change, proof_fails: bool = False, title: str = "Mend the milter"
) -> Plan:
    """Return a plan with every kind of change."""
    marker = host.at("/var/marker")
    return Plan(
        title,
        "sandbox.fix",
        {"edge": "smtpd"},
        "postfix may not open the socket",
        (
            FileEdit.planned(host, host.at("/etc/milter.conf"), MENDED),
            FileEdit.planned(host, host.at("/etc/old.conf"), None),
            Folder.planned(host, host.at("/etc/drop.d"), mode=0o750, group="postfix"),
            FileEdit.planned(
                host,
                host.at("/etc/drop.d/new.conf"),
                b"Group=postfix\n",
                mode=0o640,
                owner="milter",
            ),
            Ownership.planned(host, host.at("/run/milter.sock"), group="postfix", mode=0o660),
            Membership.planned(host, "postfix", "milter"),
            Command(("touch", marker), undo_argv=("rm", "-f", marker)),
            UnitOperation.planned(host, "restart", "milter"),
            *further,
        ),
        Proof("the milter runs with its settings", "sandbox.proof", {"fails": proof_fails}),
    )


def an_edit(host: SandboxHost, content: bytes = MENDED) -> Plan:
    """Return a plan with one edit and no proof."""
    edit = FileEdit.planned(host, host.at("/etc/milter.conf"), content)
    return Plan("Edit", "sandbox.edit", {}, "", (edit,))


def journal_plan(host: SandboxHost, action: str, **arguments: object) -> Plan:
    made = find(f"journal.{action}").function(Context(host), **arguments)
    assert isinstance(made, Plan)
    return made


def undo(host: SandboxHost, entry: str = "last", **arguments: object) -> None:
    report = run_plan(Context(host), journal_plan(host, "undo", entry=entry, **arguments))
    assert report.status == "applied"
    assert report.exit_code is Exit.FINE


def status_of(host: SandboxHost) -> Mapping[str, str]:
    report = find("journal.list").function(Context(host))
    return {entry.id: entry.status for entry in report.entries}  # type: ignore[attr-defined]


def test_a_plan_is_applied_and_proved_and_told(sandbox: SandboxHost) -> None:
    told: list[object] = []
    report = run_plan(Context(sandbox, told.append), a_plan(sandbox))
    assert report.status == "applied"
    assert report.exit_code is Exit.FINE
    assert {change.status for change in report.changes} == {"done"}
    assert all(change.seconds is not None for change in report.changes)
    assert report.proof is not None
    assert report.proof.status == "proved"
    after = snapshot(sandbox.root)
    assert after["etc/milter.conf"].content == MENDED
    assert "etc/old.conf" not in after
    assert after["etc/drop.d/new.conf"][:3] == (0o100640, MILTER, 0)
    assert after["etc/drop.d"][:3] == (0o040750, 0, POSTFIX)
    assert after["run/milter.sock"][:3] == (0o140660, MILTER, POSTFIX)
    assert sandbox.accounts.members("milter") == ("clam", "virus", "postfix")
    assert sandbox.services.settings_of("milter") == MENDED
    kinds = [type(event) for event in told]
    assert kinds[:3] == [Begun, ChangeStarted, ChangeDone]
    assert kinds[-2:] == [Proving, Proved]
    assert kinds.count(ChangeDone) == 8


def test_an_edit_keeps_owner_mode_acl_and_labels(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)["etc/milter.conf"]
    run_plan(Context(sandbox), an_edit(sandbox))
    after = snapshot(sandbox.root)["etc/milter.conf"]
    assert after == before._replace(content=MENDED)
    assert before.labels


def test_undo_restores_the_whole_tree(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    report = run_plan(Context(sandbox), a_plan(sandbox))
    assert snapshot(sandbox.root) != before
    undo(sandbox)
    assert snapshot(sandbox.root) == before
    assert sandbox.services.settings_of("milter") == before["etc/milter.conf"].content
    assert status_of(sandbox)[report.entry] == "undone"


def test_undo_again_goes_further_back(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    run_plan(Context(sandbox), an_edit(sandbox))
    run_plan(Context(sandbox), an_edit(sandbox, b"other\n"))
    undo(sandbox)
    assert snapshot(sandbox.root)["etc/milter.conf"].content == MENDED
    undo(sandbox)
    assert snapshot(sandbox.root) == before
    with pytest.raises(ActionError, match="nothing that could be taken back"):
        journal_plan(sandbox, "undo")


def test_undo_of_an_undo_applies_again(sandbox: SandboxHost) -> None:
    report = run_plan(Context(sandbox), a_plan(sandbox))
    after = snapshot(sandbox.root)
    undo(sandbox)
    undo(sandbox, Journal(sandbox.state_folder).ids()[-1])
    assert snapshot(sandbox.root) == after
    assert status_of(sandbox)[report.entry] == "applied"


def test_undone_twice_is_refused(sandbox: SandboxHost) -> None:
    report = run_plan(Context(sandbox), an_edit(sandbox))
    again = journal_plan(sandbox, "undo", entry=report.entry)
    undo(sandbox)
    with pytest.raises(ActionError, match="is undone already by"):
        journal_plan(sandbox, "undo", entry=report.entry)
    with pytest.raises(ActionError, match="settled already"):
        run_plan(Context(sandbox), again)


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


def test_undo_leaves_a_stopped_service_stopped(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    report = run_plan(Context(sandbox), a_plan(sandbox))
    early = journal_plan(sandbox, "undo", entry=report.entry)
    sandbox.units.operate("stop", "milter")
    with pytest.raises(ActionError, match="other changes are needed now"):
        run_plan(Context(sandbox), early)
    plan = journal_plan(sandbox, "undo", entry=report.entry)
    assert "milter: stopped by someone else, stays so" in plan.why
    assert run_plan(Context(sandbox), plan).status == "applied"
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
    monkeypatch.setitem(registry.CAPABILITIES, "sandbox", "tests.actions.sandbox_declared")
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


def test_what_nothing_undoes_stays_and_is_said(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    revoked = Command(("true", "revoke"), why_no_undo="a revoked key stays revoked")
    report = run_plan(Context(sandbox), a_plan(sandbox, revoked, proof_fails=True))
    assert report.status == "rolled back"
    assert report.left == ("run true revoke: a revoked key stays revoked",)
    assert report.changes[-1].status == "left"
    assert snapshot(sandbox.root) == before


def test_undo_asks_before_it_leaves_something(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    revoked = Command(("true", "revoke"), why_no_undo="a revoked key stays revoked")
    run_plan(Context(sandbox), a_plan(sandbox, revoked))
    with pytest.raises(ActionError, match="a revoked key stays revoked") as refused:
        journal_plan(sandbox, "undo", entry="last")
    assert "--partly" in refused.value.next_step
    undo(sandbox, partly=True)
    assert snapshot(sandbox.root) == before


def test_undo_refuses_what_somebody_changed_since(sandbox: SandboxHost) -> None:
    run_plan(Context(sandbox), a_plan(sandbox))
    plan = journal_plan(sandbox, "undo", entry="last")
    setting = sandbox.at("/etc/milter.conf")
    with open(setting, "ab") as file:
        file.write(b"# by hand\n")
    world = snapshot(sandbox.root)
    with pytest.raises(ActionError, match=f"{setting}: was changed by someone else") as refused:
        journal_plan(sandbox, "undo", entry="last")
    assert refused.value.exit_code is Exit.PROBLEM
    with pytest.raises(ActionError, match="nothing was changed"):
        run_plan(Context(sandbox), plan)
    assert snapshot(sandbox.root) == world


def test_undo_names_the_later_entry(sandbox: SandboxHost) -> None:
    first = run_plan(Context(sandbox), an_edit(sandbox))
    second = run_plan(Context(sandbox), an_edit(sandbox, b"other\n"))
    with pytest.raises(ActionError) as refused:
        journal_plan(sandbox, "undo", entry=first.entry)
    assert refused.value.next_step == f"take back {second.entry} first"


def test_undo_skips_what_is_as_before_already(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    run_plan(Context(sandbox), a_plan(sandbox))
    sandbox.accounts.remove_member("milter", "postfix")
    assert "leave" not in [c.kind for c in journal_plan(sandbox, "undo", entry="last").changes]
    undo(sandbox)
    assert snapshot(sandbox.root) == before


def test_two_edits_of_one_file_are_undone_in_turn(sandbox: SandboxHost) -> None:
    before = snapshot(sandbox.root)
    path = sandbox.at("/etc/milter.conf")
    first = FileEdit.planned(sandbox, path, b"one\n")
    assert first.after is not None
    second = FileEdit(path, first.after, first.after._replace(content=b"two\n"))
    report = run_plan(Context(sandbox), Plan("Twice", "sandbox.edit", {}, "", (first, second)))
    assert report.status == "applied"
    undo(sandbox)
    assert snapshot(sandbox.root) == before


def test_a_plan_from_before_a_change_is_refused(sandbox: SandboxHost) -> None:
    plan = a_plan(sandbox)
    os.chmod(sandbox.at("/etc/old.conf"), 0o644)
    world = snapshot(sandbox.root)
    with pytest.raises(ActionError, match="the host changed since the plan was made") as refused:
        run_plan(Context(sandbox), plan)
    assert refused.value.exit_code is Exit.PROBLEM
    assert "old.conf" in str(refused.value)
    assert snapshot(sandbox.root) == world
    assert status_of(sandbox) == {}


def test_a_plan_done_already_is_refused(sandbox: SandboxHost) -> None:
    plan = an_edit(sandbox)
    run_plan(Context(sandbox), plan)
    with pytest.raises(ActionError, match="is done already"):
        run_plan(Context(sandbox), plan)


def test_the_digest_must_be_the_one_confirmed(sandbox: SandboxHost) -> None:
    plan = an_edit(sandbox)
    with pytest.raises(ActionError) as refused:
        run_plan(Context(sandbox), plan, confirmed_digest="0" * 64)
    assert refused.value.exit_code is Exit.NOT_CONFIRMED
    assert run_plan(Context(sandbox), plan, confirmed_digest=digest(plan)).status == "applied"


def test_the_digest_tells_plans_apart(sandbox: SandboxHost) -> None:
    plan = an_edit(sandbox)
    others = [
        an_edit(sandbox, b"x"),
        plan._replace(arguments={"a": 1}),
        plan._replace(action="a.b"),
        plan._replace(changes=plan.changes * 2),
    ]
    assert len({digest(one) for one in (plan, *others)}) == 5
    assert digest(plan) == digest(an_edit(sandbox))


def test_a_second_operator_is_told_who_is_at_it(sandbox: SandboxHost) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with held(sandbox.state_folder, "alice", "Mend the milter"):
            os.write(writing, b"x")
            signal.pause()
    try:
        os.read(reading, 1)
        with pytest.raises(ActionError) as refused:
            run_plan(Context(sandbox), an_edit(sandbox))
        assert "alice is at it since" in str(refused.value)
        assert f"(process {child}): Mend the milter" in str(refused.value)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
    # The lock has died with its holder.
    assert run_plan(Context(sandbox), an_edit(sandbox)).status == "applied"


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


def test_the_record_is_private_and_holds_the_backup(sandbox: SandboxHost) -> None:
    report = run_plan(Context(sandbox), an_edit(sandbox))
    folder = os.path.join(Journal(sandbox.state_folder).folder, report.entry)
    for path, mode in (
        (folder, 0o700),
        (f"{folder}/record.json", 0o600),
        (f"{folder}/events", 0o600),
    ):
        assert os.stat(path).st_mode & 0o777 == mode
    with open(f"{folder}/record.json", encoding="utf-8") as file:
        assert json.load(file)["who"] == Journal(sandbox.state_folder).entry(report.entry).who


def test_the_system_log_is_told_who_asked(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(syslog, "syslog", lambda level, text: told.append((level, text)))
    monkeypatch.setattr(sandbox, "kind", "system")
    monkeypatch.setenv("SUDO_USER", "alice")
    edit = an_edit(sandbox)._replace(title="Edit\nroot: all is well\x1b[2J")
    entry = run_plan(Context(sandbox), edit).entry
    assert told == [
        (syslog.LOG_NOTICE, f"applied {entry}: Edit?root: all is well?[2J (asked by alice)")
    ]
    undo(sandbox)
    assert "Take back: Edit?root: all is well?[2J (asked by alice)" in told[1][1]
