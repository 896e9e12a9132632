"""The processes of a client that run by now, and the groups that they have.

A process keeps the groups that its user had when it began; `initgroups`, which the proof does,
gives those of the moment.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError, UnknownAccount
from actions.host.processes import all_processes, named, of_group, status_of
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.host.ports import Account, Host
    from actions.mailhost.edges import Edge
    from actions.mailhost.service import MailService

NAMED = 3
"""Processes that are named one by one."""


class Stale(Record):
    """Processes that do not have a group of their user yet."""

    group: str
    pids: tuple[int, ...]

    @property
    def told(self) -> str:
        """The processes, for people."""
        shown = ", ".join(map(str, self.pids[:NAMED]))
        more = f" and {len(self.pids) - NAMED} more" if len(self.pids) > NAMED else ""
        return f"its process {shown}{more}" if len(self.pids) == 1 else f"processes {shown}{more}"


def stale_groups(
    host: Host,
    edge: Edge,
    account: Account,
    memberships: Iterable[str],
    services: Iterable[MailService],
) -> Stale | None:
    """Return the processes of the client of *edge* that lack one of *memberships*.

    Args:
        host: the host.
        edge: the edge.
        account: the client's user.
        memberships: groups by which it is let through.
        services: those of the host; the client is one of them.
    """
    wanted = dict(_numbers(host, memberships))
    service = next((one for one in services if one.name == edge.client_service), None)
    if not wanted:
        return None
    groups = {pid: _groups(pid, account.uid) for pid in _pids(host, edge, account, service)}
    for name, number in wanted.items():
        lacking = [pid for pid, own in groups.items() if own is not None and number not in own]
        if lacking:
            return Stale(name, tuple(lacking))
    return None


def _numbers(host: Host, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    for name in names:
        try:
            yield name, host.accounts.group_id(name)
        except UnknownAccount:
            if name.isdigit():
                yield name, int(name)


def _pids(host: Host, edge: Edge, account: Account, service: MailService | None) -> tuple[int, ...]:
    """Return the processes that connect; those of Postfix by their program."""
    of_unit = _of_unit(host, service)
    if of_unit is None:
        if host.kind == "lab":  # This machine's processes are not its own.
            return ()
        every = named(all_processes(), (edge.client,), account.uid)
        return tuple(one.pid for one in every)
    if edge.client_service != "postfix" or host.kind == "lab":
        return of_unit
    return tuple(pid for pid in of_unit if _is_called(pid, edge.client))


def _of_unit(host: Host, service: MailService | None) -> tuple[int, ...] | None:
    if service is None or not service.seen_unit or host.units.absent():
        return None
    try:
        state = host.units.state(service.seen_unit)
    except HostError:
        return None
    if not state.known:
        return None
    pids = of_group(state.group)
    return (state.main_pid,) * bool(state.main_pid) if pids is None else pids


def _is_called(pid: int, name: str) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().rstrip("\n") == name
    return False


def _groups(pid: int, uid: int) -> frozenset[int] | None:
    """Return the groups of process *pid*; None where it has ended, or is not one of *uid*."""
    try:
        told = status_of(pid)
        effective = int(told[b"Uid"].split()[1])
        if effective != uid:
            return None
        own = (told[b"Gid"].split()[1], *told[b"Groups"].split())
        return frozenset(map(int, own))
    except (OSError, KeyError, IndexError, ValueError):
        return None
