"""Whose a daemon's processes are, and which process listens on a socket of a chain."""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from actions.host.listening import read_table
from actions.host.processes import NAME_LIMIT, holders, of_group, process_of, unit_of
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Accounts, UnitState
    from actions.host.processes import Process


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
    # systemd keeps the sockets that it starts services by.
    pid = next((pid for pid in holders(read_table().at(endpoint)) if pid != 1), 0)
    with suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return Listening(pid, file.read().rstrip("\n"), unit_of(pid))
    return None
