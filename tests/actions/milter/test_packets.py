"""Cutting a stream into packets: the same ones however it is cut, in bounded memory."""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.milter.codec import PACKET_LIMIT, PacketReader, Violation, packet

MEBIBYTE = 1 << 20

streams = st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(max_size=300)))


def everything(reader: PacketReader) -> list[tuple[bytes, bytes]]:
    found = []
    while (one := reader.next()) is not None:
        found.append(one)
    return found


def cut(pieces: list[bytes]) -> str:
    """Return the text of the violation that *pieces* come to, or nothing."""
    reader = PacketReader()
    try:
        for piece in pieces:
            reader.feed(piece)
            everything(reader)
    except Violation as violation:
        return str(violation)
    return ""


@given(streams, st.data())
def test_the_same_packets_come_out_however_the_stream_is_cut(
    packets: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(packet(letter, content) for letter, content in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader, found = PacketReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        found += everything(reader)
    assert found == packets
    assert reader.pending == 0


@given(st.lists(st.binary(max_size=64), max_size=30))
def test_any_bytes_give_packets_or_a_violation(pieces: list[bytes]) -> None:
    assert cut(pieces).isprintable()


@pytest.mark.parametrize("length", [0, PACKET_LIMIT + 1, 2**31, 2**32 - 1])
def test_an_impossible_length_is_a_violation_before_its_data_is_waited_for(length: int) -> None:
    reader = PacketReader()
    reader.feed(struct.pack(">I", length))
    with pytest.raises(Violation, match=rf"a packet claims {length} bytes"):
        reader.next()


def test_the_longest_packet_is_taken() -> None:
    reader = PacketReader()
    reader.feed(packet(b"b", b"x" * (PACKET_LIMIT - 1)))
    assert reader.next() == (b"b", b"x" * (PACKET_LIMIT - 1))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", "'HTTP/1.1 400 Bad Request'"),
        (b"220 mail.example.org ESMTP Postfix\r\n", "'220 mail.example.org ESMTP Postfix'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "'SSH-2.0-OpenSSH_9.2'"),
        (b"text\x1b[2J\x07", r"'text\x1b[2J\x07'"),
    ],
)
def test_a_peer_that_speaks_text_is_no_milter(said: bytes, shown: str) -> None:
    reader = PacketReader()
    reader.feed(said)
    with pytest.raises(Violation) as caught:
        reader.next()
    assert str(caught.value) == f"the peer is no milter; it says {shown}"


def test_memory_is_bounded_by_one_packet_and_one_read() -> None:
    """Reads as large as the transport's, 64 MiB in all, of the longest packets there are."""
    piece = packet(b"b", b"x" * (PACKET_LIMIT - 1))
    stream = memoryview(piece * 2)
    reader, taken = PacketReader(), 0
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(32):
            for start in range(0, len(stream), 65536):
                reader.feed(bytes(stream[start : start + 65536]))
                while reader.next():
                    taken += 1
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert taken == 64
    assert grown < 5 * MEBIBYTE
