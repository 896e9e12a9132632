"""The way that helps at once and does not last: owner and mode set by hand, as with chgrp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import Ownership
from actions.sockets.ways.opened import (
    connectable,
    is_socket_closed,
    passed,
    require_own,
)
from actions.sockets.ways.way import Offer, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.sockets.ways.case import Case
    from actions.sockets.ways.opened import Opened

LOST = "lost as soon as the daemon or the system makes it anew"


def offer(case: Case) -> Offer | None:
    """Open the folders on the way and the socket as they stand now, and nothing else."""
    if case.client is None or not (case.closed_folders or is_socket_closed(case)):
        return None
    wanted = tuple(_wanted(case))
    changes = tuple(
        Ownership.planned(case.host, one.path, group=one.group, mode=one.mode, note=LOST)
        for one in wanted
    )
    does = tuple(_told(one) for one in wanted)
    risk = f"temporary: it is {LOST}"
    title = "by hand, until the next restart"
    return Offer(Way("now", title, lasting=False, does=does, risk=risk), changes)


def _wanted(case: Case) -> Iterator[Opened]:
    for folder in case.closed_folders:
        require_own(case, folder.path)
        yield passed(case, folder)
    if case.step is not None and is_socket_closed(case):
        yield connectable(case, case.step)


def _told(one: Opened) -> str:
    if one.group == one.step.group:
        return f"chmod {one.mode:04o} {one.path}"
    return f"chgrp {one.group} and chmod {one.mode:04o} {one.path}"
