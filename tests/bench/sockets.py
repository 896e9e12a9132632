"""How long it takes to prove a dozen edges of a mail host as their client's user."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from actions.action import Context
from actions.host.system import SystemHost
from actions.mailhost.edges import Edge
from actions.sockets.check import looked
from actions.sockets.look import EdgeLook
from tests.milters.peer import Peers

if TYPE_CHECKING:
    from tests.milters.peer import Wire

EDGES = 12
CLIENT = "nobody"


def measured(rounds: int) -> float:
    """Return the seconds that a look at all of them takes, the middle of *rounds*.

    Each round starts the process anew that connects as other users, as a command does.
    """
    peers = Peers()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        try:
            return median(_round(peers, f"{folder}/{number}") for number in range(rounds))
        finally:
            peers.end()


def _round(peers: Peers, folder: str) -> float:
    host = SystemHost()
    Path(folder).mkdir(mode=0o755)
    edges = tuple(_edge(peers, f"{folder}/{number}.sock") for number in range(EDGES))
    began = time.perf_counter()
    states = tuple(looked(Context(host), edges, EdgeLook(host, ())))
    seconds = time.perf_counter() - began
    assert not any(state.cause for state in states), states
    return seconds


def _edge(peers: Peers, path: str) -> Edge:
    peers.start_at(path, _serve)
    Path(path).chmod(0o666)
    spec = f"unix:{path}"
    return Edge(path, "smtpd", "postfix", "", CLIENT, "milter", spec, spec)


def _serve(wire: Wire) -> None:
    wire.negotiate()
    wire.serve()
