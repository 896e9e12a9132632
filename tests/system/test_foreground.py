"""Daemons run in the foreground in their units' place, and every way in which that ends."""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.system.rig.machine import PYTHON, SUDOER, Completed
from tests.system.visitors import visited

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

UNIT = "milter-manager.service"
KEEPER = "milter-console-run-milter-manager.service"
DROP_IN = f"/run/systemd/system/{UNIT}.d"
LOCK = "/var/lib/milter-console/lock"
RUN = ("console", "run", "debug.run", "milter-manager", "--yes")
SPAMASS = "/var/spool/postfix/spamass/spamass.sock"
SOCKET = "/var/run/milter-manager/milter-manager.sock"
PATIENCE = 30.0

RHEL = Path(__file__).with_name("variants") / "rhel/fresh/files"

INSTALL = """
useradd --system --user-group --groups postfix,mail --home-dir / milter-manager
mkdir /etc/milter-manager
chmod 755 /usr/sbin/milter-manager
systemctl daemon-reload
systemctl enable --quiet --now milter-manager
"""
"""milter-manager as Debian has it, by its stand-in; nobody asks it."""

INSTEAD = """
import json, sys, threading
from actions.host.errors import HostError
from actions.host.system import SystemHost
lines = []
try:
    words = SystemHost().units.run_instead(
        sys.argv[1],
        sys.argv[3:],
        lambda line, when: lines.append(line),
        lambda: False,
        float(sys.argv[2]),
    )
    print(json.dumps(["", words, lines]))
except HostError as error:
    print(json.dumps([str(error), "", lines]))
"""
"""Runs a program in a unit's place, by the host's port."""

STILL = """
import os, signal, sys
from actions.host.system import SystemHost
def take(line, _):
    os.kill(os.getpid(), signal.SIGSTOP)
SystemHost().units.run_instead(sys.argv[1], sys.argv[3:], take, lambda: False, float(sys.argv[2]))
"""
"""Stops itself with the first line that the program writes, and lets go of nothing."""

LOST = """
import os, pty, sys
child, master = pty.fork()
if not child:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while b"Started" not in seen:
    seen += os.read(master, 65536)
os.close(master)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Runs a program on a terminal that is lost as soon as what it shows has begun."""


CTRL_C = """
import os, pty, sys
child, master = pty.fork()
if not child:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        seen += os.read(master, 65536)
    except OSError:  # nobody is on the terminal any more
        break
    if b"Started" in seen and b"^C" not in seen:
        os.write(master, bytes([3]))
        seen += b"^C"
print(seen.decode(errors="replace"))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Runs a program on a terminal, and presses Ctrl+C there once what it shows has begun."""


class Look(NamedTuple):
    """What of the unit must be the same before and after."""

    state: str
    argv: str
    listens: bool


@pytest.fixture(scope="module", params=["debian", "rhel"])
def machine(
    request: pytest.FixtureRequest, booted: Callable[[str], AbstractContextManager[Machine]]
) -> Iterator[Machine]:
    """A host with a milter-manager that all tests of this file share; it is left as it was."""
    with booted(f"{request.param}/healthy") as machine, visited(machine, [SPAMASS]):
        if request.param == "debian":
            install(machine)
        yield machine


def install(machine: Machine) -> None:
    """Put the stand-in of milter-manager onto a Debian host, as its package would."""
    unit = (RHEL / "usr/lib/systemd/system/milter-manager.service").read_text()
    settings = (RHEL / "etc/sysconfig/milter-manager").read_text()
    machine.write(f"/etc/systemd/system/{UNIT}", unit.replace("/etc/sysconfig", "/etc/default"))
    machine.write("/etc/default/milter-manager", settings)
    for path in ("usr/sbin/milter-manager", "etc/milter-manager/milter-manager.conf"):
        machine.sh(f"mkdir --parents /{path.rpartition('/')[0]}")
        machine.write(f"/{path}", (RHEL / path).read_text())
    machine.sh(INSTALL.replace("mkdir /etc/milter-manager\n", ""))


def look(machine: Machine, unit: str = UNIT) -> Look:
    asked = "ActiveState,UnitFileState,DropInPaths,Type,Restart,ExecStart"
    told = machine.systemctl("show", f"--property={asked}", unit)
    # Of ExecStart, what comes behind the words is about its last start.
    state = "\n".join(line.partition(" ; start_time")[0] for line in told.splitlines())
    pid = machine.systemctl("show", "-PMainPID", unit).strip()
    argv = machine.read(f"/proc/{pid}/cmdline") if pid != "0" else ""
    listens = machine.run(["test", "-S", SOCKET]).returncode == 0
    return Look(state, argv, listens)


