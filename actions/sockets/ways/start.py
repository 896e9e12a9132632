"""The way where nobody listens: the unit behind the socket started, or started anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import UnitOperation
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from actions.plan import Change
    from actions.sockets.ways.case import Case

NOBODY = frozenset({"missing", "stale", "closed-port", "hangs", "closes", "closes-on-read"})
"""The causes that a start or a restart of the daemon may end."""


def offer(case: Case) -> Offer | None:
    """Start the unit behind the socket, or restart it where it runs and does not serve."""
    if case.state.cause not in NOBODY or case.service is None or case.unit is None:
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


def _title(case: Case) -> str:
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
    if case.unit is not None and case.unit.activity == "failed":
        return "it failed before: where the reason is still there, this is taken back"
    return ""
