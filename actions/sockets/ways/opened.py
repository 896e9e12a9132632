"""How the folders on the way and the socket would have to be, so that the client gets through."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Literal

from actions.record import Record
from actions.sockets.ways.groups import passes, wanted_group
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case

_SHARED = (
    "/",
    "/etc",
    "/home",
    "/root",
    "/run",
    "/tmp",  # noqa: S108 - it is compared, not written to
    "/usr",
    "/var",
    "/var/lib",
    "/var/run",
    "/var/spool",
    "/var/tmp",  # noqa: S108
)
"""Folders that are no service's own: their modes are left alone."""

_POSTFIX_OWN = frozenset(
    {
        *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
        *("maildrop", "pid", "private", "public", "saved", "trace"),
    }
)
"""Folders of the queue whose modes Postfix itself sets, and checks ("postfix set-permissions")."""

_X: dict[str, int] = {"owner": 0o100, "group": 0o010, "others": 0o001}


class Opened(Record):
    """A folder or socket as it would be."""

    step: Step
    """As it is."""
    mode: int
    group: str

    @property
    def path(self) -> str:
        """Where it is."""
        return self.step.path


def socket_folder(case: Case) -> Step | None:
    """Return the folder of the socket as the walk found it, or None where it is missing."""
    path = os.path.dirname(case.socket)
    found = (one for one in case.state.steps if one.path == path and one.kind == "folder")
    return next(found, None)


def is_socket_closed(case: Case) -> bool:
    """Return whether the socket itself is closed to the client."""
    return case.step is not None and case.step.granted is False


def passed(case: Case, folder: Step) -> Opened:
    """Return *folder* with the one bit that lets the client through, and nothing else changed.

    Raises:
        Declined: an access control list decides there.
    """
    _require_by_mode(case, folder, "x")
    return Opened(folder, folder.mode | _X[_class(case, folder)], folder.group)


def entered(case: Case, folder: Step) -> Opened:
    """Return the socket's *folder* as one of a group of the client, which new sockets get too.

    In a folder with the set-group-ID bit whatever is made has the folder's group (inode(7)).

    Raises:
        Declined: no group has all in it that open the socket.
    """
    _require_by_mode(case, folder, "x")
    group = wanted_group(case, folder) or folder.group
    return Opened(folder, folder.mode | stat.S_ISGID | 0o010, group)


def connectable(case: Case, socket: Step) -> Opened:
    """Return *socket* as one that the client may connect to, by its group where it is no owner.

    Raises:
        Declined: no group has all in it that open the socket, or a list decides there.
    """
    _require_by_mode(case, socket, "rw")
    if _class(case, socket) == "owner":
        return Opened(socket, socket.mode | 0o200, socket.group)
    return Opened(socket, socket.mode | 0o020, wanted_group(case, socket) or socket.group)


def _require_by_mode(case: Case, step: Step, wanted: str) -> None:
    """Refuse where an access control list decides, not the mode; raises `Declined`."""
    if step.acl:
        client = case.edge.user
        raise Declined(
            f"an access control list decides at {step.path} ({step.decided_by or 'its entries'})",
            f"setfacl -m u:{client}:{wanted} {step.path}",
        )


def require_own(case: Case, path: str) -> None:
    """Refuse to touch a folder that is more than one service's.

    Raises:
        Declined: it is a folder of the whole system, or one of Postfix's own.
        HostError: Postfix's queue can't be asked for.
    """
    host = case.host
    if path in map(host.at, _SHARED) or path in _SHARED:
        raise Declined(f"{path} is a folder of the whole system, and its mode is left alone")
    queue = host.postfix.setting("queue_directory")
    if path == queue or (os.path.dirname(path) == queue and os.path.basename(path) in _POSTFIX_OWN):
        raise Declined(
            f"{path} is a folder of Postfix's own, which Postfix gives its mode",
            "let the service make its socket in a folder of its own below the queue",
        )


def _class(case: Case, step: Step) -> Literal["owner", "group", "others"]:
    """Return which bits of *step* count for the client."""
    if step.owner == case.edge.user:
        return "owner"
    return "group" if case.client and passes(case, step, case.client) else "others"
