"""Raw peers: threads behind a socket that speak bytes, right or wrong, as a test tells them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import tempfile
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PATIENCE = 20.0

Packet = tuple[bytes, bytes]


def frame(letter: bytes, data: bytes = b"") -> bytes:
    """Return a packet, written here once more so that the engine's own is not its measure."""
    return struct.pack(">I", len(data) + 1) + letter + data


def options(version: int = 6, actions: int = 0x1FF, steps: int = 0, lists: bytes = b"") -> bytes:
    """Return the answer to the negotiation."""
    return frame(b"O", struct.pack(">III", version, actions, steps) + lists)


def macro_list(stage: int, names: str) -> bytes:
    """Return one entry of SETSYMLIST."""
    return struct.pack(">I", stage) + names.encode() + b"\0"


class Wire:
    """One connection, seen from the milter's side."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.heard: list[Packet] = []
        """Every packet that was read, in order."""
        self._bytes = b""

    def read(self) -> Packet:
        """Return the next packet; raises `EOFError` where the client has closed."""
        (length,) = struct.unpack(">I", self._take(4))
        data = self._take(length)
        self.heard.append((data[:1], data[1:]))
        return self.heard[-1]

    def raw(self, data: bytes) -> None:
        """Send *data*."""
        self.link.sendall(data)

    def send(self, letter: bytes, data: bytes = b"") -> None:
        """Send a packet."""
        self.raw(frame(letter, data))

    def negotiate(self, answer: bytes | None = None) -> None:
        """Read the offer and answer it."""
        assert self.read()[0] == b"O"
        self.raw(options() if answer is None else answer)

    def until(self, letter: bytes, *, answering: bool = True) -> bytes:
        """Continue through everything up to the event *letter*; return that one's data."""
        while True:
            found, data = self.read()
            if found == letter:
                return data
            if answering and found not in b"DAQ":
                self.send(b"c")

    def serve(
        self, answers: Mapping[bytes, Sequence[Packet]] | None = None, silent: bytes = b""
    ) -> None:
        """Answer everything to the end of the session.

        Args:
            answers: by letter, the packets that answer it; "continue" where none are given.
            silent: letters of events that are not answered.
        """
        with contextlib.suppress(EOFError, ConnectionError):
            while (letter := self.read()[0]) != b"Q":
                if letter not in b"DA" + silent:
                    for packet in (answers or {}).get(letter, ((b"c", b""),)):
                        self.send(*packet)

    def wait_for_close(self) -> None:
        """Read until the client closes."""
        with contextlib.suppress(ConnectionError):
            while self.link.recv(65536):
                pass

    def reset(self) -> None:
        """Close so that the client meets ECONNRESET."""
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.link.close()

    def _take(self, size: int) -> bytes:
        while len(self._bytes) < size:
            more = self.link.recv(65536)
            if not more:
                raise EOFError
            self._bytes += more
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken


class Peer:
    """A listener that gives every connection to *behave*, in a thread of its own."""

    def __init__(self, listener: socket.socket, spec: str, behave: Callable[[Wire], None]) -> None:
        self.spec = spec
        self.wires: list[Wire] = []
        """Every connection so far."""
        self.trouble: list[BaseException] = []
        self._listener = listener
        self._behave = behave
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def heard(self) -> list[Packet]:
        """The packets of the first connection."""
        return self.wires[0].heard

    def end(self) -> None:
        """Close everything and wait for the threads."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for wire in self.wires:
            with contextlib.suppress(OSError):
                wire.link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a peer does not end"
        self._listener.close()

    def finish(self) -> None:
        """Wait until every connection so far is over."""
        for thread in self._threads[1:]:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            wire = Wire(link)
            self.wires.append(wire)
            thread = threading.Thread(target=self._run, args=(wire,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, wire: Wire) -> None:
        with wire.link:
            try:
                self._behave(wire)
            except (EOFError, ConnectionError, TimeoutError):
                return  # the client went first
            except BaseException as error:  # noqa: BLE001  (shown by the test that ends us)
                self.trouble.append(error)


class Peers:
    """Starts peers, and ends all that it started."""

    def __init__(self) -> None:
        self._root = tempfile.mkdtemp(prefix="peers-")
        self._started: list[Peer] = []

    def start(self, behave: Callable[[Wire], None]) -> Peer:
        """Start a peer on a unix socket."""
        return self.start_at(f"{self._root}/{len(self._started)}", behave)

    def start_at(self, path: str, behave: Callable[[Wire], None]) -> Peer:
        """Start a peer on the unix socket *path*, which stays when it ends."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        return self._keep(Peer(listener, f"unix:{path}", behave))

    def start_tcp(self, behave: Callable[[Wire], None]) -> Peer:
        """Start a peer on a TCP port of the loopback."""
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        return self._keep(Peer(listener, f"inet:127.0.0.1:{port}", behave))

    def path(self, name: str) -> str:
        """Return a path for a socket of the test's own."""
        return f"{self._root}/{name}"

    def end(self) -> None:
        """End every peer; raises what went wrong in one."""
        for peer in self._started:
            peer.end()
        shutil.rmtree(self._root)
        for peer in self._started:
            for error in peer.trouble:
                raise error

    def _keep(self, peer: Peer) -> Peer:
        self._started.append(peer)
        return peer
