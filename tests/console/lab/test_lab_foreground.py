"""The lab's programs run in their units' place, its drop-ins, and what it does later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import pytest

from actions.action import Context
from actions.host.errors import HostError
from actions.host.ports import Timer
from actions.host.unit_state import is_in_foreground
from actions.journal.listing import list_entries
from actions.outcome import ChangeStarted, ChangeWrote
from actions.registry import find
from actions.runner import run_plan
from tests.console.lab.kit import SEARCHED, alive, log_size, send
from tests.console.lab.kit import log as await_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.host.ports import UnitState
    from actions.plan import Plan
    from console.lab.lab import Lab

UNIT = "milter-manager.service"
MANAGER = "/usr/sbin/milter-manager"
PATIENCE = 10.0

WATCHING = """\
import sys
from console.lab.lab import attach
host = attach(sys.argv[1])
host.units.run_instead(
    sys.argv[2], sys.argv[3:], lambda line, _: print(line, flush=True), lambda: False, 60.0
)
"""
"""A program that looks on while another runs, until it is killed."""


CONSOLE = "from console.cli import main; main()"


class Told(NamedTuple):
    """What is to be the same before and after a run."""

    activity: str
    command: tuple[str, ...]
    files: tuple[str, ...]
    enabled: bool | None

    @classmethod
    def of(cls, state: UnitState) -> Told:
        return cls(state.activity, state.command, state.files, state.enabled)


class Onlooker:
    """Runs a program in a unit's place, in a thread of its own."""

    def __init__(self, lab: Lab, unit: str, *argv: str) -> None:
        self.lines: list[str] = []
        self.end = threading.Event()
        self.words, self.error = "", ""
        self._lab, self._unit, self._argv = lab, unit, argv
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: runs_in_foreground(self._lab, self._unit))
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.words = self._lab.host.units.run_instead(
                self._unit, self._argv, lambda line, _: self.lines.append(line), self.end.is_set, 60
            )
        except HostError as error:
            self.error = str(error)


def wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def look(lab: Lab, unit: str = UNIT) -> Told:
    return Told.of(lab.host.units.state(unit))


def runs_in_foreground(lab: Lab, unit: str) -> bool:
    state = lab.host.units.state(unit)
    return state.activity == "active" and is_in_foreground(state)


def test_a_run_tells_each_step_and_brings_the_unit_back(lab: Lab) -> None:
    before, first = look(lab), lab.host.units.state(UNIT).invocation
    with Onlooker(lab, UNIT, MANAGER, "--no-daemon", "--verbose") as seen:
        assert lab.host.units.state(UNIT).command[1:] == ("--no-daemon", "--verbose")
        assert send(lab).code == 250
        wait_for(lambda: any("[session][end]" in line for line in seen.lines))
        assert any("[children][reply][header][continue]" in line for line in seen.lines)
    assert (seen.words, seen.error) == ("stopped by the operator", "")
    assert look(lab) == before
    assert lab.host.units.state(UNIT).invocation != first
    assert send(lab).code == 250


@pytest.mark.parametrize(
    ("unit", "options"),
    [("milter-greylist", ("-v",)), ("spamass-milter", ("-d", "func")), ("opendkim", ("-W",))],
)
def test_each_milter_tells_its_events(lab: Lab, unit: str, options: tuple[str, ...]) -> None:
    with Onlooker(lab, unit, f"/usr/sbin/{unit}", *options) as seen:
        assert send(lab).code == 250
        wait_for(lambda: any(line.startswith("eom ->") for line in seen.lines))
        assert any(line.startswith("connect 'mail.example.net'") for line in seen.lines)
    since = log_size(lab)
    assert send(lab).code == 250
    assert "eom ->" not in await_log(lab, "disconnect", since)


def test_what_fails_at_once_is_told_and_the_unit_is_back(lab: Lab) -> None:
    before = look(lab)
    with pytest.raises(HostError, match="Unknown option --nonsense"):
        lab.host.units.run_instead(UNIT, [MANAGER, "--nonsense"], print, lambda: False, 60)
    assert look(lab) == before


def test_it_ends_when_its_time_is_over(lab: Lab) -> None:
    before = look(lab)
    words = lab.host.units.run_instead(UNIT, [MANAGER], print, lambda: False, 0.1)
    assert words == "stopped, its time was over"
    assert look(lab) == before


