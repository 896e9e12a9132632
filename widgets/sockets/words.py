"""An edge in a few words, and the terms of the pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health

if TYPE_CHECKING:
    from actions.mailhost.edges import Edge
    from actions.sockets.report import EdgeState

WORDS = (
    ("smtpd → name", "who connects, and whose socket it is"),
    ("as postfix", "the user whose rights count; its user and group number follow"),
    ("chrooted in", "the folder that the client is confined to: it sees nothing above"),
    ("x, w", "what is needed: x to pass a folder, w to connect to a socket"),
    ("rwx, ---", "what the client has there: read, write, pass"),
    ("lasting", "holds through restarts of the daemon, of Postfix and of the host"),
    ("temporary", "is gone when the daemon restarts"),
)


def ends(edge: Edge) -> tuple[str, str]:
    """Return the two ends of *edge* as people call them: "smtpd@submission", "milter-manager"."""
    client, _, service = edge.name.partition(":")
    return client or edge.client, service or edge.service or edge.spec


def title(edge: Edge) -> str:
    """Return *edge* in a few words."""
    return " → ".join(ends(edge))


def told(state: EdgeState) -> str:
    """Return how an edge is, in a word or a few: "ok", "permission denied"."""
    health, (_, _, what) = state.finding.health, state.finding.what.partition(": ")
    return health.value if health is Health.OK else what or health.value


def confined(edge: Edge) -> str:
    """Return where the client is confined to."""
    return f"chrooted in {edge.chroot}" if edge.chroot else "not chrooted"
