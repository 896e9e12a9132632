"""What a look at the ways tells: one edge, and every way to mend it, to be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.finding import Health
from actions.record import Record
from actions.sockets.check import check_sockets
from actions.sockets.ways.offers import NotOffered, offers_of

if TYPE_CHECKING:
    from actions.action import Context
    from actions.finding import Finding
    from actions.sockets.report import EdgeState
    from actions.sockets.ways.way import Way


class WaysReport(Record):
    """The result of ``sockets.ways``."""

    edge: EdgeState
    ways: tuple[Way, ...]
    """In the order in which they are recommended."""
    not_offered: tuple[NotOffered, ...] = ()
    milter: str = ""
    """The socket that was asked for, where it was no edge by its name."""

    @property
    def aim(self) -> tuple[tuple[str, str], ...]:
        """How ``sockets.fix`` is told of the edge."""
        return (("milter", self.milter),) if self.milter else (("edge", self.edge.edge.name),)

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "sockets.ways/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found of the edge."""
        return (self.edge.finding,)

    @property
    def exit_code(self) -> int:
        """0 where the edge is proved, 6 where it could not be seen, else 1."""
        health = self.edge.finding.health
        if health is Health.OK:
            return Exit.FINE
        return Exit.UNDECIDED if health is Health.UNKNOWN else Exit.PROBLEM


def look_at_ways(ctx: Context, edge: str, milter: str) -> WaysReport:
    """Return every way to mend the edge called *edge*, or that to *milter*.

    Raises:
        ActionError: there is no such edge, or not one of the two is given.
    """
    state = state_of(ctx, edge, milter)
    if state.finding.health in {Health.OK, Health.UNKNOWN}:
        return WaysReport(state, (), milter=milter)
    found = offers_of(ctx.host, state)
    return WaysReport(state, tuple(one.way for one in found.offers), found.not_offered, milter)


def state_of(ctx: Context, edge: str, milter: str) -> EdgeState:
    """Return how the edge called *edge*, or that to *milter*, is; raises `ActionError`."""
    if bool(edge) == bool(milter):
        raise ActionError(
            "one edge is needed: by its name, or by --milter",
            Exit.USAGE,
            "see their names with: console run sockets.check",
        )
    edges, milters = ((edge,), ()) if edge else ((), (milter,))
    states = check_sockets(ctx, edges, milters).edges
    # Postfix may come to one milter from inside of a chroot and from outside.
    return max(states, key=lambda one: one.finding.health.rank)