def test_what_was_stopped_stays_so(lab: Lab) -> None:
    lab.host.units.operate("stop", UNIT)
    try:
        with Onlooker(lab, UNIT, MANAGER, "--no-daemon"):
            pass
        assert lab.host.units.state(UNIT).activity == "inactive"
    finally:
        lab.host.units.operate("start", UNIT)


def test_nothing_else_is_done_to_it_meanwhile(lab: Lab) -> None:
    with Onlooker(lab, UNIT, MANAGER, "--no-daemon") as seen:
        with pytest.raises(HostError, match="runs it in the foreground just now"):
            lab.host.units.operate("restart", UNIT)
        with pytest.raises(HostError, match="runs it in the foreground just now"):
            lab.host.units.run_instead(UNIT, [MANAGER], print, lambda: False, 60)
    assert seen.words
    with pytest.raises(HostError, match="no such unit"):
        lab.host.units.run_instead("exim", ["/usr/sbin/exim"], print, lambda: False, 60)


def test_the_unit_is_back_when_who_looks_on_is_killed(lab: Lab) -> None:
    before = look(lab)
    with subprocess.Popen(
        [sys.executable, "-c", WATCHING, lab.root, UNIT, MANAGER, "--no-daemon", "--verbose"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SEARCHED},
    ) as process:
        assert process.stdout
        wait_for(lambda: runs_in_foreground(lab, UNIT))
        assert send(lab).code == 250
        while "[session][end]" not in process.stdout.readline():
            pass
        pid = lab.host.units.state(UNIT).main_pid
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: look(lab) == before)
    assert not alive(pid)
    assert send(lab).code == 250


@pytest.fixture
def drop_in(lab: Lab) -> Iterator[Path]:
    """Where a drop-in of milter-greylist goes; it is taken away afterwards."""
    path = Path(lab.root, "run/systemd/system/milter-greylist.service.d/50-test.conf")
    path.parent.mkdir(parents=True)
    yield path
    path.unlink(missing_ok=True)
    path.parent.rmdir()
    lab.host.units.reread()
    lab.host.units.operate("restart", "milter-greylist")


def test_a_drop_in_counts_once_it_is_read_and_the_unit_restarted(lab: Lab, drop_in: Path) -> None:
    units = lab.host.units
    drop_in.write_text("[Service]\nExecStart=\nExecStart=/usr/sbin/milter-greylist -D -v\n")
    before = look(lab, "milter-greylist")
    units.operate("restart", "milter-greylist")
    assert look(lab, "milter-greylist") == before
    units.reread()
    assert look(lab, "milter-greylist").command == ("/usr/sbin/milter-greylist", "-D", "-v")
    assert look(lab, "milter-greylist").files == (str(drop_in).removeprefix(lab.root),)
    units.operate("restart", "milter-greylist")
    since = log_size(lab)
    assert send(lab).code == 250
    assert "eom ->" in await_log(lab, "disconnect", since)


def test_a_timer_does_what_it_is_for_and_is_forgotten(lab: Lab, drop_in: Path) -> None:
    units, timers = lab.host.units, lab.host.timers
    drop_in.write_text("[Service]\nExecStart=\nExecStart=/usr/sbin/milter-greylist -D -v\n")
    units.reread()
    units.operate("restart", "milter-greylist")
    first = units.state("milter-greylist").invocation
    commands = (
        ("rm", "-f", "--", str(drop_in)),
        ("false",),
        ("no-such-program",),
        ("systemctl", "daemon-reload"),
        ("systemctl", "try-restart", "--", "milter-greylist.service"),
    )
    timer = Timer("end", time.time() + 0.3, commands)
    timers.set(timer)
    assert timers.all() == (timer,)
    wait_for(lambda: units.state("milter-greylist").invocation != first)
    wait_for(lambda: units.state("milter-greylist").activity == "active")
    assert look(lab, "milter-greylist").command == ("/usr/sbin/milter-greylist", "-D")
    assert not drop_in.exists()
    assert timers.all() == ()


def test_a_timer_is_replaced_and_removed(lab: Lab) -> None:
    timers = lab.host.timers
    assert timers.absent() == ""
    later = Timer("end", time.time() + 600, (("systemctl", "daemon-reload"),), lasting=True)
    timers.set(later)
    timers.set(later._replace(at=later.at + 1))
    assert [timer.at for timer in timers.all()] == [later.at + 1]
    timers.remove("end")
    timers.remove("end")
    assert timers.all() == ()


