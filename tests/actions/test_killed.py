"""A run killed with SIGKILL at any line: the next process says where it stood and restores all.

By default some lines are taken, evenly spread over each run, and many where something is
written; with ``EVERY_LINE=1`` in the environment, every single one.
"""

from __future__ import annotations

import os
import shutil
from functools import cache, partial
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context
from actions.journal.listing import list_entries
from actions.journal.store import Journal
from actions.plan import Plan
from actions.runner import run_plan
from tests.actions.killing import in_child
from tests.actions.plans import a_plan, journal_plan
from tests.actions.sandbox import MENDED, SETTING, SandboxHost, needs_root, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.actions.sandbox import Seen

    Work = Callable[[SandboxHost], object]
    Tree = dict[str, Seen]

pytestmark = needs_root

NO_CHANGE = Plan("Nothing", "sandbox.nothing", {}, "", ())
EVERY_LINE = bool(os.environ.get("EVERY_LINE"))


def apply(host: SandboxHost) -> None:
    assert run_plan(Context(host), a_plan(host)).status == "applied"


def apply_and_roll_back(host: SandboxHost) -> None:
    assert run_plan(Context(host), a_plan(host, proof_fails=True)).status == "rolled back"


def take(action: str) -> Work:
    """Return the work of taking up the first entry by *action*."""

    def work(host: SandboxHost) -> None:
        plan = journal_plan(host, action, entry=Journal(host.state_folder).ids()[0])
        assert run_plan(Context(host), plan).status == "applied"

    return work


undo, finish = take("undo"), take("finish")


def undo_the_undo(host: SandboxHost) -> None:
    plan = journal_plan(host, "undo", entry=Journal(host.state_folder).ids()[-1])
    assert run_plan(Context(host), plan).status == "applied"


def nothing(host: SandboxHost) -> None:
    return


def interrupt(host: SandboxHost) -> None:
    """Leave a plan open when some of its changes are done."""
    assert in_child(partial(apply, host), _middle(host.root)).killed
    assert Journal(host.state_folder).open_entry() is not None


@cache
def _middle(root: str) -> int:
    host = SandboxHost(root)
    total = in_child(partial(apply, host)).lines
    in_child(partial(undo, host))
    shutil.rmtree(host.state_folder)
    return total * 2 // 3


class World:
    """The tree before and after the plan."""

    def __init__(self, host: SandboxHost) -> None:
        self.host = host
        self.before = snapshot(host.root)
        apply(host)
        self.after = snapshot(host.root)
        undo(host)
        shutil.rmtree(host.state_folder)

    def require(self, tree: Tree, settings: bytes) -> None:
        assert snapshot(self.host.root) == tree
        assert self.host.services.settings_of("milter") == settings

    def settle(self, by: Work) -> None:
        """As the next operator: see where it stood, settle it by *by*, and restore all."""
        journal = Journal(self.host.state_folder)
        if journal.open_entry() is not None:
            self._require_told()
            by(self.host)
            if by in {finish, undo_the_undo}:
                self.require(self.after, MENDED)
        assert journal.unreadable() == ()
        listed = list_entries(Context(self.host), 50).entries
        if listed and listed[-1].status in {"applied", "finished"}:
            undo(self.host)
        self.require(self.before, SETTING)
        # The lock is free, and nothing that was left lies in the way.
        assert run_plan(Context(self.host), NO_CHANGE).status == "applied"
        assert [name for name in os.listdir(journal.folder) if name.startswith(".")] == []

    def _require_told(self) -> None:
        """Require that nothing else may begin, and that each change is told of."""
        with pytest.raises(ActionError, match=r"was interrupted: \d of 8 changes done"):
            run_plan(Context(self.host), NO_CHANGE)
        listed = list_entries(Context(self.host), 50).entries
        told = next(entry for entry in listed if entry.status == "interrupted")
        assert len(told.stands) == told.changes
        assert "changes done" in told.because


@pytest.mark.parametrize(
    ("prepare", "work", "settle_by", "spread"),
    [
        pytest.param(nothing, apply, (undo, finish), 70, id="applying"),
        pytest.param(nothing, apply_and_roll_back, (undo,), 50, id="rolling-back"),
        pytest.param(apply, undo, (undo, undo_the_undo), 40, id="undoing"),
        pytest.param(interrupt, undo, (undo, finish), 30, id="undoing-an-interrupted-one"),
        pytest.param(interrupt, finish, (undo, finish), 30, id="finishing-an-interrupted-one"),
    ],
)
def test_a_killed_run_is_told_and_taken_back(
    sandbox: SandboxHost, prepare: Work, work: Work, settle_by: tuple[Work, ...], spread: int
) -> None:
    world = World(sandbox)
    prepare(sandbox)
    whole = in_child(partial(work, sandbox))
    in_child(partial(world.settle, undo))
    lines = list(range(1, whole.lines + 1)) if EVERY_LINE else whole.some_lines(spread)
    killed = 0
    for number, line in enumerate(lines):
        shutil.rmtree(sandbox.state_folder)
        prepare(sandbox)
        # A few lines fewer are executed now and then, and the run comes to its end.
        killed += in_child(partial(work, sandbox), line).killed
        in_child(partial(world.settle, settle_by[number % len(settle_by)]))
    print(f"{killed} kills over {whole.lines} lines")  # noqa: T201 - what -s is asked for
    assert killed >= 0.95 * len(lines)
