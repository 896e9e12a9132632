"""What systemd says of one unit's folders and of itself, as far as the ways go by it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.host.unit_state import block, words
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.sockets.ways.case import Case

_ASKED = "RuntimeDirectory,RuntimeDirectoryMode,UMask,LoadState"


def told_of(case: Case) -> Mapping[str, str]:
    """Return what systemd says of the unit behind the socket; empty where it has none.

    Raises:
        HostError: systemd does not answer.
    """
    if case.unit is None or case.host.kind == "lab" or case.host.units.absent():
        return {}
    argv = ["systemctl", "show", "--no-pager", f"--property={_ASKED}", "--", case.unit.name]
    return block(case.host.commands.run(argv, timeout=5.0).stdout)


def runtime_folders(told: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders that systemd makes for the unit at each start (systemd.exec(5))."""
    # One may be followed by ":" and a second name for it.
    names = (name.partition(":")[0] for name in words(dict(told), "RuntimeDirectory"))
    return tuple(os.path.join("/run", name) for name in names)


def require_no_runtime(case: Case, path: str) -> None:
    """Refuse a folder that the unit gets made anew at each start.

    Raises:
        Declined: systemd makes it by RuntimeDirectory=.
        HostError: systemd does not answer.
    """
    if path in runtime_folders(told_of(case)):
        raise Declined(
            f"systemd itself makes {path} at each start of {case.unit.name if case.unit else ''} "
            "(RuntimeDirectory=), with the owner and mode that the unit says"
        )
