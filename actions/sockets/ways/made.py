"""The way where the socket's folder itself is missing: made now, and at each boot by tmpfiles.d.

/run is empty after a boot; a daemon that is started as its own user can't make its folder there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import Folder
from actions.sockets.ways.groups import clients_of, common_group, daemon_users
from actions.sockets.ways.opened import require_own
from actions.sockets.ways.runtime import require_no_runtime
from actions.sockets.ways.settled import moved, told
from actions.sockets.ways.tmpfiles import (
    file_of,
    require_fixed,
    require_plain,
    require_tmpfiles,
    taken,
    written,
)
from actions.sockets.ways.way import Offer, Way

if TYPE_CHECKING:
    from actions.sockets.ways.case import Case


def offer(case: Case) -> Offer | None:
    """Make the folder for the daemon's user, where the daemon has tried in vain to start."""
    path, users, host = os.path.dirname(case.socket), daemon_users(case), case.host
    last = case.state.steps[-1] if case.state.steps else None
    is_missing = last is not None and (last.kind, last.path) == ("missing", path)
    # One that was never started may make its folder itself.
    has_tried = case.unit is not None and case.unit.activity != "inactive"
    if not (is_missing and has_tried and users and case.client is not None):
        return None
    require_tmpfiles(host)
    require_own(case, path)
    require_fixed(os.path.dirname(path))
    require_no_runtime(case, path)
    own = host.accounts.group_name(host.accounts.user(users[0]).gid)
    is_members = host.accounts.group_id(own) in case.client.groups
    group = own if is_members else common_group(case, clients_of(case))
    # What is made in a folder with the set-group-ID bit has the folder's group (inode(7)).
    mode = 0o750 if group == own else 0o2750
    require_plain(path, users[0], group)
    line = f"d {path} {mode:04o} {users[0]} {group}"
    file = file_of(case)
    edits = (
        *written(host, file, (line,)),
        Folder.planned(host, path, mode=mode, owner=users[0], group=group),
        taken(file),
    )
    # As it is between two tries to start, it must have left the folder before that is removed.
    changes = moved(case, edits, case.edge.endpoint, joined=False)
    does = (f"{line} in {file}", *told(changes))
    return Offer(
        Way("folder", "its folder, made at each boot", lasting=True, does=does, risk=""), changes
    )
