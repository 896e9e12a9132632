"""The end of a service's processes, and the last that it logged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.processes import is_alive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.host.ports import Commands, UnitState

INIT_SCRIPTS = ("/etc/init.d/", "/etc/rc.d/init.d/")

IN_TIME = 15.0
"""Seconds; milters take up to about 6 to exit, and remove their socket only then."""

AGAIN = 0.05
"""Seconds between two looks."""

MOST_LINES = 4
"""Last lines of a service's log that a refusal quotes."""


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


def last_lines(commands: Commands, unit: str, since: float) -> str:
    """Return the last lines that *unit* logged from *since* on, in seconds since the epoch."""
    asked = ["journalctl", f"--unit={unit}", f"--since=@{int(since)}", "--output=cat"]
    try:
        told = commands.run([*asked, f"--lines={4 * MOST_LINES}", "--no-pager", "--quiet"])
    except HostError:
        return ""
    lines = [line.strip() for line in told.stdout.splitlines()]
    said = [line for line in lines if line and not line.startswith("-- ")]
    # What systemd itself says of it is in the refusal already.
    own = [line for line in said if not line.startswith(f"{unit}: ")] or said
    return "; ".join(own[-MOST_LINES:])
