"""The end of a service's processes; of an init script's, systemd does not wait for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.processes import is_alive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.host.ports import UnitState

INIT_SCRIPTS = ("/etc/init.d/", "/etc/rc.d/init.d/")

IN_TIME = 15.0
"""Seconds; milters take up to about 6 to exit, and remove their socket only then."""

AGAIN = 0.05
"""Seconds between two looks."""


def is_init_script(state: UnitState) -> bool:
    """Return whether the unit is an init script: systemd waits for the script alone."""
    return bool(state.files) and state.files[0].startswith(INIT_SCRIPTS)


def await_end(unit: str, pids: Sequence[int]) -> None:
    """Wait until none of *pids* runs; raises `HostError` where one goes on."""
    until = time.monotonic() + IN_TIME
    while left := [pid for pid in pids if is_alive(pid) is not False]:
        if time.monotonic() > until:
            raise HostError(f"process {left[0]} of {unit} still runs after {IN_TIME:g} s")
        time.sleep(AGAIN)
