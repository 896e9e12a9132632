"""The way by an access control list: the client alone passes the folder, and keeps its group so.

The folder's default list is what a new socket gets, as far as the daemon's umask and its own
chmod(2) leave the group its bits (acl(5), "OBJECT CREATION AND DEFAULT ACLs"). A line "a+" of
tmpfiles.d(5) sets both lists again at each boot, on a folder that is there by then: where only
the daemon's start would make it, a line "d" makes it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import AccessList
from actions.host.acl import entries
from actions.host.folder_acl import Access
from actions.sockets.ways.groups import lets_group_in
from actions.sockets.ways.opened import is_socket_closed, require_own, socket_folder
from actions.sockets.ways.runtime import require_no_runtime
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.tmpfiles import (
    file_of,
    is_there_at_boot,
    require_fixed,
    require_plain,
    require_tmpfiles,
    taken,
    written,
)
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case

_RISK = "whatever the daemon makes in this folder is open to the client; ls -l shows a + there"


def offer(case: Case) -> Offer | None:
    """Let the client pass the socket's folder and open new sockets in it, beside the modes."""
    home, host = socket_folder(case), case.host
    is_closed = home is not None and (home.granted is False or is_socket_closed(case))
    if case.client is None or case.client.uid == 0 or home is None or not is_closed:
        return None
    require_tmpfiles(host)
    if any(one.path != home.path for one in case.closed_folders):
        raise Declined("another folder on the way is closed too, and a list opens but one")
    if case.step is not None and not lets_group_in(case.step):
        raise Declined(
            f"the socket has mode {case.step.mode:04o}: a list counts as far as the group's bits"
        )
    require_own(case, home.path)
    require_fixed(home.path)
    require_no_runtime(case, home.path)
    name = case.client.name
    require_plain(home.path, name)
    lists = AccessList.planned(host, home.path, name)
    _require_nothing_lost(lists, case.client.uid)
    made = () if is_there_at_boot(host, home.path) else (_made(home, lists),)
    file = file_of(case)
    changes = (
        *written(host, file, (*made, line_of(home.path, name))),
        lists,
        taken(file),
        *settled(case),
    )
    does = (
        f"user:{name}:--x for {home.path}, user:{name}:rw- for what is made in it",
        *(f"{line} in {file}" for line in made),
        f"the same at each boot in {file}",
        *told(changes),
    )
    way = Way("acl", "an access control list of its folder", lasting=True, does=does, risk=_RISK)
    return Offer(way, changes)


def _require_nothing_lost(lists: AccessList, uid: int) -> None:
    """Refuse where the line would write over entries that somebody else has set there.

    systemd-tmpfiles exchanges entries of the same user, and all of a default list that it is told.

    Raises:
        Declined: the folder has a default list of its own, or one that gives the client more.
    """
    before = lists.before
    own = Access(before.mode).passing(uid).default
    has_more = any(
        (one.tag, one.number) == ("user", uid) and one.bits & ~1 for one in entries(before.own)
    )
    if has_more or before.default not in {b"", own}:
        raise Declined(
            f"{lists.path} has an access control list already that this would write over",
            f"add to it: {lists.as_command()}",
        )


def _made(home: Step, lists: AccessList) -> str:
    """Return the line that makes the folder at boot as it is now.

    Raises:
        Declined: the mode would give the folder's group what only the list's mask has.
    """
    bits = {one.tag: one.bits for one in entries(lists.after.own)}
    if bits.get("group") != bits.get("mask"):
        raise Declined(
            f"{home.path} is made anew after each boot, and its mode {home.mode:04o} lets no list "
            "count unless its group may pass too"
        )
    require_plain(home.owner, home.group)
    return f"d {home.path} {lists.after.mode:04o} {home.owner} {home.group}"


def line_of(path: str, user: str) -> str:
    """Return the line that adds to both lists of the folder *path*."""
    default = ("user::rwx", f"user:{user}:rw-", "group::rw-", "mask::rw-", "other::---")
    lists = ",".join((f"user:{user}:--x", *(f"default:{one}" for one in default)))
    return f"a+ {path} - - - - {lists}"
