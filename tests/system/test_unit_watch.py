"""All that a real systemd tells of its units at once, and as it tells of their changes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.system.busy import stretched
from tests.system.rig.machine import OPERATOR, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import Popen

    from tests.system.rig.machine import Machine

STATES = """
import json, sys
from actions.host.system import SystemHost

units = SystemHost().units
print(json.dumps([one._asdict() for one in units.states(sys.argv[1:])]))
"""

NAMES = """
import json
from actions.host.system import SystemHost

print(json.dumps(SystemHost().units.names()))
"""

WATCH = """
import os, sys
from actions.host.system import SystemHost

def used():
    times = os.times()
    return times.user + times.system

watch = SystemHost().units.watch(lambda name: print(name or "any", flush=True))
before = used()
print("watching", flush=True)
sys.stdin.readline()
print("used", used() - before, flush=True)
watch.close()
"""

AT_ONCE = 1.0
"""Seconds within which a change is told that nobody asks for."""

IDLE = 5.0
"""Seconds for which a watch waits; what that costs can't be seen without waiting."""

MOST_IDLE = 0.005
"""Of a processor, for waiting."""


def states(machine: Machine, *names: str, user: str = "root") -> list[dict[str, Any]]:
    """Return what is told of units."""
    told = machine.python(STATES, *names, user=user).checked().json()
    assert isinstance(told, list)
    return told


def test_what_is_told_to_root_and_to_others(healthy: Machine) -> None:
    for user in ("root", OPERATOR):
        postfix, journald, script, none = states(
            healthy, "postfix", "systemd-journald.service", "spamass-milter", "exim4", user=user
        )
        assert (postfix["activity"], postfix["enabled"], postfix["known"]) == ("active", True, True)
        assert postfix["main_pid"] > 1
        assert postfix["restarts"] == 0
        assert postfix["group"] == "/system.slice/postfix.service"
        uptime = float(healthy.read("/proc/uptime").split()[0])
        assert time.time() - uptime < postfix["since"] < time.time()
        assert (journald["activity"], journald["enabled"]) == ("active", None)
        assert script["files"] == ["/etc/init.d/spamass-milter"]
        assert (script["enabled"], script["main_pid"]) == (True, 0)
        assert (none["known"], none["activity"]) == (False, "inactive")


def test_since_is_when_it_was_started(borrowed: Machine) -> None:
    (before,) = states(borrowed, "opendkim")
    asked = time.time()
    borrowed.systemctl("restart", "opendkim")
    (after,) = states(borrowed, "opendkim")
    assert asked - 0.1 < after["since"] < time.time()
    assert before["invocation"] != after["invocation"]


def test_names_are_those_of_systemctl(healthy: Machine) -> None:
    told = set(healthy.python(NAMES).checked().json())
    files = healthy.systemctl("list-unit-files", "--type=service", "--no-legend", "--full")
    pairs = [line.split()[:2] for line in files.splitlines()]
    expected = {
        name for name, state in pairs if state != "alias" and not name.endswith("@.service")
    }
    assert expected - told == set()
    assert {"postfix.service", "clamav-milter.service", "spamd.service"} <= told
    assert not any(name.endswith("@.service") for name in told)


def test_masked_killed_and_held_back(machine: Machine) -> None:
    machine.systemctl("mask", "--now", "opendkim")
    machine.systemctl("stop", "clamav-daemon.socket", "clamav-daemon")
    machine.sh("rm -f /var/lib/clamav/*; systemctl start clamav-daemon")
    machine.systemctl("kill", "-s", "KILL", "dovecot")
    machine.wait_for(lambda: states(machine, "dovecot")[0]["activity"] == "failed")
    masked, held, killed = states(machine, "opendkim", "clamav-daemon", "dovecot")
    assert (masked["masked"], masked["enabled"], masked["activity"]) == (True, False, "inactive")
    assert (held["activity"], held["known"]) == ("inactive", True)
    assert held["detail"] == "dead, a condition of its unit was not met"
    assert killed["detail"] == "failed, signal"


class Watcher:
    """A watch in the machine, by an ordinary user."""

    def __init__(self, process: Popen[str]) -> None:
        assert process.stdout
        self._process = process
        self._lines = process.stdout
        assert self.next() == "watching"

    def next(self) -> str:
        """Return the next change, however long it takes."""
        line = self._lines.readline()
        assert line, "the watch has ended"
        return line.strip()

    def until(self, name: str) -> None:
        """Wait until *name* is told."""
        while self.next() != name:
            continue

    def end(self) -> tuple[list[str], float]:
        """End it; return what it told since, and the seconds of processor time it took."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        *seen, used = [line.strip() for line in self._lines]
        return seen, float(used.split()[1])


@contextmanager
def watching(machine: Machine) -> Iterator[Watcher]:
    with machine.popen([PYTHON, "-c", WATCH], user=OPERATOR) as process:
        try:
            yield Watcher(process)
        finally:
            process.kill()


def test_an_ordinary_user_is_told_of_changes_at_once(borrowed: Machine) -> None:
    with watching(borrowed) as watcher:
        started = time.monotonic()
        borrowed.systemctl("kill", "-s", "KILL", "opendkim")
        watcher.until("opendkim.service")
        assert time.monotonic() - started < stretched(AT_ONCE)
        borrowed.systemctl("stop", "spamd")
        watcher.until("spamd.service")
        borrowed.systemctl("daemon-reexec")
        watcher.until("any")
        borrowed.systemctl("restart", "dbus.socket", "dbus.service")
        watcher.until("any")
        borrowed.systemctl("start", "spamd")
        watcher.until("spamd.service")
    borrowed.systemctl("restart", "opendkim")


def test_watching_an_idle_host_costs_nothing(healthy: Machine) -> None:
    with watching(healthy) as watcher:
        time.sleep(IDLE)
        assert watcher.end()[1] < MOST_IDLE * IDLE


def test_asking_for_what_is_not_loaded_tells_of_no_change(healthy: Machine) -> None:
    with watching(healthy) as watcher:
        for _ in range(3):
            states(healthy, "clamav-freshclam-once")
        seen, _ = watcher.end()
        assert not {"clamav-freshclam-once.service", "any"} & set(seen)


def test_a_look_at_all_services_does_not_ask_for_the_next_one(healthy: Machine) -> None:
    """clamav-clamonacc.service names clamd's; loaded, it has systemd tell of that one again."""
    with watching(healthy) as watcher:
        for _ in range(4):
            states(healthy, "clamav-clamonacc")
        seen, _ = watcher.end()
        assert seen.count("clamav-daemon.service") <= 1
