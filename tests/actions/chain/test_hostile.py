"""Peers that lie, stall, close and flood: the test ends in time and says what happened."""

from __future__ import annotations

import http.server
import socket
import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from actions.action import Exit
from tests.milters.asking import ask
from tests.milters.peer import Peers, Wire, frame, options
from tests.milters.running import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.chain.report import ChainReport

EVENTS = (b"C", b"H", b"M", b"R", b"T", b"L", b"N", b"B", b"E")
"""Every event of a session, by its letter."""

STAGES = dict(
    zip(
        EVENTS,
        ("connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body", "end"),
        strict=True,
    )
)

NO_MILTER = "the peer is no milter; it says "


def undecided(report: ChainReport, *, because: str, kind: str) -> bool:
    """Assert that *report* claims nothing and says why."""
    assert report.status == "undecided"
    assert report.exit_code == Exit.UNDECIDED
    assert report.milters[0].trouble
    assert (report.because, report.milters[0].trouble.kind) == (because, kind)
    return True


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Assert that the block takes at most *seconds*."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def at(event: bytes, then: Callable[[Wire], None]) -> Callable[[Wire], None]:
    """Return a peer that behaves up to *event*, and then does *then*."""

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.until(event)
        then(wire)

    return behave


def obliging(wire: Wire) -> None:
    """Continue through everything."""
    wire.negotiate()
    wire.serve()


class TestLies:
    @pytest.mark.parametrize("length", [0, (1 << 20) + 1, 0xFFFFFFFF])
    @pytest.mark.parametrize("event", [b"M", b"E"])
    def test_a_false_length_is_told(self, peers: Peers, event: bytes, length: int) -> None:
        peer = peers.start(at(event, lambda wire: wire.raw(struct.pack(">I", length) + b"c")))
        report = ask(peer.spec)
        assert undecided(
            report,
            because=f"a packet claims {length} bytes; 1 to 1048576 are possible",
            kind="protocol",
        )
        assert report.decided_at
        assert report.decided_at.value == STAGES[event]

    def test_a_false_length_in_the_negotiation_is_told(self, peers: Peers) -> None:
        peer = peers.start(lambda wire: wire.raw(b"\xff\xff\xff\xff"))
        because = "a packet claims 4294967295 bytes; 1 to 1048576 are possible"
        assert undecided(ask(peer.spec), because=because, kind="protocol")

    @pytest.mark.parametrize(
        ("packet", "because"),
        [
            (frame(b"Z", b"abc"), "unexpected reply 'Z' of 3 bytes"),
            (frame(b"\x1b"), r"unexpected reply '\x1b' of 0 bytes"),
            (frame(b"c", b"x"), "unexpected reply 'c' of 1 bytes"),
            (frame(b"y", b"no code\0"), "malformed reply code 'no code'"),
            (frame(b"h", b"X"), "malformed add header"),
            (options(), "the milter answers where no answer is owed"),
        ],
    )
    def test_a_bad_packet_is_told(self, peers: Peers, packet: bytes, because: str) -> None:
        peer = peers.start(at(b"E", lambda wire: wire.raw(packet)))
        assert undecided(ask(peer.spec), because=because, kind="protocol")

    def test_a_milter_that_wants_more_than_was_offered_is_told(self, peers: Peers) -> None:
        peer = peers.start(lambda wire: wire.negotiate(options(7)))
        because = "the milter wants protocol version 7; 6 was offered"
        assert undecided(ask(peer.spec), because=because, kind="protocol")

    def test_a_failure_of_its_own_is_told(self, peers: Peers) -> None:
        peer = peers.start(at(b"R", lambda wire: wire.send(b"f")))
        because = "the milter reports a failure of its own (SMFIR_CONN_FAIL)"
        assert undecided(ask(peer.spec), because=because, kind="protocol")


