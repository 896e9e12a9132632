"""Each change of a lab's service is told with its new state, and one that hangs delays nobody."""

from __future__ import annotations

import os
import queue
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from actions.action import Context
from actions.finding import Health
from actions.services.following import Following
from console.lab.lab import running_lab
from tests.actions.services.labbed import SOCKETS, services_of
from tests.milters.running import eventually

if TYPE_CHECKING:
    from actions.mailhost.service import ServiceStatus


def awaited(told: queue.SimpleQueue[ServiceStatus], name: str, health: Health) -> ServiceStatus:
    """Return the next status of *name* that is *health*."""
    until = time.monotonic() + 10
    while True:
        status = told.get(timeout=max(until - time.monotonic(), 0.01))
        if (status.service.name, status.health) == (name, health):
            return status


def test_changes_are_told_with_their_states() -> None:
    with running_lab() as lab:
        told: queue.SimpleQueue[ServiceStatus] = queue.SimpleQueue()
        settings: queue.SimpleQueue[bool] = queue.SimpleQueue()
        following = Following(
            Context(lab.host), services_of(lab), told.put, lambda: settings.put(True)
        )
        try:
            began = time.monotonic()
            os.kill(lab.host.units.state("opendkim").main_pid, signal.SIGKILL)
            status = awaited(told, "opendkim", Health.DOWN)
            assert "SIGKILL" in status.reason
            assert time.monotonic() - began < 1.0
            lab.host.units.operate("start", "opendkim")
            awaited(told, "opendkim", Health.OK)

            # One that is stopped answers nothing for as long as a look waits for it.
            hung = lab.host.units.state("clamav-milter").main_pid
            os.kill(hung, signal.SIGSTOP)
            os.utime(lab.host.at(SOCKETS["clamav-milter"]))
            eventually(lambda: bool(following._going.get("clamav-milter")))
            began = time.monotonic()
            Path(lab.host.at(SOCKETS["spamass-milter"])).unlink()
            status = awaited(told, "spamass-milter", Health.DOWN)
            assert "does not exist" in status.reason
            assert time.monotonic() - began < 1.0
            awaited(told, "clamav-milter", Health.DOWN)
            os.kill(hung, signal.SIGCONT)

            os.utime(lab.host.at("/etc/postfix/main.cf"))
            assert settings.get(timeout=10)
        finally:
            following.close()
