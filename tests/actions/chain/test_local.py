"""``--profile local``: mail that a program on the host hands in; see also the golden tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.actions.chain.command import chain_test

if TYPE_CHECKING:
    from tests.milters.peer import Peer, Peers, Wire


def asked(peer: Peer, *options: str) -> Any:
    done = chain_test("--profile", "local", "--milter", peer.spec, "--json", *options)
    return json.loads(done.stdout)


def heard(peer: Peer, letter: bytes) -> list[bytes]:
    return [data for found, data in peer.heard if found == letter]


def macros(peer: Peer, event: bytes) -> dict[bytes, bytes]:
    parts = next(data for data in heard(peer, b"D") if data[:1] == event)[1:].split(b"\0")[:-1]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def answering(peers: Peers, **answers: tuple[bytes, bytes]) -> Peer:
    given = {letter.encode(): (packet,) for letter, packet in answers.items()}

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.serve(given)

    return peers.start(behave)


def test_the_milter_is_told_of_a_client_on_this_host(peers: Peers) -> None:
    peer = answering(peers)
    assert asked(peer)["status"] == "pass"
    assert heard(peer, b"C") == [b"localhost\x004\0\x00127.0.0.1\0"]
    assert heard(peer, b"H") == [b"localhost\0"]
    assert macros(peer, b"C")[b"{daemon_addr}"] == b"127.0.0.1"


def test_addresses_come_bare_and_the_queue_id_at_once(peers: Peers) -> None:
    peer = answering(peers)
    asked(peer, "--recipient", "r@example.net")
    assert heard(peer, b"M") == [b"user@example.org\0"]
    assert heard(peer, b"R") == [b"r@example.net\0"]
    assert macros(peer, b"M")[b"i"] == macros(peer, b"E")[b"i"]
    assert macros(peer, b"M").keys() == {b"i", b"{mail_addr}"}


def test_the_session_ends_with_the_message(peers: Peers) -> None:
    peer = answering(peers)
    asked(peer)
    assert b"".join(letter for letter, _ in peer.heard if letter in b"AEQ") == b"EQ"


def test_one_refused_recipient_keeps_the_whole_message(peers: Peers) -> None:
    peer = answering(peers, R=(b"r", b""))
    report = asked(peer, "--recipient", "a@example.net", "--recipient", "b@example.net")
    assert report["status"] == "temporary-failure"
    assert report["reply"] == "451 4.3.5 Server configuration error"
    assert len(heard(peer, b"R")) == 1


def test_a_refused_message_is_refused(peers: Peers) -> None:
    assert asked(answering(peers, E=(b"r", b"")))["status"] == "reject"


def test_shutdown_loses_the_message(peers: Peers) -> None:
    assert asked(answering(peers, M=(b"4", b"")))["status"] == "discard"
