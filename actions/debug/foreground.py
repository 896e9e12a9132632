"""The command line by which a service's daemon runs in the foreground and tells every step."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.debug.found import file_of, found
from actions.debug.modes.options import Options, with_debug
from actions.host.commands import SEARCHED
from actions.host.errors import HostError
from actions.host.processes import status_of
from actions.host.walk import is_ours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.debug.found import Found
    from actions.debug.modes.catalogue import Mode
    from actions.host.ports import Host, UnitState

Argv = tuple[str, ...]

ONLY_FOREGROUND: Mapping[str, Options] = {
    "clamav-milter": Options(
        (),
        "",
        foreground=("--foreground=true",),
        stays="-F|--foreground(=true|=yes|=1)?",
        leaves="--foreground=(false|no|0)",
    ),
}
"""Daemons that say more by a setting in their file alone: what keeps them in the foreground."""

BY_FILE: Mapping[str, Argv] = {"clamav-milter": ("/usr/sbin/clamav-milter", "--config-file")}
"""Daemons of init scripts that give up root's rights by themselves, as their file says."""


def command_of(host: Host, mode: Mode, state: UnitState) -> tuple[str, ...]:
    """Return the command line for *mode* in the place of the unit of *state*.

    It is what the unit runs, with the words put in that keep it in the foreground and have it
    tell more. Of an init script, it is what its process was started with, and with its rights.

    Raises:
        ActionError: there is none, or it can't be told.
    """
    options = require_possible(mode)
    seen = found(host, mode, state)
    own = seen.argv or _plain(host, mode)
    if own:
        return with_debug(own, options)
    rights, argv = _of_process(host, seen, mode, state)
    return (*rights, *with_debug(argv, options))


def _plain(host: Host, mode: Mode) -> Argv:
    """Return the command line of a daemon whose file alone sets all that matters, or nothing."""
    if mode.service not in BY_FILE or mode.directive is None:
        return ()
    file = file_of(host, mode.directive.files)
    return (*BY_FILE[mode.service], file) if file else ()


def require_possible(mode: Mode) -> Options:
    """Return the words for the foreground run of *mode*; raises `ActionError` where none can be."""
    options = mode.options or ONLY_FOREGROUND.get(mode.service)
    if options is None:
        raise ActionError(
            f"{mode.service} is not one daemon that could be run in the foreground",
            Exit.USAGE,
            f"switch its debug mode on for a while: console run debug.on {mode.service}",
        )
    return options


def _of_process(host: Host, seen: Found, mode: Mode, state: UnitState) -> tuple[Argv, Argv]:
    """Return what gives the rights of an init script's process, and what that was started with.

    A process can write another command line than its own: it is run with no more rights than
    the process has, and no other program than the daemon's, which AppArmor and SELinux know.
    """
    script = f"{state.name} is an init script"
    if seen.process is None:
        raise ActionError(
            f"{script} and does not run: how it starts {mode.service} can't be seen",
            Exit.PROBLEM,
            f"start it: console run services.start {mode.service}",
        )
    pid, argv = seen.process.pid, seen.process.argv
    if not argv:
        raise ActionError(
            f"{script}, and its process {pid} has wiped out what it was started with",
            Exit.PROBLEM,
            f"start it anew: console run services.restart {mode.service}",
        )
    try:
        uid, gid = _rights(pid)
    except OSError as error:
        raise ActionError(
            f"{script}, and its process {pid} can't be seen: {error.strerror}",
            Exit.UNDECIDED,
            "run it as root",
        ) from error
    if uid == 0:
        raise ActionError(
            f"{script} whose daemon runs as root: what it was started with can't be relied on",
            Exit.PROBLEM,
            f"switch its debug mode on for a while: console run debug.on {mode.service}",
        )
    rights = ("/usr/bin/setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups")
    return rights, _own_program(host, mode, argv)


def _own_program(host: Host, mode: Mode, argv: Argv) -> Argv:
    """Return *argv* from the daemon's own program on, by its whole path, without an interpreter.

    Raises:
        ActionError: it names no program of the daemon's, or one that others than root may write.
    """
    at = next((n for n, word in enumerate(argv) if os.path.basename(word) in mode.programs), None)
    word = argv[at] if at is not None else ""
    program = word if word.startswith("/") else shutil.which(word, path=SEARCHED) or ""
    with suppress(OSError, HostError):
        if at is not None and is_ours(host.files.resolve(program)):
            return (program, *argv[at + 1 :])
    raise ActionError(
        f"its process says that it was started as {' '.join(argv)}, which is no program of "
        f"{mode.service} that root alone can write",
        Exit.PROBLEM,
        f"find out who made it say so; start it anew: console run services.restart {mode.service}",
    )


def _rights(pid: int) -> tuple[int, int]:
    """Return the user and the group of process *pid*, the real ones; raises OSError."""
    told = status_of(pid)
    return int(told[b"Uid"].split()[0]), int(told[b"Gid"].split()[0])
