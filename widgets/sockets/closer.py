"""One edge looked at by itself: proved anew, with whose rights, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from actions.host.errors import HostError
from actions.record import Record
from actions.registry import find

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import Host
    from actions.sockets.report import EdgeState
    from actions.sockets.ways.offers import NotOffered
    from actions.sockets.ways.report import WaysReport
    from actions.sockets.ways.way import Way

ACTION = "sockets.ways"


class Closer(Record):
    """What one edge was seen to be when it was looked at by itself."""

    state: EdgeState
    ways: tuple[Way, ...]
    not_offered: tuple[NotOffered, ...]
    user: str
    """Its client's user with its numbers."""


def look_closer(ctx: Context, name: str) -> Closer:
    """Look at the edge called *name*.

    Raises:
        ActionError: there is no such edge.
        HostError: the host can't be looked at.
    """
    report = cast("WaysReport", find(ACTION).function(ctx, edge=name))
    user = numbered(ctx.host, report.edge.edge.user)
    return Closer(report.edge, report.ways, report.not_offered, user)


def numbered(host: Host, user: str) -> str:
    """Return *user* with its numbers, "postfix (89:89)"; by itself where it has none."""
    if not user:
        return ""
    try:
        account = host.accounts.user(user)
    except HostError:
        return user
    return f"{user} ({account.uid}:{account.gid})"
