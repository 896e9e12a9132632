"""The daemon's own setting: who may open its socket, told where the daemon reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.sockets.ways.daemons import OPENERS
from actions.sockets.ways.daemons.opener import Wish
from actions.sockets.ways.draft import Draft
from actions.sockets.ways.groups import lets_group_in, passes, require_own_group, wanted_group
from actions.sockets.ways.settled import require_unit, settled, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case
    from actions.sockets.ways.daemons.opener import Opener

NAME = "setting"

_AS_TOLD = "its settings say so already: where something shuts it at each start, this is taken back"


def offer(case: Case) -> Offer | None:
    """Return the edit of the daemon's settings after which it opens its socket to the client.

    Where it has a setting for the mode and none for the group, the client joins the daemon's
    own group besides. Where its settings let the client in already, and only the socket that
    stands there does not, it is restarted and nothing is edited.

    Raises:
        Declined: nobody knows the daemon's settings, or they can't be told apart here.
    """
    step = case.step
    if step is None or step.granted is not False or case.client is None:
        return None
    opener = opener_of(case)
    require_unit(case)
    draft = Draft(case)
    by_setting = opener.gives_group and not case.closed_folders
    group = wanted_group(case, step) if by_setting else ""
    opener.opens(draft, Wish(group, group or step.group, lets_group_in(step)))
    if draft.is_empty and not group and lets_group_in(step) and not step.acl:
        return None
    for one in _closed(case, step, opener, group):
        if not passes(case, one, case.client):
            require_own_group(case, one)
            draft.join(case.edge.user, one.group)
    as_told = draft.is_empty
    planned = draft.changes()
    changes = (*planned, *settled(case, joined=draft.joined))
    way = Way(
        NAME,
        f"{opener.name}'s own setting",
        lasting=True,
        does=(*draft.does, *told(changes[len(planned) :])),
        risk="; ".join(draft.risks) or (_AS_TOLD if as_told else _risk(case, group or step.group)),
    )
    return Offer(way, changes)


def opener_of(case: Case) -> Opener:
    """Return how the daemon behind the socket is told; raises `Declined`."""
    name = case.service.name.partition("@")[0].partition("#")[0] if case.service else ""
    if name not in OPENERS:
        where = case.socket or case.edge.spec
        raise Declined(
            f"how {name} is told of its socket is not known here"
            if name
            else f"no known daemon's settings name the socket {where}",
            "find the daemon that makes it, and let its own setting give the client write access",
        )
    return OPENERS[name]


def _closed(case: Case, step: Step, opener: Opener, group: str) -> tuple[Step, ...]:
    """Return what on the way only a group lets the client pass; raises `Declined`."""
    folders = case.closed_folders
    shut = next((one for one in folders if not lets_group_in(one)), None)
    if shut is not None:
        raise Declined(f"{shut.path} lets no group in, whatever {opener.name} is told")
    return folders if group else (*folders, step)


def _risk(case: Case, group: str) -> str:
    name = case.service.name if case.service else case.edge.name
    return f"whoever is in group {group} can connect to {name}"
