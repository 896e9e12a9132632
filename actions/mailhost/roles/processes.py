"""Whose a daemon's processes are, and which process listens on a socket of a chain."""

from __future__ import annotations

import os
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from actions.host.processes import NAME_LIMIT, of_group, process_of
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Accounts, UnitState
    from actions.host.processes import Process

_LISTENS_UNIX, _LISTENS_TCP = "00010000", "0A"
"""The flag SO_ACCEPTCON and the state LISTEN in the tables of /proc/net (proc(5))."""


class Listening(Record):
    """The process that listens on a socket."""

    pid: int
    program: str
    """Its name, which the kernel cuts to 15 bytes."""
    unit: str
    """The unit in whose control group it is; empty where it is in none."""


def running(processes: Iterable[Process], programs: Sequence[str]) -> tuple[Process, ...]:
    """Return those of *processes* that run one of *programs*, ``*`` for anything."""
    return tuple(one for one in processes if _runs_one_of(one, programs))


def user_of(state: UnitState, programs: Sequence[str], accounts: Accounts) -> str:
    """Return as whom the daemon of a unit runs; "" where it does not, or can't be seen."""
    own = dict.fromkeys((state.main_pid, *(of_group(state.group) or ())))
    found = []
    for pid in own:
        with suppress(OSError, IndexError, ValueError):
            found.append(process_of(pid) if pid else None)
    return owner_of(running((one for one in found if one), programs), accounts)


def owner_of(processes: Iterable[Process], accounts: Accounts) -> str:
    """Return the user of the first of *processes*, "" where there is none."""
    first = next(iter(processes), None)
    return accounts.user_name(first.uid) if first else ""


def _runs_one_of(process: Process, programs: Sequence[str]) -> bool:
    return any(
        fnmatchcase(name, program) or name == program[:NAME_LIMIT]
        for name in process.names
        for program in programs
    )


def listening(endpoint: Endpoint) -> Listening | None:
    """Return who listens at *endpoint* on this machine; None where nobody does, or unseen.

    The descriptors of other users' processes are seen by root only.
    """
    names = {f"socket:[{inode}]" for inode in _inodes(endpoint)}
    holders = [pid for pid in _all() if _holds(pid, names)] if names else []
    # systemd keeps the sockets that it starts services by.
    pid = next((pid for pid in holders if pid != 1), 0)
    with suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return Listening(pid, file.read().rstrip("\n"), unit_of(pid))
    return None


def unit_of(pid: int) -> str:
    """Return the service in whose control group process *pid* is, or ""."""
    with suppress(OSError), open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        for line in file:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            if number == "0" or controllers == "name=systemd":
                parts = [part for part in path.split("/") if part.endswith(".service")]
                if parts:
                    return parts[-1]
    return ""


def _all() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _holds(pid: int, names: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for number in os.listdir(folder):
            with suppress(OSError):
                if os.readlink(f"{folder}/{number}") in names:
                    return True
    return False


def _inodes(endpoint: Endpoint) -> Iterator[str]:
    """Yield the inodes of the sockets that listen at *endpoint*."""
    if endpoint.family == "unix":
        asked = os.path.realpath(endpoint.place)
        for line in _lines("/proc/net/unix"):
            # Num RefCount Protocol Flags Type St Inode Path; a path may have blanks.
            words = line.split(None, 7)
            listens = len(words) == 8 and words[3] == _LISTENS_UNIX
            if listens and os.path.realpath(words[7]) == asked:
                yield words[6]
        return
    for name in ("tcp", "tcp6"):
        for line in _lines(f"/proc/net/{name}"):
            # sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …
            words = line.split()
            if words[3] == _LISTENS_TCP and int(words[1][-4:], 16) == endpoint.port:
                yield words[9]


def _lines(path: str) -> Iterator[str]:
    """Yield the lines of a table without its head."""
    with suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
        next(file, "")
        for line in file:
            yield line.rstrip("\n")
