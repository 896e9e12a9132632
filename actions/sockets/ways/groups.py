"""Which group would let a client through, and whether it may be let into it.

A service's user chooses what stands in its own folders, and can give it any group that it is in.
So a client joins no group for that but the daemon's own.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from actions.host.errors import UnknownAccount
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from actions.host.ports import Account, Host
    from actions.mailhost.edges import Edge
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case

_NOBODYS = {"nogroup", "nobody", "root"}
"""Groups that stand for everybody who has no other, or for who may do anything."""


def clients_of(case: Case, others: tuple[Edge, ...] | None = None) -> tuple[Account, ...]:
    """Return who opens the socket: the client of the edge, and those of *others*.

    Args:
        case: the edge.
        others: those that end there too; by default the ones `Case.beside` it.
    """
    beside = case.beside if others is None else others
    names = dict.fromkeys((case.edge.user, *(one.user for one in beside)))
    found = (case.account(name) for name in names)
    return tuple(one for one in found if one is not None and one.uid != 0)


def passes(case: Case, step: Step, account: Account) -> bool:
    """Return whether *account* is the owner of *step* or in its group."""
    return step.owner == account.name or step.group in group_names(case, account)


def wanted_group(case: Case, step: Step) -> str:
    """Return which group a socket that stands as *step* must get; empty where its own will do.

    Raises:
        Declined: those who open it are in no group together.
    """
    if case.client is None or passes(case, step, case.client):
        return ""
    # Nobody may be shut out for it who can open it now.
    others = (one for one in clients_of(case) if one != case.client and passes(case, step, one))
    return common_group(case, (case.client, *others))


def common_group(case: Case, clients: tuple[Account, ...]) -> str:
    """Return a group that all *clients* are in, best the first one's own; raises `Declined`."""
    if not clients:
        raise Declined("who opens the socket is not known")
    common = set(group_names(case, clients[0])).intersection(
        *(group_names(case, one) for one in clients)
    )
    common -= _NOBODYS
    primary = case.host.accounts.group_name(clients[0].gid)
    if not common:
        names = " and ".join(one.name for one in clients)
        raise Declined(f"{names} open the socket, and are in no group together")
    return primary if primary in common else min(common)


def lets_group_in(step: Step) -> bool:
    """Return whether what stands as *step* is open to its group."""
    return bool(step.mode & (0o020 if step.needs == "w" else 0o010))


def daemon_users(case: Case) -> tuple[str, ...]:
    """Return with whose rights the daemon runs, root left out."""
    service, unit = case.service, case.unit
    names = (service.user if service else "", unit.user if unit else "")
    return tuple(dict.fromkeys(name for name in names if name not in {"", "root"}))


def require_own_group(case: Case, step: Step) -> None:
    """Refuse to put anybody into the group of *step* where it is more than the daemon's own.

    Raises:
        Declined: it is, or the daemon's user is not who made it.
    """
    accounts = case.host.accounts
    users = daemon_users(case) or ((step.owner,) if step.owner != "root" else ())
    own = set()
    for name in users:
        try:
            own.add(accounts.group_name(accounts.user(name).gid))
        except UnknownAccount:
            continue
    if step.group not in own - _NOBODYS or step.owner not in {*users, "root"}:
        raise Declined(
            f"{step.path} belongs to {step.owner}:{step.group}, which is not a group of the "
            "daemon's own; joining it would open more than this socket",
            "let the daemon make its socket with a group of its own, then try again",
        )


def gives_group(host: Host, path: str, group: str) -> bool:
    """Return whether the folder of *path* gives *group* to what is made in it (its group bit)."""
    try:
        folder = os.stat(os.path.dirname(path))
    except OSError:
        return False
    given = host.accounts.group_name(folder.st_gid)
    return bool(folder.st_mode & stat.S_ISGID) and given == group


def group_names(case: Case, account: Account) -> tuple[str, ...]:
    """Return the names of the groups of *account*."""
    return tuple(case.host.accounts.group_name(gid) for gid in account.groups)
