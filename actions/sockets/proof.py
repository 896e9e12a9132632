"""The proof of an edge: its socket opened with its client's rights, and the first words said."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from actions.finding import Health
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError, NotPermitted
from actions.mailhost.asking import refusal
from actions.mailhost.greeting import speaker
from actions.mailhost.greeting.heard import Talk
from actions.mailhost.greeting.wire import Ended, Silent, Strange, Wire, quoted
from actions.mailhost.service import Listener
from actions.milter.codec import Violation
from actions.milter.connection import Connection, Offer
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.session import Trouble
from actions.milter.transport import connect
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.endpoint import Endpoint
    from actions.host.ports import Host
    from actions.mailhost.edges import Edge
    from actions.milter.transport import TroubleKind

PATIENCE = 5.0
"""Seconds that a healthy service has for a connection, and as many for its first answer."""

Met = Literal["", "refused", "name", "late", "reset", "closed", "silent", "strange", "unseen"]
"""What came of it. refused: the system let nobody connect · name: the host's name is not found ·
late: no connection in time · reset: closed before anything was read · closed: read, and closed ·
silent: no answer in time · strange: another protocol · unseen: it could not be tried."""

HEAD = 5
"""Bytes of a milter's packet before its data: the length, and the letter of its reply."""


class Proof(Record):
    """What came of opening one socket."""

    met: Met
    text: str = ""
    number: int = 0
    """The system's own number of what refused."""
    reply: str = ""
    """The letter that stood where a milter's reply has its own."""
    length: int = 0
    """The number that stood where a milter's reply has its length."""
    needs_root: bool = False
    """Whether root would see more."""
    health: Health = Health.OK
    """Of what answers: a service may take a connection and still refuse its work."""

    @property
    def trouble(self) -> Trouble | None:
        """What it met as reports tell it; None where it went well."""
        if not self.met:
            return None
        kinds: dict[Met, TroubleKind] = {
            "reset": "closed",
            "closed": "closed",
            "silent": "timeout",
            "strange": "protocol",
        }
        return Trouble(kinds.get(self.met, "connection"), self.text)


_SPOKEN: dict[Ended, Met] = {"late": "silent", "closed": "closed", "reset": "reset"}


def prove(host: Host, edge: Edge) -> Proof:
    """Open the socket of *edge* as its client does, and say the first words of its protocol."""
    try:
        link = _open(host, edge, seen_by_client(edge))
    except HostError as error:
        needs_root = isinstance(error, NotPermitted)
        return Proof("unseen", str(error), needs_root=needs_root)
    except socket.gaierror as error:
        return Proof("name", error.strerror or str(error), error.errno or 0)
    except TimeoutError as error:
        return Proof("late", error.strerror or str(error))
    except OSError as error:
        is_edges = isinstance(error, PermissionError) or bool(refusal(error))
        return Proof(
            "refused" if is_edges else "unseen", error.strerror or str(error), error.errno or 0
        )
    with Wire(link, time.monotonic() + PATIENCE, PATIENCE) as wire:
        return _spoken(edge, wire)


def seen_by_client(edge: Edge) -> Endpoint:
    """Return the endpoint of *edge* as its client sees it from inside of its chroot."""
    endpoint = parse_endpoint(edge.endpoint)
    root = edge.chroot.rstrip("/")
    if endpoint.family == "unix" and root and endpoint.place.startswith(f"{root}/"):
        return endpoint._replace(place=endpoint.place[len(root) :])
    return endpoint


def _open(host: Host, edge: Edge, endpoint: Endpoint) -> socket.socket:
    """Return a connection, made with the client's rights wherever these count."""
    if endpoint.family == "unix" and not edge.user:
        raise HostError(f"as whom {edge.client} connects is not known")
    try:
        if edge.user:
            return host.connect_as(edge.user, endpoint, PATIENCE, edge.chroot)
    except NotPermitted:
        # Anybody may connect to a port; whether a name is found depends on the chroot's files.
        if endpoint.family == "unix" or (edge.chroot and not _is_address(endpoint.place)):
            raise
    return connect(endpoint, PATIENCE)


def _is_address(place: str) -> bool:
    return ":" in place or place.replace(".", "").isdigit()


def _spoken(edge: Edge, wire: Wire) -> Proof:
    try:
        if edge.speech == "milter":
            return _negotiated(wire)
        if not edge.speech:
            return Proof("")
        listener = Listener(edge.endpoint, edge.speech)
        heard = speaker(edge.speech)(Talk(wire, listener, "localhost"))
    except Silent as silent:
        return Proof(_SPOKEN[silent.ended], str(silent))
    except Strange as strange:
        return Proof("strange", str(strange))
    return Proof("", heard.detail, health=heard.health)


def _negotiated(wire: Wire) -> Proof:
    """Negotiate as Postfix does (milter8.c), and quit."""
    connection = Connection(Offer(), DEFAULT_LISTS)
    unsent: Silent | None = None
    try:
        wire.send(connection.negotiate())
    except Silent as silent:
        # What it said before it closed tells better what it is.
        unsent = silent
    try:
        head = wire.exactly(HEAD)
    except Silent as silent:
        raise unsent or silent from silent
    length, letter = int.from_bytes(head[:4], "big"), head[-1:].decode("latin-1")
    try:
        connection.receive(head)
        if connection.next() is None:
            connection.receive(wire.exactly(length - 1))
            connection.next()
    except Violation as violation:
        said = (head + wire.unread()).split(b"\n")[0].rstrip(b"\r").decode("latin-1")
        readable = said.isascii() and said.isprintable()
        text = f"the peer is no milter; it says {quoted(said)}" if readable else str(violation)
        return Proof("strange", text, reply=letter, length=length)
    with suppress(Silent):
        wire.send(connection.quit())
    return Proof("")
