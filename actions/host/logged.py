"""The last that a service logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.errors import HostError

if TYPE_CHECKING:
    from actions.host.ports import Commands

MOST_LINES = 4
"""Last lines of a service's log that a refusal quotes."""


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
