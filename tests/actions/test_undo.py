"""Applied plans taken back, again and again, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import Command, FileEdit
from actions.journal.store import Journal
from actions.plan import Plan
from actions.runner import run_plan
from tests.actions.plans import a_plan, an_edit, journal_plan, status_of, undo
from tests.actions.sandbox import MENDED, needs_root, snapshot

if TYPE_CHECKING:
    from tests.actions.sandbox import SandboxHost

pytestmark = needs_root


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
