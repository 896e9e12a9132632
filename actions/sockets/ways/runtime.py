"""What systemd says of one unit's folders and of itself, as far as the ways go by it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.host.endpoint import real_path
from actions.host.unit_state import block, words
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.sockets.ways.case import Case

_ASKED = "RuntimeDirectory,RuntimeDirectoryMode,UMask,LoadState"
_COMMANDS = "ExecStartPre,ExecStart,ExecStartPost"
_RESETTING = frozenset({"install", "chown", "chgrp", "chmod", "setfacl", "rm"})
"""Programs after which a folder has another owner, group or mode, though it was there before."""


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


def resetting(case: Case, path: str) -> tuple[str, ...]:
    """Return the command by which the unit gives the folder *path* its owner or mode at each start.

    Init scripts are not read for that: theirs are behind tests and variables.

    Raises:
        HostError: systemd does not answer.
    """
    for command in _commands(case):
        words = [word.strip("\"';") for word in command]
        if not _RESETTING.isdisjoint(map(os.path.basename, words)) and any(
            word.startswith("/") and real_path(word.rstrip("/")) == path for word in words
        ):
            return command
    return ()


def require_kept(case: Case, path: str) -> None:
    """Refuse a folder whose owner and mode do not outlast the next start of the daemon.

    Raises:
        Declined: the unit sets them again.
        HostError: systemd does not answer.
    """
    require_no_runtime(case, path)
    if command := resetting(case, path):
        raise Declined(
            f"{case.unit.name if case.unit else ''} sets the owner and mode of {path} again at "
            f"each start ({os.path.basename(command[0])})"
        )


def _commands(case: Case) -> Iterator[tuple[str, ...]]:
    """Yield what the unit runs when it starts, as systemctl(1) prints it."""
    if case.unit is None or case.host.kind == "lab" or case.host.units.absent():
        return
    argv = ["systemctl", "show", "--no-pager", f"--property={_COMMANDS}", "--", case.unit.name]
    for line in case.host.commands.run(argv, timeout=5.0).stdout.splitlines():
        told = line.partition(" argv[]=")[2].rpartition(" ; ignore_errors=")[0]
        if told:
            yield tuple(told.split())
