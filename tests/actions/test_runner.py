"""Plans applied and proved, or refused before anything is changed."""

from __future__ import annotations

import json
import os
import signal
import syslog
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.journal.lock import held
from actions.journal.store import Journal
from actions.outcome import (
    Begun,
    ChangeDone,
    ChangeStarted,
    Proved,
    Proving,
)
from actions.plan import digest
from actions.runner import run_plan
from tests.actions.plans import a_plan, an_edit, status_of, undo
from tests.actions.sandbox import MENDED, MILTER, POSTFIX, needs_root, snapshot

if TYPE_CHECKING:
    from tests.actions.sandbox import SandboxHost

pytestmark = needs_root


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
