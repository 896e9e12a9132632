"""What a look at the sockets tells: for each edge its client, its path, its cause and its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.finding import Health, worst
from actions.record import Record

if TYPE_CHECKING:
    from actions.finding import Finding
    from actions.mailhost.edges import Edge
    from actions.milter.session import Trouble
    from actions.sockets.path import Step

Cause = Literal[
    "",
    "group",
    "write",
    "folder",
    "stale-groups",
    "missing",
    "dangling",
    "chroot",
    "stale",
    "not-a-socket",
    "closed-port",
    "datagram",
    "closes",
    "closes-on-read",
    "hangs",
    "not-a-milter",
    "no-transport",
    "name",
    "syntax",
    "denied",
    "unseen",
]
"""What stands in the way of an edge.

group: the client is not in the socket's group · write: nobody of its class has w · folder: a
component on the way lacks x · stale-groups: it is in the group, and its running processes are
not yet · missing: nothing stands there · dangling: a link leads to nothing · chroot: it stands
outside of the client's chroot · stale: a socket that nobody listens on · not-a-socket ·
closed-port: nobody listens on the port · datagram: a socket of another type · closes: accepts
and closes · closes-on-read: reads and closes · hangs: does not answer in time · not-a-milter:
answers something else · no-transport, syntax: the specification names no endpoint · name: the
host's name is not found · denied: an ACL, SELinux or AppArmor stands in the way though the modes
do not · unseen: could not be proved with this user's rights.
"""


class EdgeState(Record):
    """One edge, and whether its client can open its socket."""

    edge: Edge
    finding: Finding
    cause: Cause
    steps: tuple[Step, ...]
    """The path as the client walks it; empty for a port."""
    trouble: Trouble | None
    """What the proof met; None where it went well."""
    seconds: float
    log_line: str = ""
    """What the client logs of it, such as Postfix's warning, where that is known."""


class SocketsReport(Record):
    """The result of ``sockets.check``."""

    edges: tuple[EdgeState, ...]
    notes: tuple[str, ...] = ()
    """What could not be seen of the host's edges, and why."""
    seconds: float = 0.0

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "sockets.check/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, edge by edge."""
        return tuple(state.finding for state in self.edges)

    @property
    def exit_code(self) -> int:
        """0 where every edge is proved, 6 where one could not be seen, else 1."""
        health = worst(self.findings)
        if health is Health.OK:
            return Exit.FINE
        return Exit.UNDECIDED if health is Health.UNKNOWN else Exit.PROBLEM
