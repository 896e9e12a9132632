"""Opening a session with what is no milter."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from actions.host.endpoint import Endpoint, parse_endpoint
from actions.milter.link import ChainSettings, Link, open_session
from actions.milter.transport import connect

if TYPE_CHECKING:
    import socket

    from tests.milters.peer import Peers


def after_it_closed(endpoint: Endpoint, timeout: float) -> socket.socket:
    """Connect, and wait until the peer has said all and gone."""
    link = connect(endpoint, timeout)
    hung_up = select.poll()
    hung_up.register(link, select.POLLHUP)
    assert hung_up.poll(timeout * 1000)
    return link


def opened_late(spec: str) -> str:
    link = Link("it", parse_endpoint(spec), after_it_closed)
    session, opened = open_session(link, ChainSettings({}), time.monotonic() + 5)
    assert session is None
    assert opened.trouble is not None
    return opened.trouble.text


def test_what_a_peer_said_before_it_closed_is_told(peers: Peers) -> None:
    peer = peers.start(lambda wire: wire.raw(b"220 mx.example.org ESMTP\r\n"))
    assert "no milter; it says '220 mx.example.org ESMTP'" in opened_late(peer.spec)


def test_one_that_said_nothing_closed(peers: Peers) -> None:
    assert opened_late(peers.start(lambda wire: None).spec) == "the milter closed the connection"
