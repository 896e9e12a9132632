"""What exactly goes over the wire, read by a raw peer on a real socket."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from actions.milter.connection import offer_of
from actions.milter.envelope import Client
from actions.milter.protocol import BODY_CHUNK
from tests.milters.driving import CLIENT, MESSAGE, Driven
from tests.milters.peer import Packet, Wire, macro_list, options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.milters.peer import Peer, Peers

ADDRESS = b"203.0.113.7\0"
PORT = struct.pack(">H", 40025)


def answering(
    answers: Mapping[bytes, Sequence[Packet]] | None = None, silent: bytes = b"", **chosen: Any
) -> Callable[[Wire], None]:
    """Return a peer that negotiates *chosen* and then serves with *answers*."""

    def behave(wire: Wire) -> None:
        wire.negotiate(options(**chosen))
        wire.serve(answers, silent)

    return behave


def heard(peer: Peer, *letters: bytes) -> list[bytes]:
    """Return the data of the packets of *letters*."""
    peer.finish()
    return [data for letter, data in peer.heard if letter in letters]


def events(peer: Peer) -> str:
    """Return the letters of everything but macros."""
    peer.finish()
    return b"".join(letter for letter, _ in peer.heard if letter != b"D").decode()


def macros_before(peer: Peer, event: bytes) -> list[bytes]:
    """Return the macros sent for *event*, each time."""
    return [data[1:] for data in heard(peer, b"D") if data[:1] == event]


class TestConnect:
    @pytest.mark.parametrize(
        ("client", "data"),
        [
            (CLIENT, b"client.example.net\x004" + PORT + ADDRESS),
            (CLIENT._replace(name=""), b"[203.0.113.7]\x004" + PORT + ADDRESS),
            (
                Client("six.example.net", "2001:db8::7", 40025, "inet6"),
                b"six.example.net\x006" + PORT + b"2001:db8::7\0",
            ),
            (
                Client("", "2001:db8::7", 40025, "inet6"),
                b"[2001:db8::7]\x006" + PORT + b"2001:db8::7\0",
            ),
            (Client("localhost", "/run/x", 0, "unix"), b"localhost\0L\0\0/run/x\0"),
            (Client("", "unknown", 0, "unknown"), b"unknown\0U"),
        ],
    )
    def test_name_family_port_and_address(self, peers: Peers, client: Client, data: bytes) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            assert driven.chain.connect(client) is None
        assert heard(peer, b"C") == [data]


class TestEnvelope:
    def test_addresses_wear_brackets_and_arguments_follow(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.greet()
            driven.mail("a@example.net", "SIZE=1000", "BODY=8BITMIME")
            driven.rcpt("b@example.org", "NOTIFY=NEVER")
            driven.chain.abort()
            driven.mail("")
        assert heard(peer, b"M") == [b"<a@example.net>\0SIZE=1000\0BODY=8BITMIME\0", b"<>\0"]
        assert heard(peer, b"R") == [b"<b@example.org>\0NOTIFY=NEVER\0"]
        assert heard(peer, b"H") == [b"client.example.net\0"]

    def test_the_queue_id_is_known_from_the_second_recipient_on(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.greet()
            driven.mail()
            driven.rcpt("x@example.org")
            driven.rcpt("y@example.org", queue="QUEUEID")
            driven.chain.data("QUEUEID")
            driven.content()
        first, second = macros_before(peer, b"R")
        assert b"i\0" not in macros_before(peer, b"M")[0]
        assert not first.startswith(b"i\0")
        assert second.startswith(b"i\0QUEUEID\0")
        for event in (b"T", b"L", b"N", b"B", b"E"):
            assert set(macros_before(peer, event)) == {b"i\0QUEUEID\0"}

    def test_the_next_message_has_a_queue_id_of_its_own(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything()
            driven.mail()
        assert not any(data.startswith(b"i\0") for data in macros_before(peer, b"M"))

    def test_of_an_unknown_command_the_first_word_is_told(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.greet()
            driven.chain.unknown("XYZZY now")
        assert heard(peer, b"U") == [b"XYZZY\0"]
        assert macros_before(peer, b"U") == [b""]


class TestRefusedRecipients:
    REFUSAL = "550 5.1.1 <nobody@example.org>: User unknown"

    def test_they_are_told_to_those_that_asked_only(self, peers: Peers) -> None:
        asked, other = peers.start(answering(steps=0x800)), peers.start(answering())
        with Driven(asked.spec, other.spec) as driven:
            driven.greet()
            driven.mail()
            driven.rcpt("nobody@example.org", refused=self.REFUSAL)
            driven.rcpt()
            driven.chain.data()
            outcome = driven.content()
        assert heard(asked, b"R") == [b"<nobody@example.org>\0", b"<b@example.org>\0"]
        assert heard(other, b"R") == [b"<b@example.org>\0"]
        assert b"{rcpt_mailer}\0error\0" in macros_before(asked, b"R")[0]
        assert outcome.envelope.recipients == (b"b@example.org",)

    @pytest.mark.parametrize("letter", [b"r", b"t", b"d", b"a"])
    def test_nothing_comes_of_the_answer(self, peers: Peers, letter: bytes) -> None:
        peer = peers.start(answering({b"R": [(letter, b"")]}, steps=0x800))
        with Driven(peer.spec) as driven:
            driven.greet()
            driven.mail()
            assert driven.rcpt("nobody@example.org", refused=self.REFUSAL) is None
            assert driven.chain.data() is None
            assert driven.content().action == "deliver"


class TestContent:
    def test_headers_go_one_by_one_without_the_mtas_own(self, peers: Peers) -> None:
        message = b"Subject:  two spaces\nX-Tab:\ttab\nX-Fold: one\n\ttwo\n  three\nX-None:\n\n"
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything(message)
        assert heard(peer, b"L") == [
            b"Subject\0 two spaces\0",
            b"X-Tab\0\ttab\0",
            b"X-Fold\0one\n\ttwo\n  three\0",
            b"X-None\0\0",
        ]

    def test_the_leading_space_is_kept_for_those_that_asked(self, peers: Peers) -> None:
        peer = peers.start(answering(steps=0x100000))
        with Driven(peer.spec) as driven:
            driven.everything()
        assert heard(peer, b"L") == [b"From\0 a@example.net\0", b"Subject\0 the subject\0"]

    def test_the_body_goes_in_chunks_of_65535_bytes_and_the_end_is_empty(
        self, peers: Peers
    ) -> None:
        body = b"".join(b"line %07d\r\n" % number for number in range(14_000))
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything(b"A: b\r\n\r\n" + body)
        chunks = heard(peer, b"B")
        assert [len(chunk) for chunk in chunks] == [BODY_CHUNK] * 2 + [len(body) - 2 * BODY_CHUNK]
        assert b"".join(chunks) == body
        assert heard(peer, b"E") == [b""]

    def test_an_empty_body_has_no_chunk(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything(b"A: b\n\n")
        assert events(peer) == "OCHMRTLNEAAQ"

    def test_macros_precede_every_event_of_the_content(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything(MESSAGE + b"x" * 2 * BODY_CHUNK)
        peer.finish()
        letters = b"".join(
            letter if letter != b"D" else letter + data[:1] for letter, data in peer.heard
        )
        assert (
            letters
            == b"O" + b"".join(b"D%c%c" % (letter, letter) for letter in b"CHMRTLLNBBBE") + b"AAQ"
        )


class TestEnding:
    def test_rset_sends_one_abort(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.greet()
            driven.mail()
            driven.rcpt()
            driven.chain.abort()
        assert events(peer) == "OCHMRAAQ"

    def test_a_message_ends_with_an_abort_and_the_reset_after_it_sends_another(
        self, peers: Peers
    ) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything()
            driven.chain.abort()
        assert events(peer) == "OCHMRTLLNBEAAQ"

    def test_one_that_accepted_the_message_is_aborted_as_well(self, peers: Peers) -> None:
        peer = peers.start(answering({b"M": [(b"a", b"")]}))
        with Driven(peer.spec) as driven:
            driven.everything()
        assert events(peer) == "OCHMAAQ"

    @pytest.mark.parametrize("letter", [b"a", b"r", b"t", b"4"])
    def test_one_that_is_done_at_connect_is_closed_without_a_word(
        self, peers: Peers, letter: bytes
    ) -> None:
        peer = peers.start(answering({b"C": [(letter, b"")]}))
        with Driven(peer.spec) as driven:
            driven.chain.connect(CLIENT)
            peer.finish()
            assert events(peer) == "OC"

    def test_one_connection_serves_the_whole_session(self, peers: Peers) -> None:
        peer = peers.start(answering())
        with Driven(peer.spec) as driven:
            driven.everything()
            driven.mail()
            driven.chain.abort()
            driven.mail()
        assert events(peer) == "OCHMRTLLNBEAMAMAAQ"
        assert len(peer.wires) == 1


class TestNegotiated:
    def test_unwanted_events_are_not_sent_but_their_macros_are(self, peers: Peers) -> None:
        peer = peers.start(answering(steps=0x1 | 0x2 | 0x4 | 0x8 | 0x200))
        with Driven(peer.spec) as driven:
            driven.everything()
        assert events(peer) == "OLLNBEAAQ"
        told = b"".join(data[:1] for data in heard(peer, b"D"))
        assert told == b"CHMRT" + b"LLNBE"
        assert macros_before(peer, b"C")[0].startswith(b"j\0mx.example.org\0")

    def test_unwanted_content_is_not_sent_nor_its_macros(self, peers: Peers) -> None:
        peer = peers.start(answering(steps=0x10 | 0x20 | 0x40))
        with Driven(peer.spec) as driven:
            driven.everything()
        assert events(peer) == "OCHMRTEAAQ"
        assert b"".join(data[:1] for data in heard(peer, b"D")) == b"CHMRTE"

    def test_no_reply_is_waited_for_where_none_comes(self, peers: Peers) -> None:
        steps = 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x40000 | 0x80000
        peer = peers.start(answering({}, b"CHMRTLNBU", steps=steps))
        with Driven(peer.spec) as driven:
            driven.greet()
            driven.chain.unknown("XYZZY")
            driven.mail()
            driven.rcpt()
            driven.chain.data()
            assert driven.content().action == "deliver"
        assert events(peer) == "OCHUMRTLLNBEAAQ"

    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            (2, "OCHMRLLNBEAAQ"),
            (3, "OCHUMRLLNBEAAQ"),
            (4, "OCHUMRTLLNBEAAQ"),
            (6, "OCHUMRTLLNBEAAQ"),
        ],
    )
    @pytest.mark.parametrize("by_milter", [True, False])
    def test_an_older_version_gets_what_it_knows(
        self, peers: Peers, version: int, expected: str, by_milter: bool
    ) -> None:
        offer = offer_of(6 if by_milter else version)
        peer = peers.start(answering(version=version, actions=0, steps=0))
        with Driven(peer.spec, offer=offer) as driven:
            driven.greet()
            driven.chain.unknown("XYZZY")
            driven.mail()
            driven.rcpt()
            driven.chain.data()
            assert driven.content().action == "deliver"
        assert events(peer) == expected
        offered = struct.unpack(">III", heard(peer, b"O")[0])
        assert offered == (offer.version, offer.actions, offer.steps)

    def test_the_milters_own_lists_are_obeyed(self, peers: Peers) -> None:
        lists = macro_list(0, "v") + macro_list(2, "") + macro_list(6, "j i")

        def behave(wire: Wire) -> None:
            wire.negotiate(options(lists=lists))
            wire.serve()

        peer = peers.start(behave)
        with Driven(peer.spec) as driven:
            driven.everything()
        assert macros_before(peer, b"C") == [b"v\0Postfix 3.7.11\0"]
        assert b"{mail_addr}\0a@example.net\0" in macros_before(peer, b"M")[0]
        assert macros_before(peer, b"N") == [b"j\0mx.example.org\0i\0QUEUEID\0"]
        assert set(macros_before(peer, b"L")) == {b"j\0mx.example.org\0i\0QUEUEID\0"}
        assert macros_before(peer, b"E") == [b"i\0QUEUEID\0"]

    def test_each_milter_has_its_own_negotiation(self, peers: Peers) -> None:
        bare = peers.start(answering(steps=0x7F))
        full = peers.start(answering())
        with Driven(bare.spec, full.spec) as driven:
            driven.everything()
        assert (events(bare), events(full)) == ("OTEAAQ", "OCHMRTLLNBEAAQ")


class TestClientMacros:
    def test_they_say_who_connects_by_tls_and_as_whom(self, peers: Peers) -> None:
        peer = peers.start(answering())
        client = CLIENT._replace(
            tls_version="TLSv1.3",
            cipher="AES",
            cipher_bits="256",
            auth_type="PLAIN",
            auth_name="user",
            auth_author="boss",
        )
        with Driven(peer.spec) as driven:
            driven.chain.connect(client)
            driven.chain.helo("h")
            driven.mail()
        assert macros_before(peer, b"C")[0].endswith(b"_\0client.example.net [203.0.113.7]\0")
        assert macros_before(peer, b"H") == [
            b"{tls_version}\0TLSv1.3\0{cipher}\0AES\0{cipher_bits}\x00256\0"
        ]
        assert macros_before(peer, b"M")[0].startswith(
            b"{auth_type}\0PLAIN\0{auth_authen}\0user\0{auth_author}\0boss\0"
        )
