"""One unit of the lab as the supervisor keeps it: what runs, since when, and how it ended."""

from __future__ import annotations

import os
import signal
import time
import uuid
from typing import TYPE_CHECKING

from actions.host.unit_state import FOREGROUND
from console.lab.definitions import SUFFIX
from console.lab.dropins import RUNTIME, Overridden, overridden
from console.lab.process import READY, Order, fork_service

if TYPE_CHECKING:
    import socket

    from actions.host.ports import Activity
    from console.lab.definitions import UnitDefinition
    from console.lab.faults import Fault
    from console.lab.instead import Run


class Unit:
    """A service of the lab.

    Args:
        root: the lab's folder.
        definition: what it is.
        fault: what is broken about it, or None.
    """

    def __init__(self, root: str, definition: UnitDefinition, fault: Fault | None) -> None:
        self.name = definition.name
        self.reload = definition.reload
        self._activity: Activity = "inactive"
        self.enabled = True
        self.pid = 0
        self.told = -1
        """The descriptor on which a starting service reports; -1 where none is starting."""
        self.busy = False
        """Whether an operation is under way; others wait."""
        self.listener: socket.socket | None = None
        """Given to the first start only."""
        self.run: Run | None = None
        """What runs in its place just now."""
        self._overridden = Overridden()
        self._in_place: tuple[str, ...] = ()
        self._root = root
        self._definition = definition
        self._fault = fault
        self._invocation = ""
        self._since = 0.0
        self._detail = "never started"
        self._report = b""
        self._stopping = False
        self._started_before = False

    @property
    def activity(self) -> Activity:
        """What it is doing, in a service manager's words."""
        return self._activity

    @property
    def detail(self) -> str:
        """What there is to say about its state."""
        return self._detail

    @property
    def starting(self) -> bool:
        """Whether its process has still to say that it is ready."""
        return bool(self.pid) and self.activity == "changing"

    @property
    def active(self) -> bool:
        """Whether it serves."""
        return self.activity == "active"

    def state(self) -> dict[str, object]:
        """Return what the console is told."""
        run = (f"{RUNTIME}/{self.name}{SUFFIX}.d/{FOREGROUND}",) if self.run else ()
        return {
            "activity": self.activity,
            "enabled": self.enabled,
            "main_pid": self.pid,
            "invocation": self._invocation,
            "detail": self._detail,
            "description": self._definition.description,
            "since": self._since or None,
            "memory": _memory(self.pid),
            "restarts": 0,
            "command": self._command,
            "files": (*self._overridden.files, *run),
            "user": self._definition.user,
            "reloads": bool(self.reload),
            "startup": "enabled" if self.enabled else "disabled",
        }

    def reread(self) -> None:
        """Take up its drop-ins; they count from the next start."""
        self._overridden = overridden(self._root, f"{self.name}{SUFFIX}")

    def launch(self, *, keep_invocation: bool = False) -> None:
        """Start the process; `hear` and `reaped` follow how it goes."""
        arguments, output = self._command[1:], self.run.given if self.run else -1
        order = Order(
            self._root, self._definition, self._stand_in(), self.listener, arguments, output
        )
        forked = fork_service(order)
        if self.run:
            self.run.started()
        if self.listener:
            self.listener.close()
            self.listener = None
        self.pid, self.told = forked
        self._become("changing", "start")
        self._report, self._stopping, self._started_before = b"", False, True
        if not keep_invocation:
            self._invocation = uuid.uuid4().hex

    def hear(self) -> None:
        """Take what the starting process reports."""
        piece = os.read(self.told, 4096)
        self._report += piece
        if self._report == READY:
            self._become("active", "running")
        if not piece or self._report == READY:
            os.close(self.told)
            self.told = -1

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, where one runs."""
        if self.pid:
            self._stopping = number is signal.SIGTERM or self._stopping
            os.kill(self.pid, number)

    def reaped(self, status: int) -> None:
        """Take note that the process has ended with *status* (see os.wait)."""
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            self._become("inactive", "dead")
            return
        ended = f"main process exited, status={code}"
        if code < 0:
            ended = f"main process killed by {signal.Signals(-code).name}"
        reason = self._report.removeprefix(READY).decode("utf-8", "replace")
        self._become("failed", reason or ended)

    def run_instead(self, argv: tuple[str, ...], run: Run | None) -> None:
        """Let the next start be of *argv* as *run*, or, without one, of its own command again."""
        self._in_place, self.run = argv, run

    @property
    def _command(self) -> tuple[str, ...]:
        return self._in_place or self._overridden.command or self._definition.command

    def _become(self, activity: Activity, detail: str) -> None:
        self._activity, self._detail, self._since = activity, detail, round(time.time(), 3)

    def _stand_in(self) -> str:
        fault = self._fault
        if fault is None or (self._started_before and not fault.stand_in_lasts):
            return ""
        return fault.stand_in


def _memory(pid: int) -> int | None:
    """Return the bytes of memory that process *pid* has; None where none runs."""
    if not pid:
        return None
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None
