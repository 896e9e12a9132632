"""What a look at the sockets tells: for each edge its client, its path and its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.finding import Health, worst
from actions.record import Record

if TYPE_CHECKING:
    from actions.finding import Finding
    from actions.milter.session import Trouble
    from actions.sockets.path import Step


class Edge(Record):
    """One client, one socket, and whether the one can open the other."""

    name: str
    endpoint: str
    client: str
    """The user whose rights count."""
    finding: Finding
    steps: tuple[Step, ...]
    trouble: Trouble | None
    seconds: float


class SocketsReport(Record):
    """The result of ``sockets.check``."""

    edges: tuple[Edge, ...]

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "sockets.check/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, edge by edge."""
        return tuple(edge.finding for edge in self.edges)

    @property
    def exit_code(self) -> int:
        """0 where every edge is proved, 6 where one could not be seen, else 1."""
        health = worst(self.findings)
        if health is Health.OK:
            return Exit.FINE
        return Exit.UNDECIDED if health is Health.UNKNOWN else Exit.PROBLEM
