"""Real sockets in a folder, and edges that lead to them, for a client that has no rights here."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from actions.host.accounts import SystemAccounts
from actions.host.acl import ATTRIBUTE, VERSION
from actions.host.system import SystemHost
from actions.mailhost.edges import Edge
from actions.sockets.look import EdgeLook
from tests.programs import give_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.host.ports import Account
    from actions.mailhost.service import Speech
    from actions.sockets.report import EdgeState
    from tests.milters.peer import Peer, Peers, Wire

CLIENT = "nobody"
OTHER_GROUP = 61997
"""A group that nobody is in."""

NO_ID = 0xFFFFFFFF
OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 1, 2, 4, 8, 0x10, 0x20
"""Tags of entries in an access control list (linux/posix_acl.h)."""


class Grouped(SystemAccounts):
    """The accounts of this machine, with the client in further groups."""

    def __init__(self, *groups: int) -> None:
        super().__init__()
        self._groups = groups

    def user(self, name: str) -> Account:
        account = super().user(name)
        if name != CLIENT:
            return account
        return account._replace(groups=(*account.groups, *self._groups))


class Scene:
    """A folder that everybody may pass, with sockets in it.

    Args:
        folder: the folder.
        peers: what listens there.
    """

    def __init__(self, folder: Path, peers: Peers) -> None:
        self.folder = folder
        self.host = SystemHost()
        self._peers = peers
        self._kept: list[socket.socket] = []

    @property
    def socket(self) -> Path:
        """Where the milter's socket is."""
        return self.folder / "run" / "milter.sock"

    def listen(
        self, behave: Callable[[Wire], None], mode: int = 0o666, path: Path | None = None
    ) -> Peer:
        """Let somebody listen there."""
        place = path or self.socket
        place.parent.mkdir(parents=True, exist_ok=True)
        peer = self._peers.start_at(str(place), behave)
        place.chmod(mode)
        return peer

    def listen_on_port(self, behave: Callable[[Wire], None]) -> Peer:
        """Let somebody listen on a port of the loopback."""
        return self._peers.start_tcp(behave)

    def keep(self, kind: int) -> None:
        """Put a socket of another *kind* there, which stays bound."""
        self._kept.append(socket.socket(socket.AF_UNIX, kind))
        self._kept[-1].bind(str(self.socket))
        self.socket.chmod(0o666)

    def end(self) -> None:
        """Close what was kept."""
        for one in self._kept:
            one.close()

    def edge(self, endpoint: str = "", **more: str) -> Edge:
        """Return an edge from smtpd to the milter."""
        spec = endpoint or f"unix:{self.socket}"
        speech: Speech = "milter"
        plain = Edge("smtpd:milter", "smtpd", "postfix", "milter", CLIENT, speech, spec, spec)
        return plain._replace(**more)  # type: ignore[arg-type]

    def look(self, edge: Edge | None = None) -> EdgeState:
        """Look at the edge to the milter, or at another."""
        return EdgeLook(self.host, ()).state_of(edge or self.edge())


@contextmanager
def scene(peers: Peers) -> Iterator[Scene]:
    """Give a folder that everybody may pass."""
    if os.geteuid() != 0:
        give_up("only root can connect as another user")
    root = Path(tempfile.mkdtemp(prefix="edges-"))
    try:
        root.chmod(0o755)
        (root / "run").mkdir()
        made = Scene(root, peers)
        yield made
        made.end()
    finally:
        shutil.rmtree(root)


def give_acl(path: Path, *entries: tuple[int, int, int], name: str = ATTRIBUTE) -> None:
    """Give *path* an access control list of (tag, bits, number)."""
    content = struct.pack("<I", VERSION)
    content += b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, name, content)


def left_over(path: Path) -> None:
    """Leave a socket at *path* that nobody listens on."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    path.chmod(0o666)
