"""Changes that only look: a configuration that is parsed, a socket that is waited for."""

from __future__ import annotations

import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.changes import Answering, Command, ConfigCheck, Looked, from_record
from actions.host.errors import HostError
from actions.outcome import ChangeSaid
from actions.plan import Plan, Standing
from actions.runner import run_plan
from tests.actions.sandbox import needs_root

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.sandbox import SandboxHost

pytestmark = needs_root


def saying(text: str, code: int = 0) -> tuple[str, ...]:
    return ("sh", "-c", f"printf '%s\\n' '{text}'; exit {code}")


def test_a_program_that_ends_well_refuses_nothing(sandbox: SandboxHost) -> None:
    ConfigCheck(saying("an error nobody asked about")).apply(sandbox, "t")


def test_a_program_that_fails_is_quoted(sandbox: SandboxHost) -> None:
    with pytest.raises(HostError, match="sh refuses its configuration: bad option"):
        ConfigCheck(saying("bad option", 2)).apply(sandbox, "t")


def test_a_line_that_speaks_of_an_error_is_a_refusal_whatever_the_exit_code(
    sandbox: SandboxHost,
) -> None:
    check = ConfigCheck(saying("syntax error"), refusal="(?i)error")
    with pytest.raises(HostError, match="refuses its configuration: syntax error"):
        check.apply(sandbox, "t")


def test_what_must_and_must_not_be_there(sandbox: SandboxHost) -> None:
    wanted, unwanted = (("a is lost", "^a$"),), (("b is there still", "^b$"),)
    check = ConfigCheck(saying("b"), wanted=wanted, unwanted=unwanted)
    with pytest.raises(HostError, match="a is lost; b is there still"):
        check.apply(sandbox, "t")
    ConfigCheck(saying("a"), wanted=wanted, unwanted=unwanted).apply(sandbox, "t")


@pytest.mark.parametrize(
    "change",
    [
        ConfigCheck(("a", "-b"), "user", "error", (("lost", "x"),), (("there", "y"),), 3.0, "note"),
        Answering("unix:/run/x.sock", "postfix", 2.0, "note"),
        Command(("a",), stoppable=True),
    ],
)
def test_the_journal_reads_it_back(change: ConfigCheck | Answering | Command) -> None:
    assert from_record(change.record()) == change
    if back := change.inverse():
        assert from_record(back.record()) == back
        assert back.inverse() == change
        assert back.as_command()


def test_a_look_can_be_meant_for_the_way_back_alone(sandbox: SandboxHost) -> None:
    look = Answering("unix:/nowhere", "root", 0.05)
    change = Looked(look, "nobody is sent to it before", ahead=True)
    assert from_record(change.record()) == change
    assert change.as_command() == "# on the way back: wait until unix:/nowhere takes connections"
    (line,) = change.lines()
    assert line.text.startswith("on the way back: until root can connect")
    touch = Command(
        ("touch", sandbox.at("/var/marker")), undo_argv=("rm", sandbox.at("/var/marker"))
    )
    report = run_plan(Context(sandbox), Plan("x", "sandbox.fix", {}, "", (change, touch)))
    assert report.status == "applied"
    assert change.inverse() == look


def test_a_record_of_before_there_was_stopping_is_read(sandbox: SandboxHost) -> None:
    record = Command(("a",)).record()
    del record["stoppable"]
    assert from_record(record) == Command(("a",))


def test_on_the_way_back_nothing_is_looked_at(sandbox: SandboxHost) -> None:
    for change in (ConfigCheck(saying("bad", 1)), Answering("unix:/nowhere", "root")):
        back = change.inverse()
        assert back.stands(sandbox) is Standing.AFTER
        back.apply(sandbox, "t")


def test_a_refusal_amid_a_plan_leaves_nothing_behind(sandbox: SandboxHost) -> None:
    marker = sandbox.at("/var/marker")
    touch = Command(("touch", marker), undo_argv=("rm", marker))
    report = run_plan(
        Context(sandbox), Plan("x", "sandbox.fix", {}, "", (touch, ConfigCheck(saying("no", 1))))
    )
    assert (report.status, report.left) == ("rolled back", ())
    assert [change.status for change in report.changes] == ["taken back", "failed"]


def test_a_socket_is_waited_for_until_it_takes_connections(tmp_path: Path) -> None:
    from actions.host.system import SystemHost

    path = str(tmp_path / "sock")
    said: list[str] = []
    with socket.socket(socket.AF_UNIX) as listener:
        # Whoever is told that it is not there makes it: nobody waits for a clock.
        def tell(line: str) -> None:
            if not said:
                listener.bind(path)
                listener.listen()
            said.append(line)

        Answering(f"unix:{path}", "root").apply_aloud(SystemHost(), "t", tell, lambda: False)
    assert said == ["No such file or directory"]


def test_a_socket_that_does_not_come_is_told(tmp_path: Path) -> None:
    from actions.host.system import SystemHost

    wait = Answering(f"unix:{tmp_path}/sock", "root", 0.05)
    with pytest.raises(HostError, match="does not take a connection of root: No such file"):
        wait.apply(SystemHost(), "t")


def test_the_lines_of_a_command_are_told_as_they_come(sandbox: SandboxHost) -> None:
    """Without the codes for a terminal, and a line that is written over by the next too."""
    script = "print('10 %', end='\\r'); print('\\x1b[?7l20 %'); print(); print('done')"
    events: list[object] = []
    command = Command((sys.executable, "-c", script))
    run_plan(Context(sandbox, events.append), Plan("x", "sandbox.fix", {}, "", (command,)))
    said = [event.line for event in events if isinstance(event, ChangeSaid)]
    assert said == ["10 %", "20 %", "done"]


def test_a_command_that_may_be_stopped_is_stopped(sandbox: SandboxHost) -> None:
    cancel = threading.Event()

    def tell(event: object) -> None:
        if isinstance(event, ChangeSaid):
            cancel.set()

    command = Command(("sh", "-c", "echo begun; exec sleep 60"), stoppable=True)
    plan = Plan("x", "sandbox.fix", {}, "", (command,))
    report = run_plan(Context(sandbox, tell, cancel), plan)
    assert report.status == "rolled back"
    assert "cancelled" in report.because
    assert report.changes[0].seconds is None


def test_one_that_may_not_be_stopped_comes_to_its_end(sandbox: SandboxHost) -> None:
    cancel = threading.Event()
    marker = sandbox.at("/var/marker")

    def tell(event: object) -> None:
        if isinstance(event, ChangeSaid):
            cancel.set()

    command = Command(("sh", "-c", f"echo begun; sleep 0.3; touch {marker}"))
    first = Plan("x", "sandbox.fix", {}, "", (command, Command(("false",))))
    run_plan(Context(sandbox, tell, cancel), first)
    assert sandbox.files.state(marker).kind != "absent"
