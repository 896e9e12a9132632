"""The journal's actions."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import Command
from actions.host.errors import HostError
from actions.journal.listing import JournalReport
from actions.journal.store import Journal
from actions.plan import Plan
from actions.registry import find
from actions.runner import run_plan
from tests.actions.plans import a_plan, an_edit, journal_plan
from tests.actions.sandbox import needs_root

if TYPE_CHECKING:
    from tests.actions.sandbox import SandboxHost


def listed(host: SandboxHost, limit: int = 50) -> JournalReport:
    report = find("journal.list").function(Context(host), limit=limit)
    assert isinstance(report, JournalReport)
    return report


def begun(host: SandboxHost, *argv: str) -> str:
    """Leave an entry open, as a kill would."""
    plan = Plan("Do", "test.do", {}, "", (Command(("true", *argv)),))
    return Journal(host.state_folder).begin(plan, "alice", "sandbox").id


def test_declaring_imports_no_bodies() -> None:
    heavy = "json hashlib sh difflib subprocess actions.plan actions.changes actions.host.files"
    code = (
        "import sys, actions.journal.declared;"
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "[]\n"


def test_parameters() -> None:
    assert [(one.name, one.shape) for one in find("journal.undo").parameters] == [
        ("entry", "text"),
        ("partly", "switch"),
    ]
    assert find("journal.list").kind == "report"
    assert find("journal.leave").summary == (
        "Close an interrupted entry and leave the host as it stands."
    )


def test_an_empty_journal(sandbox: SandboxHost) -> None:
    report = listed(sandbox)
    assert report.entries == ()
    assert report.exit_code is Exit.FINE
    with pytest.raises(ActionError, match="holds nothing that could be taken back"):
        journal_plan(sandbox, "undo")
    for action in ("finish", "leave"):
        with pytest.raises(ActionError, match="no entry of the journal is interrupted"):
            journal_plan(sandbox, action)


@needs_root
def test_the_newest_comes_first(sandbox: SandboxHost) -> None:
    first = run_plan(Context(sandbox), an_edit(sandbox)).entry
    second = run_plan(
        Context(sandbox), a_plan(sandbox, proof_fails=True)._replace(changes=())
    ).entry
    report = listed(sandbox)
    assert [(entry.id, entry.status) for entry in report.entries] == [
        (second, "rolled back"),
        (first, "applied"),
    ]
    assert report.entries[0].because == "the milter runs with its settings: still refused"
    assert [entry.id for entry in listed(sandbox, 1).entries] == [second]


def test_an_unknown_entry(sandbox: SandboxHost) -> None:
    for action in ("undo", "finish", "leave"):
        with pytest.raises(ActionError, match="no entry '20200101-000000'") as refused:
            journal_plan(sandbox, action, entry="20200101-000000")
        assert refused.value.exit_code is Exit.USAGE


def test_an_interrupted_entry_tells_where_it_stood(sandbox: SandboxHost) -> None:
    name = begun(sandbox)
    Journal(sandbox.state_folder).note(name, "intent", change=0)
    report = listed(sandbox)
    assert report.exit_code is Exit.PROBLEM
    (entry,) = report.entries
    assert entry.status == "interrupted"
    assert entry.because == "0 of 1 changes done, amid change 1 (run true)"
    assert [stood.words for stood in entry.stands] == ["begun; on the host: can't be told"]


def test_others_wait_until_it_is_settled(sandbox: SandboxHost) -> None:
    name = begun(sandbox, "x")
    other = Plan("Other", "test.do", {}, "", (Command(("true",)),))
    with pytest.raises(ActionError) as refused:
        run_plan(Context(sandbox), other)
    assert f"'Do' ({name}) was interrupted: 0 of 1 changes done" in str(refused.value)
    assert refused.value.next_step == (
        f"console run journal.undo --entry {name} takes it back, "
        f"console run journal.finish --entry {name} does the rest"
    )
    finish = journal_plan(sandbox, "finish", entry=name)
    assert run_plan(Context(sandbox), finish).status == "applied"
    assert listed(sandbox).entries[0].status == "finished"
    with pytest.raises(ActionError, match="is not interrupted"):
        journal_plan(sandbox, "finish", entry=name)
    assert run_plan(Context(sandbox), other).status == "applied"


def test_a_plan_for_another_way_is_refused(sandbox: SandboxHost) -> None:
    name = begun(sandbox)
    plan = journal_plan(sandbox, "finish", entry=name)
    Journal(sandbox.state_folder).note(name, "intent", change=0)
    Journal(sandbox.state_folder).note(name, "done", change=0)
    with pytest.raises(ActionError, match="other changes are needed now"):
        run_plan(Context(sandbox), plan)


def test_what_was_settled_meanwhile_is_refused(sandbox: SandboxHost) -> None:
    name = begun(sandbox)
    plans = [journal_plan(sandbox, action, entry=name) for action in ("undo", "finish", "leave")]
    assert run_plan(Context(sandbox), plans[2]).status == "applied"
    for plan in plans[1:]:
        with pytest.raises(ActionError, match="is settled already"):
            run_plan(Context(sandbox), plan)


def test_a_left_entry_can_be_taken_back_later(sandbox: SandboxHost) -> None:
    name = begun(sandbox)
    run_plan(Context(sandbox), journal_plan(sandbox, "leave", entry=name))
    run_plan(Context(sandbox), journal_plan(sandbox, "undo", entry=name))
    assert listed(sandbox).entries[-1].status == "undone"


def test_a_failing_finish_is_rolled_back(sandbox: SandboxHost) -> None:
    marker = sandbox.at("/var/marker")
    changes = (
        Command(("touch", marker), undo_argv=("rm", marker)),
        Command(("false",), undo_argv=("true",)),
    )
    journal = Journal(sandbox.state_folder)
    name = journal.begin(Plan("Do", "test.do", {}, "", changes), "alice", "sandbox").id
    sandbox.commands.run(["touch", marker])
    journal.note(name, "intent", change=0)
    journal.note(name, "done", change=0)
    report = run_plan(Context(sandbox), journal_plan(sandbox, "finish", entry=name))
    assert report.status == "rolled back"
    assert [change.target for change in report.changes] == ["false"]
    assert sandbox.files.state(marker).kind == "absent"
    assert listed(sandbox).entries[0].status == "rolled back"


@needs_root
def test_undo_of_an_interrupted_entry_refuses_what_somebody_changed(sandbox: SandboxHost) -> None:
    path = sandbox.at("/etc/milter.conf")
    journal = Journal(sandbox.state_folder)
    name = journal.begin(an_edit(sandbox), "alice", "sandbox").id
    journal.note(name, "intent", change=0)
    with open(path, "ab") as file:
        file.write(b"# by hand\n")
    for action in ("undo", "finish"):
        with pytest.raises(ActionError, match=f"{path}: was changed by someone else") as refused:
            journal_plan(sandbox, action, entry=name)
        assert f"journal.leave --entry {name}" in refused.value.next_step


def test_a_damaged_interrupted_entry_can_only_be_left(sandbox: SandboxHost) -> None:
    name = begun(sandbox, "x")
    with open(
        f"{Journal(sandbox.state_folder).folder}/{name}/record.json", "w", encoding="utf-8"
    ) as file:
        file.write("{")
    other = Plan("Other", "test.do", {}, "", (Command(("true",)),))
    with pytest.raises(ActionError, match=f"{name}.*was interrupted: .*is damaged") as refused:
        run_plan(Context(sandbox), other)
    leave = f"console run journal.leave --entry {name} leaves the host as it stands"
    assert refused.value.next_step == leave
    for entry in (name, "last"):
        for action in ("undo", "finish"):
            with pytest.raises(ActionError, match="neither be taken back nor finished") as refused:
                journal_plan(sandbox, action, entry=entry)
            assert refused.value.next_step == leave
    report = listed(sandbox)
    assert (report.unreadable, report.exit_code) == ((name,), Exit.PROBLEM)
    plan = journal_plan(sandbox, "leave", entry=name)
    assert run_plan(Context(sandbox), plan).status == "applied"
    assert run_plan(Context(sandbox), other).status == "applied"
    with pytest.raises(HostError, match="the entry is damaged"):
        journal_plan(sandbox, "undo", entry=name)


@needs_root
def test_the_later_entry_is_named_whatever_the_clock_says(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_plan(Context(sandbox), an_edit(sandbox)).entry
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    second = run_plan(Context(sandbox), an_edit(sandbox, b"other\n")).entry
    with pytest.raises(ActionError) as refused:
        journal_plan(sandbox, "undo", entry=first)
    assert refused.value.next_step == f"take back {second} first"
    assert [entry.id for entry in listed(sandbox).entries] == [second, first]