class TestNoMilter:
    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request"),
            (b"220 mail.example.org ESMTP\r\n", "220 mail.example.org ESMTP"),
        ],
    )
    def test_a_server_that_speaks_text_is_told(self, peers: Peers, said: bytes, shown: str) -> None:
        peer = peers.start_tcp(lambda wire: wire.raw(said))
        report = ask(peer.spec)
        assert undecided(report, because=f"{NO_MILTER}{shown!r}", kind="protocol")
        assert report.decided_at is None

    def test_an_http_server_that_waits_for_a_request_does_not_pass(self) -> None:
        handler = http.server.BaseHTTPRequestHandler
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            report = ask(f"inet:127.0.0.1:{server.server_port}", all_timeouts=0.3)
            server.shutdown()
        assert undecided(report, because="no reply within 0.3 s", kind="timeout")

    def test_nobody_at_a_tcp_port_is_told(self) -> None:
        report = ask(f"inet:127.0.0.1:{free_port()}")
        assert undecided(report, because="Connection refused", kind="connection")

    def test_a_name_that_no_host_can_have_is_told(self) -> None:
        report = ask(f"inet:{'a' * 70}:1234")
        because = f"{'a' * 70!r} can't be the name of a host"
        assert undecided(report, because=because, kind="connection")

    def test_a_file_that_is_no_socket_is_told(self, peers: Peers) -> None:
        path = peers.path("file")
        with open(path, "wb"):
            report = ask(f"unix:{path}")
        assert undecided(report, because="Connection refused", kind="connection")


class TestSilence:
    @pytest.mark.parametrize("event", [b"C", b"B", b"E"])
    def test_it_ends_at_the_timeout(self, peers: Peers, event: bytes) -> None:
        peer = peers.start(at(event, Wire.wait_for_close))
        with ends_within(2.0):
            report = ask(peer.spec, all_timeouts=0.3)
        assert undecided(report, because="no reply within 0.3 s", kind="timeout")
        assert report.decided_at
        assert report.decided_at.value == STAGES[event]

    def test_it_ends_in_the_negotiation_too(self, peers: Peers) -> None:
        peer = peers.start(Wire.wait_for_close)
        report = ask(peer.spec, reading_timeout=0.3)
        assert undecided(report, because="no reply within 0.3 s", kind="timeout")

    def test_end_of_message_has_a_timeout_of_its_own(self, peers: Peers) -> None:
        peer = peers.start(at(b"E", Wire.wait_for_close))
        report = ask(peer.spec, end_of_message_timeout=0.3)
        assert undecided(report, because="no reply within 0.3 s", kind="timeout")

    def test_a_listener_that_never_accepts_is_told(self, peers: Peers) -> None:
        """The kernel makes one connection all the same; the next one waits in vain."""
        path = peers.path("unaccepting")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(0)
            first = ask(f"unix:{path}", all_timeouts=0.2)
            second = ask(f"unix:{path}", connection_timeout=0.2)
            with ends_within(2.0):
                third = ask(f"unix:{path}", deadline=0.3)
        assert undecided(first, because="no reply within 0.2 s", kind="timeout")
        because = "nobody accepted the connection within 0.2 s"
        assert undecided(second, because=because, kind="connection")
        because = "nobody accepted the connection within 0.3 s"
        assert undecided(third, because=because, kind="connection")


