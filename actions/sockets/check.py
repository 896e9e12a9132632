"""The look at the edges of a mail host: each path walked, each socket opened by its client.

The proof is a connection and the first words with the rights of the client's user; the walk only
explains what the proof met.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.endpoint import BadEndpoint, same_socket
from actions.mailhost.edges import POSTFIX, edge_to, find_edges
from actions.mailhost.together import Failed, together
from actions.sockets.look import EdgeLook
from actions.sockets.named import chosen
from actions.sockets.proof import PATIENCE
from actions.sockets.report import EdgeState, SocketsReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.mailhost.edges import Edge, FoundEdges

LIMIT = 3 * PATIENCE
"""Seconds for one edge: to connect, to speak, and to spare."""


def check_sockets(
    ctx: Context, edges: tuple[str, ...] = (), milters: tuple[str, ...] = ()
) -> SocketsReport:
    """Look at the edges called *edges* and at those to *milters*, or at every one of the host.

    Raises:
        ActionError: there is no such edge, a specification names no endpoint, or there is
            nothing to look at.
        Cancelled: the operator cancelled.
    """
    started = time.monotonic()
    asked = _asked(ctx.host, edges, milters)
    look = EdgeLook(ctx.host, asked.services)
    states = tuple(looked(ctx, asked.edges, look))
    return SocketsReport(states, (*asked.notes, *look.notes), time.monotonic() - started)


def looked(ctx: Context, edges: tuple[Edge, ...], look: EdgeLook) -> Iterator[EdgeState]:
    """Look at *edges* beside each other, and yield how they are in their order."""
    jobs: dict[str, Callable[[], EdgeState]] = {
        edge.name: partial(look.state_of, edge) for edge in edges
    }
    done = dict(together(ctx, jobs, LIMIT))
    for edge in edges:
        state = done[edge.name]
        yield look.unseen(edge, state) if isinstance(state, Failed) else state


def _asked(host: Host, edges: tuple[str, ...], milters: tuple[str, ...]) -> FoundEdges:
    found = find_edges(host)
    if not edges and not milters:
        if not found.edges:
            raise _nothing_found(found)
        return found
    every = {edge.name: edge for edge in chosen(found.edges, edges)}
    for spec in dict.fromkeys(milters):
        for edge in _to(host, found, spec):
            known = every.get(edge.name)
            apart = known and known.endpoint != edge.endpoint
            name = f"{edge.name}#{len(every) + 1}" if apart else edge.name
            every[name] = edge._replace(name=name)
    return found._replace(edges=tuple(every.values()))


def _nothing_found(found: FoundEdges) -> ActionError:
    if any("chains are not known" in note for note in found.notes):
        return ActionError("; ".join(found.notes), Exit.UNDECIDED)
    return ActionError(
        "Postfix on this host uses no milter (smtpd_milters is empty)",
        Exit.USAGE,
        "name one with --milter unix:/path/to/socket",
    )


def _to(host: Host, found: FoundEdges, spec: str) -> tuple[Edge, ...]:
    """Return the edges from Postfix to the milter at *spec*; one that nobody set up is made.

    Of several that differ in the program alone, such as smtpd and cleanup, the first counts.
    """
    alike: dict[object, Edge] = {}
    for edge in found.edges:
        if edge.client_service == POSTFIX and edge.endpoint and same_socket(edge.endpoint, spec):
            alike.setdefault((edge.user, edge.chroot), edge)
    known = tuple(alike.values())
    if known:
        return known
    try:
        return (edge_to(host, spec),)
    except BadEndpoint as error:
        raise ActionError(f"--milter {error}", Exit.USAGE) from error
