"""A lab's units that run any program in the place of one, not only the lab's own daemons.

No daemon of the lab floods, writes what a terminal would obey, or ends by a fault when asked to.
"""

from __future__ import annotations

import subprocess
import threading
import time
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from console.lab.control import LabUnits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.host.ports import UnitState


class AnyProgram(LabUnits):
    """The units of a lab; what is run instead is what it says."""

    _running = ""
    """The unit in whose place something runs now."""

    def state(self, unit: str) -> UnitState:
        """Return the state of *unit*, as systemd tells it of what runs in its place."""
        state = super().state(unit)
        if unit == self._running:
            return state._replace(activity="active", invocation="of what runs in its place")
        return state

    def run_instead(
        self,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
        seconds: float,
    ) -> str:
        """Run *argv* between a stop and a start of *unit*."""
        self.operate("stop", unit)
        self._running = unit
        try:
            return _run(argv, take, is_cancelled, time.monotonic() + seconds)
        finally:
            self._running = ""
            self.operate("start", unit)


def _run(
    argv: Sequence[str],
    take: Callable[[str, float], None],
    is_cancelled: Callable[[], bool],
    until: float,
) -> str:
    with subprocess.Popen(
        list(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        output = process.stdout

        def read() -> None:
            for line in output:
                take(line.rstrip("\n"), time.time())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while process.poll() is None:
            if is_cancelled() or time.monotonic() > until:
                process.terminate()
                process.wait()
                reader.join()
                return "stopped"
            time.sleep(0.02)
        reader.join()
    if process.returncode:
        raise HostError(f"it ended with status {process.returncode}")
    return "it has ended"