class TestSlowness:
    @staticmethod
    def drip(wire: Wire, data: bytes, pause: float) -> None:
        for byte in data:
            wire.raw(bytes([byte]))
            time.sleep(pause)

    def test_slow_bytes_end_at_the_deadline(self, peers: Peers) -> None:
        """Each byte comes in time, the packet never: only the whole test's limit ends it."""
        packet = frame(b"b", b"x" * 1000)
        peer = peers.start(at(b"E", lambda wire: self.drip(wire, packet, 0.05)))
        with ends_within(2.0):
            report = ask(peer.spec, all_timeouts=0.3, deadline=0.8)
        assert undecided(
            report, because="the time allowed for the whole test is over", kind="timeout"
        )

    def test_slow_bytes_that_come_to_an_answer_are_no_trouble(self, peers: Peers) -> None:
        def behave(wire: Wire) -> None:
            wire.read()
            self.drip(wire, options(steps=0x7F & ~0x40), 0.01)
            wire.serve()

        assert ask(peers.start(behave).spec, all_timeouts=0.3).status == "pass"

    def test_endless_progress_ends_at_the_deadline(self, peers: Peers) -> None:
        def forever(wire: Wire) -> None:
            while True:
                wire.raw(frame(b"p") * 100)

        peer = peers.start(at(b"E", forever))
        with ends_within(2.0):
            report = ask(peer.spec, deadline=0.6)
        assert undecided(
            report, because="the time allowed for the whole test is over", kind="timeout"
        )

    def test_progress_extends_the_timeout(self, peers: Peers) -> None:
        def late(wire: Wire) -> None:
            for _ in range(5):
                time.sleep(0.15)
                wire.send(b"p")
            wire.send(b"a")
            wire.serve()

        report = ask(peers.start(at(b"E", late)).spec, all_timeouts=0.4)
        assert report.milters[0].verdict == "accept"
        assert report.milters[0].exchanges[-1].progress == 5
        assert "milters asked for more time 5 times" in report.notes


class TestClosing:
    CLOSED = "the milter closed the connection"

    @pytest.mark.parametrize("event", EVENTS)
    def test_at_each_event_it_is_told(self, peers: Peers, event: bytes) -> None:
        report = ask(peers.start(at(event, lambda _: None)).spec)
        assert undecided(report, because=self.CLOSED, kind="closed")
        assert report.decided_at
        assert report.decided_at.value == STAGES[event]

    @pytest.mark.parametrize("event", EVENTS)
    def test_a_reset_is_told_too(self, peers: Peers, event: bytes) -> None:
        report = ask(peers.start_tcp(at(event, Wire.reset)).spec)
        assert undecided(report, because=self.CLOSED, kind="closed")

    def test_at_once_it_is_told(self, peers: Peers) -> None:
        report = ask(peers.start(lambda _: None).spec)
        assert undecided(report, because=self.CLOSED, kind="closed")
        assert report.decided_at is None

    @pytest.mark.parametrize("part", [b"\0", b"\0\0\0\x05", frame(b"y", b"550 5.7.1 n")[:-1]])
    def test_in_the_middle_of_a_packet_it_is_told(self, peers: Peers, part: bytes) -> None:
        report = ask(peers.start(at(b"E", lambda wire: wire.raw(part))).spec)
        assert undecided(report, because=self.CLOSED, kind="closed")

    def test_after_some_edits_the_message_is_not_taken_for_filtered(self, peers: Peers) -> None:
        peer = peers.start(at(b"E", lambda wire: wire.send(b"h", b"X-Half\0done\0")))
        report = ask(peer.spec)
        assert undecided(report, because=self.CLOSED, kind="closed")
        assert [edit.name for edit in report.milters[0].edits] == ["X-Half"]


class TestDesync:
    def test_answers_nobody_asked_for_are_told(self, peers: Peers) -> None:
        report = ask(peers.start(at(b"M", lambda wire: wire.raw(frame(b"c") * 2))).spec)
        assert undecided(report, because="the milter answered more than once", kind="protocol")

    def test_a_flood_of_answers_is_told(self, peers: Peers) -> None:
        def flood(wire: Wire) -> None:
            while True:
                wire.raw(frame(b"c") * 1000)

        report = ask(peers.start(at(b"C", flood)).spec)
        assert undecided(report, because="the milter answered more than once", kind="protocol")

    def test_the_milter_after_a_broken_one_is_not_asked(self, peers: Peers) -> None:
        broken = peers.start(at(b"M", lambda wire: wire.send(b"Z")))
        second = peers.start(obliging)
        report = ask(broken.spec, second.spec)
        assert undecided(report, because="unexpected reply 'Z' of 0 bytes", kind="protocol")
        second.finish()
        assert [letter for letter, _ in second.heard] == [
            b"O",
            *(b"D", b"C", b"D", b"H"),
            *(b"A", b"A", b"Q"),  # for the sender that was refused, and for the HELO
        ]
