"""The services of a machine, followed from inside it as a pane does: every change with its time."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.rig.machine import Machine

SCRIPT = """
import json, queue, time
from actions.host.system import SystemHost
from widgets.job import Job
from widgets.look import QUICK, HostLook

messages, known, ready = queue.SimpleQueue(), {}, False

class Screen:
    post_message = staticmethod(messages.put)

look = HostLook(SystemHost(), Screen())

def tell(status):
    told = {"health": status.health.value, "reason": status.reason, "since": status.since}
    if known.get(status.service.name) != told:
        known[status.service.name] = told
        slowest = max(look.seconds for look in status.looks)
        line = {"at": time.time(), "service": status.service.name, "slowest": slowest, **told}
        print(json.dumps(line), flush=True)

look.watch("the test", watched=True)
look.begin(QUICK)
while True:
    message = messages.get()
    if isinstance(message, Job.Told):
        look.told(message)
    elif isinstance(message, Job.Ended):
        look.took(message)
    elif isinstance(message, HostLook.Noticed):
        look.notice(message.changed)
    elif look.report is not None:
        for status in look.report.services:
            tell(status)
        if not ready and not look.is_under_way and look._watch is not None:
            ready = True
            print(json.dumps({"ready": look._watch.is_told}), flush=True)
"""
"""What the panes' own look at the host tells, with nothing drawn of it."""

PATIENCE = 60.0


class State(NamedTuple):
    """What was told of a service, and when."""

    health: str
    reason: str
    since: float | None
    at: float
    slowest: float
    """Seconds that its slowest look took."""


class Follower:
    """Reads what the script tells."""

    def __init__(self, machine: Machine, user: str = "root") -> None:
        from tests.system.rig.machine import PYTHON

        self.told: dict[str, list[State]] = {}
        self.is_told = False
        self.trouble: list[str] = []
        self._ready = threading.Event()
        self._changed = threading.Condition(threading.RLock())
        self._process = machine.popen([PYTHON, "-c", SCRIPT], user)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(PATIENCE):
            self.end()
            raise AssertionError(self.trouble)

    def now(self) -> dict[str, State]:
        """Return the last that was told of each service."""
        with self._changed:
            return {name: states[-1] for name, states in self.told.items()}

    def troubled(self) -> dict[str, str]:
        """Return the services that are not ok, with their states."""
        now = self.now().items()
        return {name: state.health for name, state in now if state.health != "ok"}

    def see(self, service: str, after: float, health: str, reason: str = "") -> State:
        """Return the first state of *service* told after *after* that is *health*, for *reason*."""
        found: list[State] = []

        def is_seen() -> bool:
            found[:] = [
                state
                for state in self.told[service]
                if state.at >= after and state.health == health and reason in state.reason
            ]
            return bool(found)

        self.wait_for(is_seen, f"{service} {health} {reason}")
        return found[0]

    def wait_for(self, true: Callable[[], bool], what: object, timeout: float = PATIENCE) -> None:
        """Wait until *true* says so; fail where it never does."""
        until = time.monotonic() + timeout
        with self._changed:
            while not true():
                now = {name: states[-3:] for name, states in self.told.items()}
                assert time.monotonic() < until, f"{what} was not told: {now}"
                self._changed.wait(0.2)

    def settle(self, wanted: dict[str, str], timeout: float = PATIENCE) -> None:
        """Wait until just *wanted* are not ok."""
        self.wait_for(lambda: self.troubled() == wanted, f"just {wanted}", timeout)

    def end(self) -> None:
        """End the script."""
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                told: dict[str, Any] = json.loads(line)
            except ValueError:
                self.trouble.append(line)
                continue
            if "ready" in told:
                self.is_told = told["ready"]
                self._ready.set()
                continue
            state = State(
                told["health"], told["reason"], told["since"], told["at"], told["slowest"]
            )
            with self._changed:
                self.told.setdefault(told["service"], []).append(state)
                self._changed.notify_all()
