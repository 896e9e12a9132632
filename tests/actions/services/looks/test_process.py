"""The process: the service manager's word beside what really runs.

The service manager is a stand-in here: its states are told as systemd tells them, and some, such
as a process that is gone while the unit is called active, last for an instant only. The
processes are real. Real units are in tests/system.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from actions.finding import Health
from actions.host import processes
from actions.host.ports import UnitState
from actions.host.system import SystemHost
from actions.mailhost.service import MailService, Role
from actions.services.looks.process import Running, look_at_processes
from tests.unit_ports import NoForeground

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from actions.host.ports import Operation, UnitWatch

NAME = "mc-looked-at"
"""What the real process is called; longer names are cut by the kernel at 15 bytes."""


class Told(NoForeground):
    """A service manager that tells what a test gave it."""

    def __init__(self, state: UnitState | None, absent: str = "") -> None:
        self._state, self._absent = state, absent

    def absent(self) -> str:
        return self._absent

    def names(self) -> tuple[str, ...]:
        raise NotImplementedError

    def state(self, unit: str) -> UnitState:
        return self.states((unit,))[0]

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        assert self._state is not None
        return tuple(self._state for _ in units)

    def watch(self, changed: object) -> UnitWatch:
        raise NotImplementedError

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        raise NotImplementedError


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, called `NAME`."""
    program = tmp_path / NAME
    program.symlink_to("/bin/sleep")
    running = subprocess.Popen([str(program), "600"])
    yield running
    running.kill()
    running.wait()


def looked(
    state: dict[str, Any] | None,
    *,
    expected: bool = True,
    absent: str = "",
    program: str = "mc-no-such-one",
    role: Role = "milter",
    user: str = "",
) -> Running:
    host = SystemHost()
    given = {"enabled": True, "main_pid": 0, "invocation": "", "detail": "", **(state or {})}
    host.units = Told(UnitState(name="a.service", **given) if state else None, absent)
    unit = "a.service" if state or absent else ""
    service = MailService("a", role, unit, program, user, expected=expected)
    return look_at_processes(host, [service])["a"]


STATES: list[tuple[dict[str, Any], Health, str]] = [
    ({"activity": "inactive"}, Health.DOWN, "stopped"),
    ({"activity": "inactive", "masked": True}, Health.DOWN, "masked: it can't be started"),
    ({"activity": "failed", "detail": "failed, exit-code"}, Health.DOWN, "failed: exit-code"),
    ({"activity": "failed", "detail": "failed"}, Health.DOWN, "failed: no reason is told"),
    ({"activity": "changing", "detail": "start-pre"}, Health.DEGRADED, "is changing: start-pre"),
    (
        {"activity": "changing", "detail": "auto-restart, exit-code", "restarts": 7},
        Health.DOWN,
        "keeps ending: started again 7 times",
    ),
    ({"activity": "active", "main_pid": os.getpid()}, Health.OK, f"runs (process {os.getpid()})"),
    (
        {"activity": "active", "main_pid": os.getpid(), "masked": True},
        Health.DEGRADED,
        "masked: it runs, but can't be started again",
    ),
    (
        {"activity": "active", "main_pid": os.getpid(), "restarts": 5, "since": "now"},
        Health.DEGRADED,
        "keeps ending: started again 5 times",
    ),
    (
        {"activity": "active", "main_pid": os.getpid(), "restarts": 5, "since": 1.0},
        Health.OK,
        f"runs (process {os.getpid()})",
    ),
    (
        {"activity": "active", "detail": "exited"},
        Health.DOWN,
        "a.service is called active, but no process of it runs",
    ),
    (
        {"activity": "unknown", "detail": "not ended after 5 s"},
        Health.UNKNOWN,
        "not seen: not ended after 5 s",
    ),
]


@pytest.mark.parametrize(("state", "health", "detail"), STATES)
def test_a_state_is_told(state: dict[str, Any], health: Health, detail: str) -> None:
    if state.get("since") == "now":
        state = {**state, "since": time.time()}
    look = looked(state).look
    assert (look.health, look.detail) == (health, detail)


