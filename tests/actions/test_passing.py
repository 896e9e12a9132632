"""Plans that last as long as somebody looks on: ended by the operator, or killed at any line."""

from __future__ import annotations

import os
import shutil
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import Foreground, from_record
from actions.host.errors import HostError
from actions.host.ports import UnitState
from actions.host.unit_state import FOREGROUND
from actions.journal.listing import list_entries
from actions.journal.store import Journal
from actions.outcome import ChangeWrote
from actions.plan import Plan
from actions.runner import run_plan
from tests.actions.killing import in_child
from tests.actions.plans import a_plan, journal_plan
from tests.actions.sandbox import SandboxHost, SandboxUnits, needs_root

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = needs_root

CHANGE = Foreground("milter.service", ("/usr/sbin/milter", "-f"), 60.0, note="mail waits")
UNSEEN = UnitState(CHANGE.unit, "unknown", None, 0, "", "no answer in time")
PLAN = Plan("Run milter in the foreground", "sandbox.run", {}, "", (CHANGE,), lasting=False)


class Instead(SandboxUnits):
    """The sandbox's services, with a run that writes until it is ended.

    It stands for systemd, which brings the unit back by itself: see tests/system.
    """

    def __init__(self, root: str, remains: str = "", fault: str = "") -> None:
        super().__init__(root)
        self._remains, self._fault = remains, fault

    def state(self, unit: str) -> UnitState:
        return super().state(unit)._replace(files=(self._remains,) if self._remains else ())

    def run_instead(
        self,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
        seconds: float,
    ) -> str:
        for number in range(3):
            take(f"step \x1b[1m{number}", 1_800_000_000.25)
        if self._fault:
            raise HostError(self._fault)
        assert is_cancelled() or seconds
        return "stopped by the operator"


class Unseen(SandboxUnits):
    """The services of a systemd that does not answer."""

    def __init__(self, state: UnitState) -> None:
        super().__init__("/nonexistent")
        self._state = state

    def state(self, unit: str) -> UnitState:
        return self._state


@pytest.fixture
def host(sandbox: SandboxHost) -> SandboxHost:
    sandbox.units = Instead(sandbox.root)
    return sandbox


def apply(host: SandboxHost) -> None:
    assert run_plan(Context(host), PLAN).status == "applied"


def statuses(host: SandboxHost) -> list[str]:
    return [entry.status for entry in list_entries(Context(host), 50).entries]


def test_the_operators_end_is_no_cancelling(host: SandboxHost) -> None:
    told: list[object] = []
    end = threading.Event()

    def tell(event: object) -> None:
        told.append(event)
        if isinstance(event, ChangeWrote):
            end.set()

    report = run_plan(Context(host, tell, end), PLAN)
    assert (report.status, report.exit_code) == ("applied", Exit.FINE)
    lines = [event for event in told if isinstance(event, ChangeWrote)]
    assert [(one.output, one.when) for one in lines][:1] == [("step \x1b[1m0", 1_800_000_000.25)]
    (change,) = report.changes
    path = change.detail.rpartition(" ")[2]
    with open(path, encoding="utf-8") as file:
        kept = file.read().splitlines()
    assert len(kept) == 3
    assert kept[0].endswith(".250 step \\x1b[1m0"), "no escape sequence for who reads it"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_fault_of_it_is_told_with_where_its_output_is(host: SandboxHost) -> None:
    host.units = Instead(host.root, fault="it fell over")
    report = run_plan(Context(host), PLAN)
    assert (report.status, report.exit_code) == ("rolled back", Exit.ROLLED_BACK)
    assert "it fell over; its output is kept in " in report.because
    assert statuses(host) == ["rolled back"]


def test_nothing_of_it_is_undone(host: SandboxHost) -> None:
    assert run_plan(Context(host), a_plan(host)).status == "applied"
    apply(host)
    named = Journal(host.state_folder).ids()[-1]
    with pytest.raises(ActionError, match="left nothing that could be taken back"):
        journal_plan(host, "undo", entry=named)
    # What is undone by default is what was done before.
    plan = journal_plan(host, "undo", entry="last")
    assert plan.arguments["entry"] == Journal(host.state_folder).ids()[0]
    assert run_plan(Context(host), plan).status == "applied"


def test_what_is_left_is_not_known_of_a_unit_that_is_not_seen(host: SandboxHost) -> None:
    assert CHANGE.remains(host) == ""
    host.units = Unseen(UNSEEN)
    assert CHANGE.remains(host) == (
        "whether milter.service still runs in the foreground can't be seen: no answer in time"
    )


def test_one_that_is_killed_at_any_line_hinders_nobody(host: SandboxHost) -> None:
    whole = in_child(partial(apply, host))
    cut_off = 0
    for line in whole.some_lines(40):
        shutil.rmtree(host.state_folder)
        in_child(partial(apply, host), line)
        was_open = Journal(host.state_folder).open_entry() is not None
        if was_open:
            assert statuses(host) == ["cut off"]
            seen, host.units = host.units, Unseen(UNSEEN)
            assert statuses(host) == ["interrupted"], "it may still run"
            host.units = seen
        told: list[object] = []
        assert run_plan(Context(host, told.append), PLAN).status == "applied"
        said = [one for one in told if isinstance(one, str)]
        assert len(said) == was_open
        assert not said or said[0].endswith("was cut off; nothing is left of it")
        assert set(statuses(host)) <= {"applied", "cut off"}
        assert Journal(host.state_folder).open_entry() is None
        cut_off += was_open
    assert cut_off > 20


def test_one_that_still_runs_hinders_others(host: SandboxHost) -> None:
    whole = in_child(partial(apply, host))
    shutil.rmtree(host.state_folder)
    in_child(partial(apply, host), whole.lines // 2)
    host.units = Instead(host.root, remains=f"/run/systemd/system/milter.service.d/{FOREGROUND}")
    assert statuses(host) == ["interrupted"]
    with pytest.raises(ActionError, match="was interrupted"):
        run_plan(Context(host), Plan("Nothing", "sandbox.nothing", {}, "", ()))
    host.units = Instead(host.root)
    assert run_plan(Context(host), PLAN).status == "applied"


def test_it_is_read_back_from_its_record() -> None:
    change = CHANGE._replace(sockets=(("unix:/run/milter.sock", "postfix"),))
    assert from_record(change.record()) == change
    assert change.undo == "nothing"
    assert "/usr/sbin/milter -f" in change.as_command()
    assert [line.sign for line in change.lines()] == ["-", "+", " "]
