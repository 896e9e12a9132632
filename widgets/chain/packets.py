"""The raw trace: every piece that went over a milter's socket, named and in hexadecimal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.codec import PacketReader, Violation
from widgets.ink import joined, said
from widgets.lines import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT = {
    b"O": "negotiate",
    b"D": "macros",
    b"C": "connect",
    b"H": "helo",
    b"M": "mail",
    b"R": "rcpt",
    b"T": "data",
    b"L": "header",
    b"N": "end of headers",
    b"B": "body",
    b"E": "end of message",
    b"U": "unknown command",
    b"A": "abort",
    b"Q": "quit",
}

RECEIVED = {
    b"O": "negotiated",
    b"c": "continue",
    b"a": "accept",
    b"r": "reject",
    b"t": "tempfail",
    b"d": "discard",
    b"s": "skip",
    b"f": "connection failure",
    b"4": "shut down",
    b"p": "progress",
    b"y": "reply code",
    b"h": "add header",
    b"i": "insert header",
    b"m": "change header",
    b"b": "replace body",
    b"e": "change sender",
    b"+": "add recipient",
    b"2": "add recipient with arguments",
    b"-": "delete recipient",
    b"q": "quarantine",
}

LONGEST = 2048
"""Bytes shown of one piece."""

ACROSS = 16
"""Bytes on one line."""


def packet_rows(trace: tuple[tuple[str, str, str], ...]) -> list[Row]:
    """Return the pieces of *trace* (milter, direction, hexadecimal) in their order."""
    names = _Names()
    rows: list[Row] = []
    for milter, way, text in trace:
        data = bytes.fromhex(text)
        arrow = "→" if way == ">" else "←"
        named = ", ".join(names.of(milter, way, data)) or "part of a packet"
        head = joined(said(f" {arrow} ", "accent"), said(milter, "bold"), said("  "))
        rows.append(Row(head, said(named), said(f"{len(data):,} bytes", "dim")))
        rows += [Row(said("   "), said(line)) for line in hex_lines(data[:LONGEST])]
        if len(data) > LONGEST:
            rows.append(Row(said("   "), said(f"… {len(data) - LONGEST:,} more bytes", "dim")))
        rows.append(Row())
    return rows or [Row(said(" "), said("Nothing went over a socket.", "dim"))]


def hex_lines(data: bytes) -> Iterator[str]:
    """Yield *data* with offsets, in hexadecimal and as text."""
    for start in range(0, len(data), ACROSS):
        piece = data[start : start + ACROSS]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        yield f"{start:04x}  {piece.hex(' '):{3 * ACROSS - 1}}  {text}"


class _Names:
    """Names packets; a packet may come in several pieces, and a piece may hold several."""

    def __init__(self) -> None:
        self._readers: dict[tuple[str, str], PacketReader | None] = {}

    def of(self, milter: str, way: str, data: bytes) -> list[str]:
        """Return the packets that end in *data*."""
        reader = self._readers.setdefault((milter, way), PacketReader())
        if reader is None:
            return ["no packet"]
        known = SENT if way == ">" else RECEIVED
        reader.feed(data)
        found: list[str] = []
        try:
            while packet := reader.next():
                found.append(known.get(packet[0], f"unknown {packet[0]!r}"))
        except Violation:
            self._readers[milter, way] = None
            found.append("no packet")
        return found
