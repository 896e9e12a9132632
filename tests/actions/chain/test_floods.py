"""Too much, or too little reading: memory stays bounded, cancelling works, TCP is not slow."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from actions.action import Cancelled, Exit
from actions.host.endpoint import parse_endpoint
from actions.milter import connection as limits
from actions.milter.transport import Timeouts, connect
from tests.milters.asking import ask
from tests.milters.peer import Peers, Wire, frame, options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions.chain.report import ChainReport

MEBIBYTE = 1 << 20
UNANSWERED_CONTENT = 0x80 | 0x40000 | 0x80000
OVER = "the time allowed for the whole test is over"


def flood(*packets: bytes) -> Callable[[Wire], None]:
    """Return a peer that sends *packets* for ever at end of message."""
    burst = b"".join(packets)
    burst *= max(1, 65536 // len(burst))

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"E")
        while True:
            wire.raw(burst)

    return behave


def growth(run: Callable[[], ChainReport]) -> tuple[ChainReport, int]:
    """Return the report of *run*, and by how many bytes memory grew at most."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        report = run()
        return report, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


class TestMemory:
    @pytest.fixture(autouse=True)
    def warm(self, peers: Peers) -> None:
        """Import all that a session imports, so that it is not counted."""
        ask(peers.start(lambda wire: None).spec, trace=True)

    def test_endless_progress_takes_no_memory(self, peers: Peers) -> None:
        peer = peers.start(flood(frame(b"p")))
        report, grown = growth(lambda: ask(peer.spec, deadline=0.8))
        assert (report.status, report.because) == ("undecided", OVER)
        asked = report.milters[0].exchanges[-1].progress
        assert asked > 1000
        assert f"milters asked for more time {asked} times" in report.notes
        assert grown < 2 * MEBIBYTE

    def test_a_trace_of_a_flood_ends_before_memory_does(
        self, peers: Peers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("actions.chain.run.TRACE_LIMIT", MEBIBYTE)
        peer = peers.start(flood(frame(b"b", b"x" * 1000)))
        report = ask(peer.spec, trace=True)
        assert report.trace[-1][2] == "… the trace ends here, at 1 MiB"
        shown = sum(len(data) for _, _, data in report.trace)
        assert 2 * MEBIBYTE < shown < 3 * MEBIBYTE + 100  # three characters a byte

    def test_endless_edits_end_at_their_number(self, peers: Peers) -> None:
        peer = peers.start(flood(frame(b"h", b"X-Flood\0value\0")))
        report, grown = growth(lambda: ask(peer.spec))
        assert report.status == "undecided"
        assert report.exit_code == Exit.UNDECIDED
        assert report.because.startswith(f"more than {limits.EDIT_LIMIT} edits")
        assert grown < 24 * MEBIBYTE

    def test_endless_edits_end_at_their_size(
        self, peers: Peers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "EDIT_BYTES_LIMIT", 16 * MEBIBYTE)
        peer = peers.start(flood(frame(b"b", b"x" * 65535)))
        report, grown = growth(lambda: ask(peer.spec))
        assert report.status == "undecided"
        assert report.because.endswith(f"or {16 * MEBIBYTE} bytes of them")
        assert grown < 24 * MEBIBYTE

    def test_replies_of_a_mebibyte_are_held_once_each(self, peers: Peers) -> None:
        reply = frame(b"y", b"550 5.7.1 " + b"x" * (MEBIBYTE - 20) + b"\0")

        def behave(wire: Wire) -> None:
            wire.negotiate()
            wire.until(b"R")
            wire.raw(reply)
            wire.serve()

        peer = peers.start(behave)
        report, grown = growth(lambda: ask(peer.spec))
        assert report.status == "reject"
        assert len(report.reply or report.recipients[0].reply) > MEBIBYTE - 100
        assert grown < 12 * MEBIBYTE


class TestNeverReading:
    def test_a_body_of_25_mb_ends_at_the_write_timeout(self, peers: Peers, tmp_path: Path) -> None:
        message = tmp_path / "large.eml"
        message.write_bytes(b"Subject: large\n\n" + b"0123456789abcde\n" * (25 * MEBIBYTE // 16))

        def behave(wire: Wire) -> None:
            wire.negotiate(options(steps=UNANSWERED_CONTENT))
            wire.until(b"T")
            wire.send(b"c")
            stopped.wait(20)

        stopped = threading.Event()
        peer = peers.start(behave)
        started = time.monotonic()
        report = ask(peer.spec, message=str(message), writing_timeout=0.5)
        took = time.monotonic() - started
        stopped.set()
        assert report.status == "undecided"
        assert report.exit_code == Exit.UNDECIDED
        assert report.because == "the milter does not read what it is sent"
        assert report.decided_at
        assert report.decided_at.value == "body"
        assert took < 6


class TestCancel:
    """The operator's cancel is obeyed within a second, whatever the milter is doing."""

    @staticmethod
    def cancelled(spec: str, **options: Any) -> float:
        """Cancel a test that hangs after 0.2 s; return how long it went on then."""
        cancel = threading.Event()
        at = []

        def press() -> None:
            at.append(time.monotonic())
            cancel.set()

        timer = threading.Timer(0.2, press)
        timer.start()
        with pytest.raises(Cancelled):
            ask(spec, cancel=cancel, **options)
        timer.join()
        return time.monotonic() - at[0]

    @pytest.mark.parametrize("event", [b"O", b"C", b"M", b"B", b"E"])
    def test_while_a_milter_hangs(self, peers: Peers, event: bytes) -> None:
        closed = threading.Event()

        def behave(wire: Wire) -> None:
            if event != b"O":
                wire.negotiate()
            wire.until(event)
            wire.wait_for_close()
            closed.set()

        assert self.cancelled(peers.start(behave).spec) < 1
        assert closed.wait(5), "the socket stayed open"

    def test_while_a_milter_does_not_read(self, peers: Peers, tmp_path: Path) -> None:
        message = tmp_path / "large.eml"
        message.write_bytes(b"Subject: large\n\n" + b"0123456789abcde\n" * (MEBIBYTE // 4))
        stopped = threading.Event()

        def behave(wire: Wire) -> None:
            wire.negotiate(options(steps=UNANSWERED_CONTENT))
            wire.until(b"T")
            wire.send(b"c")
            stopped.wait(20)
            wire.wait_for_close()

        peer = peers.start(behave)
        went_on = self.cancelled(peer.spec, message=str(message))
        stopped.set()
        peer.finish()
        assert went_on < 1

    def test_while_a_milter_floods(self, peers: Peers) -> None:
        assert self.cancelled(peers.start(flood(frame(b"p"))).spec) < 1

    def test_before_anything_was_sent(self, peers: Peers) -> None:
        cancel = threading.Event()
        cancel.set()
        peer = peers.start(lambda wire: None)
        with pytest.raises(Cancelled):
            ask(peer.spec, cancel=cancel)
        assert peer.wires == []

    def test_every_socket_of_a_chain_is_closed(self, peers: Peers) -> None:
        closed = [threading.Event(), threading.Event()]

        def first(wire: Wire) -> None:
            wire.negotiate()
            wire.serve()
            wire.wait_for_close()
            closed[0].set()

        def second(wire: Wire) -> None:
            wire.negotiate()
            wire.until(b"M")
            wire.wait_for_close()
            closed[1].set()

        assert self.cancelled(peers.start(first).spec) if False else True
        cancel = threading.Event()
        threading.Timer(0.2, cancel.set).start()
        with pytest.raises(Cancelled):
            ask(peers.start(first).spec, peers.start(second).spec, cancel=cancel)
        assert all(event.wait(5) for event in closed)


class TestTcp:
    def test_an_event_and_its_macros_come_in_one_piece_and_at_once(self, peers: Peers) -> None:
        """Sent apart, Nagle's algorithm would hold each event back for 40 ms."""
        pieces: list[bytes] = []

        def behave(wire: Wire) -> None:
            for piece in iter(lambda: wire.link.recv(65536), b""):
                pieces.append(piece)
                if piece[4:5] == b"O":
                    wire.raw(options())
                elif piece[4:5] == b"D":
                    wire.send(b"c")

        peer = peers.start_tcp(behave)
        started = time.perf_counter()
        report = ask(peer.spec)
        took = time.perf_counter() - started
        peer.finish()
        assert report.status == "pass"
        letters = b"".join(_letters(piece)[-1:] for piece in pieces if piece[4:5] == b"D")
        assert letters == b"CHMRT" + b"L" * 6 + b"NBE"
        assert took < 0.3

    def test_packets_are_not_held_back(self, peers: Peers) -> None:
        peer = peers.start_tcp(Wire.wait_for_close)
        with connect(parse_endpoint(peer.spec), Timeouts().connect) as link:
            assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def _letters(piece: bytes) -> bytes:
    found = b""
    while piece:
        length = int.from_bytes(piece[:4], "big")
        found += piece[4:5]
        piece = piece[4 + length :]
    return found
