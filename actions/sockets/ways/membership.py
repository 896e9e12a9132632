"""The client in the daemon's own group: for a socket that is open to its group already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.sockets.ways.draft import Draft
from actions.sockets.ways.groups import lets_group_in, passes, require_own_group
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case

NAME = "membership"


def offer(case: Case) -> Offer | None:
    """Return what puts the client into the groups that it lacks, or starts it with those it has.

    Raises:
        Declined: a group is more than the daemon's own.
    """
    if case.client is None:
        return None
    if case.state.cause == "stale-groups":
        return _anew(case)
    closed = _closed(case)
    if not closed or not all(lets_group_in(step) for step in closed):
        return None
    draft = Draft(case)
    join_groups(case, draft, closed)
    if draft.is_empty:
        return None
    changes = (*draft.changes(), *settled(case, joined=draft.joined))
    groups = ", ".join(dict.fromkeys(step.group for step in closed))
    way = Way(
        NAME,
        f"{case.client.name} in group {groups}",
        lasting=True,
        does=(*draft.does, *told(changes[len(draft.changes()) :])),
        risk=f"{case.client.name} may open all that is open to group {groups}",
    )
    return Offer(way, changes)


def join_groups(case: Case, draft: Draft, closed: tuple[Step, ...]) -> None:
    """Put the client into the group of each of *closed*; raises `Declined`."""
    for step in closed:
        require_own_group(case, step)
        draft.join(case.edge.user, step.group)


def _closed(case: Case) -> tuple[Step, ...]:
    """Return what on the way keeps the client out because of its groups alone."""
    steps = (*case.closed_folders, *((case.step,) if case.step is not None else ()))
    found = []
    for step in steps:
        if step.granted is not False:
            continue
        assert case.client is not None
        if passes(case, step, case.client):
            return ()  # its own bits are missing: a group would be of no use
        found.append(step)
    return tuple(found)


def _anew(case: Case) -> Offer:
    """Return the restart of the client: it has its groups from its start."""
    changes = settled(case, joined=True)
    if not changes:
        raise Declined("who connects runs under no unit", "restart it by hand")
    way = Way(
        NAME,
        f"{case.edge.client} with the groups that {case.edge.user} is in by now",
        lasting=True,
        does=told(changes),
        risk="",
    )
    return Offer(way, changes)
