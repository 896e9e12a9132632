"""The way to a filter's socket as a client walks it, and which groups it may be let into for it.

A service's user chooses what stands in its own folders: links, sockets, and their groups as far
as it is in them. Nobody joins a group for that. What root gave counts: the daemon's settings, and
folders that nobody else can exchange.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted, UnknownAccount
from actions.host.walk import standing
from actions.setup.filters.daemons import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Account, Host
    from actions.setup.filters.reach import Socket


class NoGroup(Exception):
    """No group lets a client pass."""


class NotTold(Exception):
    """A group would let a client pass, but who gave it may be the daemon's user, not root."""

    def __init__(self, why: str, step: str) -> None:
        super().__init__(why)
        self.step = step
        """What the operator can do."""


def closed_groups(host: Host, socket: Socket, client: str) -> tuple[tuple[str, str], ...]:
    """Return the groups that *client* lacks on the way to *socket*, each with where.

    Only groups that root gave: by the daemon's settings, or by a folder on the way. What stands
    in a folder of the daemon's own its user chose, with any group that it is in.

    Raises:
        NoGroup: no group would help.
        NotTold: a group would, but the daemon's user may have chosen it.
        HostError: the path can't be seen.
        FileNotFoundError: nothing stands there.
    """
    account = host.accounts.user(client)
    needed: dict[str, str] = {}
    for place, entry, fixed in _way(socket):
        is_last = place == socket.path
        bit = 2 if is_last else 1
        if account.uid in {0, entry.st_uid} or _passes(entry, account, bit):
            continue
        if entry.st_gid in account.groups or not entry.st_mode & bit << 3 or not entry.st_gid:
            raise NoGroup(f"{place} (mode {stat.S_IMODE(entry.st_mode):04o}) lets no group in")
        group = host.accounts.group_name(entry.st_gid)
        if is_last:
            _require_own(host, socket, entry)
        if group not in _own_groups(host, socket) and (is_last or not _gave(host, entry, fixed)):
            owner = host.accounts.user_name(entry.st_uid)
            raise NotTold(
                f"{place} is for group {group}, which {socket.daemon.name}'s settings do not "
                f"name and {owner} can have given it",
                f"name the group in {socket.daemon.name}'s settings, or put {client} into it by "
                "hand, where it is meant",
            )
        needed.setdefault(group, place)
    return tuple(needed.items())


def _way(socket: Socket) -> tuple[tuple[str, os.stat_result, bool], ...]:
    """Return every folder to *socket* and itself, and which of them only root can exchange."""
    found = []
    try:
        for place in _components(socket.path):
            entry, fixed = standing(place)
            if stat.S_ISLNK(entry.st_mode):
                raise NotTold(
                    f"{place} is a symbolic link that a user other than root could have put there",
                    f"find out who made it, remove it, and restart {socket.daemon.name}",
                )
            found.append((place, entry, fixed))
    except PermissionError as error:
        raise NotPermitted(f"{socket.path}: {error.strerror}") from error
    except NotADirectoryError as error:
        raise FileNotFoundError(socket.path) from error
    if not stat.S_ISSOCK(found[-1][1].st_mode):
        raise FileNotFoundError(socket.path)
    return tuple(found)


def _require_own(host: Host, socket: Socket, entry: os.stat_result) -> None:
    """Refuse what another than the daemon made; raises `NotTold`."""
    owner = host.accounts.user_name(entry.st_uid)
    if owner not in {*_owners(host, socket), "root"}:
        raise NotTold(
            f"{socket.path} belongs to {owner}, not to {socket.daemon.name}",
            f"find out who made it, remove it, and restart {socket.daemon.name}",
        )


def _owners(host: Host, socket: Socket) -> set[str]:
    """Return to whom the daemon's socket can belong, by its settings and its unit."""
    state = unit_of(host, socket.daemon)
    users = {socket.owner, state.user if state else "", *socket.daemon.users}
    return (users - {""}) or {"root"}


def _own_groups(host: Host, socket: Socket) -> set[str]:
    """Return the groups that are the daemon's own, or that root gave its socket."""
    groups = {socket.group, inherited(host, socket.path)}
    for owner in _owners(host, socket):
        try:
            groups.add(host.accounts.group_name(host.accounts.user(owner).gid))
        except UnknownAccount:
            continue
    return groups - {""}


def _gave(host: Host, folder: os.stat_result, fixed: bool) -> bool:  # noqa: FBT001
    """Return whether root gave *folder* its group: its owner can give only groups it is in."""
    if not fixed or not folder.st_uid:
        return fixed
    try:
        owner = host.accounts.user(host.accounts.user_name(folder.st_uid))
    except UnknownAccount:
        return False
    return folder.st_gid not in owner.groups


def _passes(entry: os.stat_result, account: Account, bit: int) -> bool:
    if entry.st_gid in account.groups:
        return bool(entry.st_mode & bit << 3)
    return bool(entry.st_mode & bit)


def _components(path: str) -> Iterator[str]:
    """Yield every folder on the way to *path*, then *path*."""
    at = ""
    for part in path.strip("/").split("/"):
        at = f"{at}/{part}"
        yield at


def inherited(host: Host, path: str) -> str:
    """Return the group that root lets a folder give to what is made in it; empty for none."""
    try:
        folder, fixed = standing(os.path.dirname(path))
    except (OSError, HostError):
        return ""
    gives = bool(folder.st_mode & stat.S_ISGID) and _gave(host, folder, fixed)
    return host.accounts.group_name(folder.st_gid) if gives else ""