def invocation(machine: Machine) -> str:
    return machine.systemctl("show", "-PInvocationID", UNIT).strip()


def is_gone(machine: Machine) -> bool:
    """Return whether nothing of a run is left."""
    units = machine.systemctl("list-units", "--all", "--no-legend", "milter-console-run-*")
    return not units.strip() and not machine.exists(DROP_IN)


def require_back(machine: Machine, before: Look) -> None:
    """Wait until the unit is as before, and nothing of the run is left."""
    machine.wait_for(lambda: is_gone(machine), "the end of the run", PATIENCE)
    machine.wait_for(lambda: look(machine) == before, f"the return of {before}", PATIENCE)


def console_pid(machine: Machine) -> str:
    """Return the process that holds the lock of the host, once there is one."""
    found: list[str] = []

    def holds() -> bool:
        text = machine.run(["cat", LOCK]).stdout
        found[:] = [str(json.loads(text)["pid"])] if text else []
        return bool(found)

    machine.wait_for(holds, "the lock")
    return found[0]


class Running:
    """The console that runs the daemon, and what it has written so far."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.process: subprocess.Popen[str] = machine.popen(RUN)
        self.seen = ""

    def read_until(self, wanted: str) -> None:
        stream = self.process.stdout
        assert stream is not None
        until = time.monotonic() + PATIENCE
        while wanted not in self.seen:
            assert time.monotonic() < until, f"no {wanted!r} in {self.seen}"
            assert select.select([stream], [], [], PATIENCE)[0], self.seen
            piece = os.read(stream.fileno(), 65536)
            assert piece, f"ended without {wanted!r}: {self.seen}"
            self.seen += piece.decode()

    def signal(self, name: str) -> None:
        self._machine.run(["kill", f"-{name}", console_pid(self._machine)]).checked()

    def ended(self) -> int:
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.seen += rest
        return self.process.returncode


@pytest.fixture
def run(machine: Machine) -> Iterator[Callable[[], Running]]:
    """Starts consoles that run the daemon; what still runs is ended."""
    started: list[Running] = []

    def run() -> Running:
        started.append(Running(machine))
        return started[-1]

    yield run
    for one in started:
        one.process.kill()
        one.process.communicate()


def instead(machine: Machine, unit: str, seconds: float, *argv: str) -> tuple[str, str, list[str]]:
    """Run *argv* in the place of *unit* and return what was refused, how it ended, its lines."""
    told = machine.python(INSTEAD, unit, str(seconds), *argv).checked().json()
    return told[0], told[1], told[2]


def entries(machine: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = machine.console("journal.list", "--json").json()["entries"]
    return found


def test_what_it_tells_is_seen_live_until_the_operator_ends_it(
    machine: Machine, run: Callable[[], Running]
) -> None:
    before, first = look(machine), invocation(machine)
    running = run()
    running.read_until("Started milter-manager")
    argv = machine.read(f"/proc/{machine.systemctl('show', '-PMainPID', UNIT).strip()}/cmdline")
    assert {"--verbose", "--no-daemon"} <= set(argv.split("\0"))
    assert "--daemon" not in argv.split("\0")
    told = machine.console("debug.status", "milter-manager", "--json").json()
    assert [one["word"] for one in told["states"]] == ["live"]
    machine.console("chain.test", "--connection-spec", f"unix:{SOCKET}")
    running.read_until("[session][end]")
    assert "[statistics] [sessions][finished]" not in before.argv
    running.signal("INT")
    assert running.ended() == 0, running.seen
    assert "stopped by the operator; the unit is back" in running.seen
    assert "applied" in running.seen
    assert "journal.undo" not in running.seen
    require_back(machine, before)
    assert invocation(machine) != first
    path = running.seen.partition("its output is kept in ")[2].split()[0]
    assert (
        machine.sh("stat -c %a:%U $1 $2", path, path.rpartition("/")[0]) == "600:root\n700:root\n"
    )
    assert "[session][end]" in machine.read(path)
    assert entries(machine)[0]["status"] == "applied"
    undo = machine.console("journal.undo", "--entry", entries(machine)[0]["id"], "--yes")
    assert undo.returncode == 1
    assert "left nothing that could be taken back" in undo.stderr


@pytest.mark.parametrize("moment", ["keeper", "drop-in", "running"])
def test_the_unit_is_back_though_the_console_is_killed(
    machine: Machine, run: Callable[[], Running], moment: str
) -> None:
    before = look(machine)
    running = run()
    if moment == "keeper":
        asked = ["systemctl", "is-active", "--quiet", KEEPER]
        machine.wait_for(lambda: machine.run(asked).returncode == 0, "the keeper")
    elif moment == "drop-in":
        machine.wait_for(lambda: machine.exists(DROP_IN), "the drop-in")
    else:
        running.read_until("Started milter-manager")
    running.signal("KILL")
    assert running.ended() != 0
    require_back(machine, before)
    newest = entries(machine)[0]
    assert (newest["status"], newest["stands"]) == ("cut off", [])
    # It hinders nobody, and its entry is closed on the way.
    stop = machine.console("services.stop", "mariadb", "--yes", "--json").json()
    assert stop["status"] == "applied", stop
    machine.console("journal.undo", "--yes").checked()
    assert "cut off" in [entry["status"] for entry in entries(machine)]
    assert "interrupted" not in [entry["status"] for entry in entries(machine)]


def test_the_unit_is_back_though_the_terminal_is_lost(machine: Machine) -> None:
    before = look(machine)
    ended = machine.python(LOST, *RUN)
    assert ended.stdout.strip() == "0", ended
    require_back(machine, before)
    assert entries(machine)[0]["status"] == "applied"


def test_it_ends_by_itself_when_its_time_is_over(machine: Machine) -> None:
    before = look(machine)
    told = machine.run([*RUN, "--for=5s", "--json"]).checked().json()
    assert told["status"] == "applied"
    assert told["changes"][0]["detail"].startswith("stopped, its time was over")
    require_back(machine, before)


@pytest.mark.parametrize("user", ["root", SUDOER])
def test_ctrl_c_on_the_terminal_ends_it(machine: Machine, user: str) -> None:
    before = look(machine)
    ended = machine.python(CTRL_C, *RUN, user=user)
    assert ended.stdout.splitlines()[-1] == "0", ended
    assert "applied" in ended.stdout
    # Also where it is root's own process that brings the unit back, that is waited for.
    assert is_gone(machine)
    require_back(machine, before)


def test_a_daemon_that_fails_at_once_is_told_with_its_words(machine: Machine) -> None:
    before = look(machine)
    why, _, lines = instead(machine, UNIT, 10, "/usr/sbin/milter-manager", "--nonsense")
    assert "Unknown option --nonsense" in why
    assert "Unknown option --nonsense" in lines
    require_back(machine, before)


def test_a_program_that_is_missing_is_told(machine: Machine) -> None:
    before = look(machine)
    why, _, _ = instead(machine, UNIT, 10, "/usr/sbin/nosuch")
    assert "nosuch" in why
    require_back(machine, before)


def test_a_unit_that_was_stopped_stays_so(machine: Machine) -> None:
    machine.systemctl("stop", UNIT)
    try:
        before = look(machine)
        argv = [
            "/bin/sh",
            "-c",
            'printf "%s|" "$@"; echo; exec sleep 60',
            "sh",
            "a b",
            "$HOME",
            "%n",
            '"',
        ]
        why, words, lines = instead(machine, UNIT, 2, *argv)
        assert (why, words) == ("", "stopped, its time was over")
        require_back(machine, before)
        assert "ActiveState=inactive" in before.state
        assert 'a b|$HOME|%n|"|' in lines, "each word comes as it was given"
    finally:
        machine.systemctl("start", UNIT)


def test_a_program_that_ends_by_itself_is_no_fault(machine: Machine) -> None:
    before = look(machine)
    assert instead(machine, UNIT, 10, "/bin/true")[:2] == ("", "it exited with status 0")
    require_back(machine, before)


def test_the_unit_is_back_in_time_though_the_console_stands_still(machine: Machine) -> None:
    before, first = look(machine), invocation(machine)
    process = machine.popen([PYTHON, "-c", STILL, UNIT, "1", "/bin/sleep", "60"])
    machine.wait_for(lambda: machine.exists(DROP_IN), "the run")
    machine.wait_for(lambda: is_gone(machine) and invocation(machine) != first, "the end")
    require_back(machine, before)
    process.kill()
    process.communicate()


def test_a_second_run_of_the_same_unit_is_refused(
    machine: Machine, run: Callable[[], Running]
) -> None:
    before = look(machine)
    running = run()
    running.read_until("Started milter-manager")
    told: Completed = machine.run(list(RUN))
    assert told.returncode == 1
    assert "runs in the foreground already" in told.stderr
    why, _, _ = instead(machine, UNIT, 5, "/bin/sleep", "60")
    assert "somebody runs this service in the foreground now" in why
    running.signal("TERM")
    assert running.ended() == 0, running.seen
    require_back(machine, before)


def test_what_it_writes_is_data(machine: Machine) -> None:
    before = look(machine)
    script = 'printf \'\\033[31mred\\n{"__CURSOR":"x"}\\n\\377\\n\'; sleep 60'
    why, _, lines = instead(machine, UNIT, 2, "/bin/sh", "-c", script)
    assert not why
    assert {"\x1b[31mred", '{"__CURSOR":"x"}', "\ufffd"} <= set(lines)
    require_back(machine, before)


def test_its_own_user_can_do_nothing_with_it(machine: Machine, run: Callable[[], Running]) -> None:
    """Neither the folder of the drop-in nor the keeper is within the reach of the daemon."""
    before = look(machine)
    running = run()
    running.read_until("Started milter-manager")
    as_daemon = ["setpriv", "--reuid=milter-manager", "--regid=milter-manager", "--init-groups"]
    for attempt in (
        ["touch", f"{DROP_IN}/99-evil.conf"],
        ["touch", f"/run/systemd/transient/{KEEPER}"],
        ["cat", "/var/lib/milter-console/debug"],
        ["systemctl", "--no-ask-password", "stop", KEEPER],
        ["systemctl", "--no-ask-password", "set-property", KEEPER, "CPUWeight=1"],
    ):
        told = machine.run([*as_daemon, *attempt])
        assert told.returncode != 0, told
    running.signal("INT")
    assert running.ended() == 0
    require_back(machine, before)


HOSTILE = r"""
mkdir /srv/evil
printf '#!/bin/sh\nid -u >>/srv/evil/uid\nexec sleep 100\n' >/srv/evil/spamass-milter
chmod -R 777 /srv/evil
systemctl kill --kill-whom=all -s KILL spamass-milter
systemctl stop spamass-milter
while pgrep -x spamass-milter >/dev/null; do sleep 0.1; done
mv /usr/sbin/spamass-milter /usr/sbin/spamass-milter.real
cat >/usr/sbin/spamass-milter <<'TEXT'
#!/bin/bash
(exec -a /srv/evil/spamass-milter sleep 1000) &
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$5"
TEXT
chmod 755 /usr/sbin/spamass-milter
systemctl start spamass-milter
"""
"""The daemon of an init script says that it was started as another program."""

HARMLESS = """
mv /usr/sbin/spamass-milter.real /usr/sbin/spamass-milter
rm -r /srv/evil
systemctl kill --kill-whom=all -s KILL spamass-milter || :
systemctl restart spamass-milter
"""


def test_a_daemon_of_an_init_script_gets_no_more_rights_than_it_has(machine: Machine) -> None:
    if machine.image != "debian/healthy":
        pytest.skip("it has no init scripts")
    uid = machine.sh("id -u spamass-milter").strip()
    shown = machine.console("debug.run", "spamass-milter", "--dry-run", "--json").json()
    (line,) = (one for one in shown["changes"][0]["lines"] if one["sign"] == "+")
    assert line["text"].startswith(f"/usr/bin/setpriv --reuid={uid} "), line
    machine.sh(HOSTILE)
    try:
        told = machine.console("debug.run", "spamass-milter", "--yes", "--for=5s")
        # Not even with its own rights: what confines the daemon does not confine another program.
        assert "no program of spamass-milter that root alone can write" in told.stderr, told
        assert not machine.exists("/srv/evil/uid"), told
    finally:
        machine.sh(HARMLESS)


def test_a_unit_of_an_init_script_comes_back(machine: Machine) -> None:
    if machine.image != "debian/healthy":
        pytest.skip("it has no init scripts")
    before = look(machine, "spamass-milter.service")
    socket = machine.sh("stat -c %a:%U:%G $1", SPAMASS)
    told = machine.console("debug.run", "spamass-milter", "--yes", "--for=5s", "--json").json()
    assert told["status"] == "applied", told
    assert look(machine, "spamass-milter.service")[:1] == before[:1]
    assert machine.sh("stat -c %a:%U:%G $1", SPAMASS) == socket