@pytest.mark.parametrize("masked", [False, True])
def test_what_is_off_on_purpose_is_no_problem(masked: bool) -> None:
    look = looked({"activity": "inactive", "masked": masked}, expected=False).look
    assert (look.health, look.cause) == (Health.OK, "off")


def test_what_failed_is_told_even_where_nobody_needs_it() -> None:
    look = looked({"activity": "failed", "detail": "failed, signal"}, expected=False).look
    assert look.health is Health.DOWN


def test_a_main_process_that_is_gone_is_down() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    look = looked({"activity": "active", "main_pid": ended.pid}).look
    assert look.health is Health.DOWN
    assert look.detail == f"its process {ended.pid} is gone"


def test_the_remains_of_a_process_are_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert processes.is_alive(child.pid) is False
    finally:
        child.wait()


def test_one_that_runs_outside_of_its_unit_is_seen(process: subprocess.Popen[bytes]) -> None:
    look = looked({"activity": "active", "detail": "exited"}, program=NAME).look
    assert look.health is Health.OK
    assert look.detail == f"runs (process {process.pid}), but not as a.service"


class TestWithoutServiceManager:
    """Found by name and user in /proc."""

    WHY = "systemd does not run here (process 1 is sh)"

    def test_a_process_is_found_by_its_name(self, process: subprocess.Popen[bytes]) -> None:
        found = looked(None, absent=self.WHY, program=NAME)
        assert found.look.health is Health.OK
        assert found.look.detail == f"runs (process {process.pid}); {self.WHY}"
        assert found.pids == (process.pid,)
        assert found.since is not None
        assert abs(found.since - time.time()) < 60
        assert found.memory

    def test_a_process_of_another_user_is_another_service(
        self, process: subprocess.Popen[bytes]
    ) -> None:
        if os.geteuid() != 0:
            pytest.skip("the user must be another one")
        found = looked(None, absent=self.WHY, program=NAME, user="nobody")
        assert found.look.health is Health.DOWN

    @pytest.mark.parametrize("role", ["MTA", "milter"])
    def test_anybodys_process_is_no_service(self, role: Role) -> None:
        if os.geteuid() != 0:
            pytest.skip("the process must be another user's")
        name = f"mc-{os.getpid()}"
        running = subprocess.Popen([name, "600"], executable="/bin/sleep", user=4242)
        try:
            found = looked(None, absent=self.WHY, program=name, role=role)
        finally:
            running.kill()
            running.wait()
        # A master of root's may run here, for another test.
        assert running.pid not in found.pids
        if role == "milter":
            detail = f"process {running.pid} is called so, but may be anybody's (uid 4242)"
            assert found.look.health is Health.UNKNOWN
            assert found.look.detail == f"{detail}; {self.WHY}"

    def test_none_is_down(self) -> None:
        look = looked(None, absent=self.WHY).look
        assert look.health is Health.DOWN
        assert look.detail == f"no process mc-no-such-one runs; {self.WHY}"

    def test_none_is_off_where_nobody_needs_it(self) -> None:
        assert looked(None, absent=self.WHY, expected=False).look.cause == "off"

    def test_a_service_without_a_program_is_unknown(self) -> None:
        assert looked(None, absent=self.WHY, program="").look.health is Health.UNKNOWN

    def test_a_script_is_found_by_its_own_name(self, tmp_path: Path) -> None:
        script = tmp_path / "mc-script"
        script.write_text("import time\ntime.sleep(600)\n")
        running = subprocess.Popen([sys.executable, str(script)])
        try:
            until = time.monotonic() + 10
            while (
                look := looked(None, absent=self.WHY, program="mc-script").look
            ).health is not Health.OK:
                assert time.monotonic() < until, look
            assert str(running.pid) in look.detail
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()


def test_a_state_that_is_known_already_is_not_asked_for_again() -> None:
    host = SystemHost()
    host.units = Told(None)  # it fails where it is asked
    state = UnitState("a.service", "failed", None, 0, "", "exit-code")
    found = look_at_processes(host, [MailService("a", "engine", "a.service")], {state.name: state})
    assert found["a"].look.detail == "failed: exit-code"
