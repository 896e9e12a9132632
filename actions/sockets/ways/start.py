"""The way where nobody listens: the unit behind the socket started, or started anew."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.changes import UnitOperation
from actions.sockets.ways.runtime import resetting
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from actions.plan import Change
    from actions.sockets.ways.case import Case

NOBODY = frozenset({"missing", "stale", "closed-port", "hangs", "closes", "closes-on-read"})
"""The causes that a start or a restart of the daemon may end."""

_MODE = re.compile(r"-\w*m|--mode")


def offer(case: Case) -> Offer | None:
    """Start the unit behind the socket, or restart it where it runs and does not serve.

    A restart serves, too, where the folder was shut and the unit opens it at each start.
    """
    if case.service is None or case.unit is None:
        return None
    if case.state.cause not in NOBODY and not _opens_folder(case):
        return None
    unit = case.unit
    if unit.masked:
        raise Declined(
            f"{unit.name} is masked: somebody shut it off on purpose",
            f"allow it to be started by: systemctl unmask {unit.name}",
        )
    changes = settled(case)
    enabling = _enabled(case)
    does = told((*changes, *enabling))
    way = Way("start", _title(case), lasting=True, does=does, risk=_risk(case))
    return Offer(way, (*changes, *enabling))


def _opens_folder(case: Case) -> bool:
    """Return whether the unit gives every closed folder mode 0755 (install(1) without -m)."""
    folders = case.closed_folders
    return bool(folders) and all(
        not one.acl and _is_opening(resetting(case, one.path)) for one in folders
    )


def _is_opening(command: tuple[str, ...]) -> bool:
    is_install = bool(command) and os.path.basename(command[0]) == "install"
    return is_install and "-d" in command and not any(_MODE.match(word) for word in command)


def _title(case: Case) -> str:
    if case.state.cause not in NOBODY:
        return "a restart, at which its unit opens the folder"
    runs = case.unit is not None and case.unit.activity == "active"
    return "restart what should listen" if runs else "start what should listen"


def _enabled(case: Case) -> tuple[Change, ...]:
    """Return what lets it be there after the next boot, too."""
    if case.service is None or case.unit is None or case.unit.enabled is not False:
        return ()
    unit = case.service.unit
    note = "mail needs it, and it would be missing after the next boot"
    return (UnitOperation.planned(case.host, "enable", unit, note),)


def _risk(case: Case) -> str:
    if case.state.cause not in NOBODY:
        return "where something shuts the folder at each start, this is taken back"
    if case.unit is not None and case.unit.activity == "failed":
        return "it failed before: where the reason is still there, this is taken back"
    return ""