@pytest.mark.parametrize(
    "argv",
    [
        ("rm", "-f", "/etc/passwd"),
        ("rm", "-f", "../x"),
        ("rm", "-f", "ROOT/../x"),
        ("mv", "ROOT/x", "/tmp/x"),
    ],
)
def test_a_timer_touches_nothing_outside_the_lab(lab: Lab, argv: tuple[str, ...]) -> None:
    words = tuple(word.replace("ROOT", lab.root) for word in argv)
    with pytest.raises(HostError, match="is outside the lab"):
        lab.host.timers.set(Timer("end", time.time() + 600, (words,)))
    with pytest.raises(HostError, match="is over already"):
        lab.host.timers.set(Timer("end", time.time() - 1, (("true",),)))
    assert lab.host.timers.all() == ()


class Ending:
    """A cancel flag that is set once a line has come, or, without one, once the run has begun."""

    def __init__(self, wanted: str = "") -> None:
        self.lines: list[str] = []
        self.told: list[str] = []
        self._wanted = wanted
        self._begun = False

    def is_set(self) -> bool:
        if not self._wanted:
            return self._begun
        return any(self._wanted in line for line in self.lines)

    def take(self, event: object) -> None:
        self._begun = self._begun or isinstance(event, ChangeStarted)
        if isinstance(event, ChangeWrote):
            self.lines.append(event.line)
        elif isinstance(event, str):
            self.told.append(event)


def planned(lab: Lab, service: str, duration: str = "15m") -> Plan:
    plan: Plan = find("debug.run").function(Context(lab.host), service=service, duration=duration)  # type: ignore[assignment]
    return plan


def test_the_operators_end_is_a_regular_one(lab: Lab) -> None:
    before = look(lab)
    ending = Ending("[session][end]")
    mail = threading.Thread(target=lambda: _send_once_it_runs(lab))
    mail.start()
    report = run_plan(Context(lab.host, ending.take, ending), planned(lab, "milter-manager"))
    mail.join()
    assert (report.status, report.exit_code) == ("applied", 0)
    assert look(lab) == before
    (change,) = report.changes
    assert change.detail.startswith("stopped by the operator; the unit is back; its output is kept")
    kept = Path(change.detail.rpartition(" ")[2])
    assert kept.parent == Path(lab.host.state_folder, "debug")
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "[children][reply][helo][continue]" in kept.read_text()
    assert "reply][helo]" in " ".join(ending.lines)


def _send_once_it_runs(lab: Lab) -> None:
    wait_for(lambda: runs_in_foreground(lab, UNIT))
    send(lab)


def test_a_run_that_was_cut_off_hinders_nobody(lab: Lab) -> None:
    before = look(lab)
    with subprocess.Popen(
        [sys.executable, "-c", CONSOLE, "run", "debug.run", "opendkim", "--yes"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SEARCHED, "MILTER_CONSOLE_LAB": lab.root},
    ) as process:
        wait_for(lambda: runs_in_foreground(lab, "opendkim"))
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not is_in_foreground(lab.host.units.state("opendkim")))
    listed = list_entries(Context(lab.host), 5).entries
    assert (listed[0].status, listed[0].stands) == ("cut off", ())
    ending = Ending()
    report = run_plan(Context(lab.host, ending.take, ending), planned(lab, "milter-manager"))
    assert report.status == "applied"
    assert ending.told == [f"{listed[0].title} ({listed[0].id}) was cut off; nothing is left of it"]
    assert look(lab) == before


def run_console(lab: Lab, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONSOLE, "run", "debug.run", "milter-manager", "--yes", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SEARCHED, "MILTER_CONSOLE_LAB": lab.root},
    )


def test_a_script_gets_each_line_as_it_is_written(lab: Lab) -> None:
    with run_console(lab) as process:
        wait_for(lambda: runs_in_foreground(lab, UNIT))
        assert send(lab).code == 250
        assert process.stdout
        while "[session][end]" not in (line := process.stdout.readline()):
            assert line, "it ended"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    assert "the unit is back; its output is kept in " in rest
    assert "undo it" not in rest


def test_as_json_it_is_one_document(lab: Lab) -> None:
    with run_console(lab, "--json", "--for=5s") as process:
        told, _ = process.communicate(timeout=3 * PATIENCE)
    document = json.loads(told)
    assert document["status"] == "applied"
    assert document["changes"][0]["detail"].startswith("stopped, its time was over")
