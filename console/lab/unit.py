"""One unit of the lab as the supervisor keeps it: what runs, since when, and how it ended."""

from __future__ import annotations

import os
import signal
import uuid
from typing import TYPE_CHECKING

from console.lab.process import READY, Order, fork_service

if TYPE_CHECKING:
    import socket

    from actions.host.ports import Activity
    from console.lab.definitions import UnitDefinition
    from console.lab.faults import Fault


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
        self.activity: Activity = "inactive"
        self.enabled = True
        self.pid = 0
        self.told = -1
        """The descriptor on which a starting service reports; -1 where none is starting."""
        self.busy = False
        """Whether an operation is under way; others wait."""
        self.listener: socket.socket | None = None
        """Given to the first start only."""
        self._root = root
        self._definition = definition
        self._fault = fault
        self._invocation = ""
        self._detail = "never started"
        self._report = b""
        self._stopping = False
        self._started_before = False

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
        return {
            "activity": self.activity,
            "enabled": self.enabled,
            "main_pid": self.pid,
            "invocation": self._invocation,
            "detail": self._detail,
        }

    def launch(self, *, keep_invocation: bool = False) -> None:
        """Start the process; `hear` and `reaped` follow how it goes."""
        order = Order(self._root, self._definition, self._stand_in(), self.listener)
        forked = fork_service(order)
        if self.listener:
            self.listener.close()
            self.listener = None
        self.pid, self.told = forked
        self.activity, self._detail = "changing", "start"
        self._report, self._stopping, self._started_before = b"", False, True
        if not keep_invocation:
            self._invocation = uuid.uuid4().hex

    def hear(self) -> None:
        """Take what the starting process reports."""
        piece = os.read(self.told, 4096)
        self._report += piece
        if self._report == READY:
            self.activity, self._detail = "active", "running"
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
            self.activity, self._detail = "inactive", "dead"
            return
        self.activity = "failed"
        reason = self._report.removeprefix(READY).decode("utf-8", "replace")
        if reason:
            self._detail = reason
        elif code < 0:
            self._detail = f"main process killed by {signal.Signals(-code).name}"
        else:
            self._detail = f"main process exited, status={code}"

    def _stand_in(self) -> str:
        fault = self._fault
        if fault is None or (self._started_before and not fault.stand_in_lasts):
            return ""
        return fault.stand_in
