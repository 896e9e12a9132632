"""Packets of the milter protocol to bytes and back; no state but the bytes not yet whole.

A packet is a length (4 bytes, big-endian, of what follows), a letter, and its data. Every
byte that comes from a milter is untrusted.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from actions.milter.protocol import MACRO_STAGES
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PACKET_LIMIT = 1 << 20
"""The longest packet taken from a milter: the largest that any version negotiates (1 MiB)."""

MACRO_LIMIT = 256
"""Macros that a milter may ask for at one stage: they go back to it with every event."""

_LENGTH = struct.Struct(">I")
_NEGOTIATION = struct.Struct(">III")


class Violation(Exception):
    """The milter broke the protocol; the text says how."""


class BadReply(Violation):
    """The milter gave an SMTP reply that is none; Postfix tells this from other violations."""


class SmtpReply(Record):
    """A reply as the SMTP client would see it."""

    code: int
    lines: tuple[str, ...]
    """The text of each line, without the code, an enhanced status code included."""

    @property
    def text(self) -> str:
        """The reply in one line."""
        return f"{self.code} {' '.join(self.lines)}"


Decision = Literal[
    "continue", "accept", "reject", "tempfail", "discard", "skip", "failure", "shutdown"
]


class Reply(Record):
    """What a milter answered to an event."""

    decision: Decision
    smtp: SmtpReply | None = None
    """The exact reply where the milter gave one (REPLYCODE)."""


class Progress(Record):
    """The milter asks for more time."""


EditKind = Literal[
    "add header",
    "insert header",
    "change header",
    "delete header",
    "replace body",
    "change sender",
    "add recipient",
    "delete recipient",
    "quarantine",
]


class Edit(Record):
    """What a milter wants changed in the message, in its own bytes."""

    kind: EditKind
    name: bytes = b""
    """A header's name, or an address."""
    value: bytes = b""
    """A header's value, a piece of body, ESMTP arguments, or the reason of a quarantine."""
    position: int = 0
    """Where to insert, or which header of that name."""


class Chosen(Record):
    """A milter's answer in the negotiation."""

    version: int
    actions: int
    steps: int
    macro_lists: tuple[tuple[str, tuple[str, ...]], ...]
    """Stages, by their Postfix name, with the macros the milter asks for there."""


Incoming = Reply | Progress | Edit | Chosen


def packet(letter: bytes, data: bytes = b"") -> bytes:
    """Return the packet of *letter* with *data*."""
    return packet_head(letter, len(data)) + data


def packet_head(letter: bytes, size: int) -> bytes:
    """Return the packet of *letter* up to its data, which is of *size* bytes."""
    return _LENGTH.pack(size + 1) + letter


CONTINUE = packet(b"c")
"""The packet that nearly every reply is."""


def negotiation(version: int, actions: int, steps: int) -> bytes:
    """Return the offer that opens a session."""
    return packet(b"O", _NEGOTIATION.pack(version, actions, steps))


def macro_packet(command: bytes, values: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the macros that go before *command*; single letters unbraced, as Postfix does."""
    data = b"".join([b"%s\0%s\0" % (_macro_name(name), value) for name, value in values])
    return packet(b"D", command + data)


@lru_cache(maxsize=256)
def _macro_name(name: str) -> bytes:
    raw = name.encode("utf-8", "surrogateescape")
    return raw if len(raw) == 1 else b"{%s}" % raw


def strings(parts: Sequence[bytes]) -> bytes:
    """Return *parts* as the NUL-terminated strings of a command's data."""
    return b"".join([part.replace(b"\0", b"") + b"\0" for part in parts])


class PacketReader:
    """Cuts a stream of bytes into packets. Memory stays below the packet limit and one read."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Take *data* as it came from the socket."""
        self._bytes += data

    def next(self) -> tuple[bytes, bytes] | None:
        """Return the letter and data of the next packet, or None where it is not whole yet.

        Raises:
            Violation: the length says zero, or more than `PACKET_LIMIT`.
        """
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if not 0 < length <= PACKET_LIMIT:
            raise Violation(_bad_length(length, bytes(self._bytes)))
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        letter, data = bytes(self._bytes[4:5]), bytes(self._bytes[5:end])
        del self._bytes[:end]
        return letter, data

    @property
    def pending(self) -> int:
        """Bytes of a packet that is not whole."""
        return len(self._bytes)


def _bad_length(length: int, data: bytes) -> str:
    start = data[:40].split(b"\n")[0].rstrip(b"\r")
    if start[:4].isascii() and start[:4].decode("latin-1").isprintable():
        return f"the peer is no milter; it says {start.decode('latin-1')!r}"
    return f"a packet claims {length} bytes; 1 to {PACKET_LIMIT} are possible"


def decode(letter: bytes, data: bytes) -> Incoming:
    """Return what a packet from a milter means.

    Raises:
        Violation: unknown letter, or data that does not fit it.
    """
    simple = _SIMPLE.get(letter)
    if simple is not None and not data:
        return simple
    decoder = _DECODERS.get(letter)
    if decoder is None:
        raise Violation(f"unexpected reply {letter.decode('latin-1')!r} of {len(data)} bytes")
    return decoder(data)


def _reply_code(data: bytes) -> Reply:
    """Read ``550 5.7.1 text``, or several such lines with ``550-`` before the last."""
    text = _one_string(data, "reply code").decode("utf-8", "backslashreplace")
    *others, last = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    code = last[:3]
    if not (code.isascii() and code.isdigit() and code[0] in "45"):
        raise BadReply(f"malformed reply code {text[:60]!r}")
    heads = [line[:4] for line in others] + [last[:4]]
    if heads != [f"{code}-"] * len(others) + [f"{code} "]:
        raise BadReply(f"malformed reply code {text[:60]!r}")
    lines = tuple(_without_formats(line[4:]) for line in (*others, last))
    if any(line[:1] in _DIGITS - {code[0]} for line in lines):
        raise BadReply(f"malformed reply code {text[:60]!r}")
    return Reply("reject" if code[0] == "5" else "tempfail", SmtpReply(int(code), lines))


_DIGITS = set("0123456789")


def _without_formats(text: str) -> str:
    """Return *text* as Postfix reads it: ``%%`` stands for a percent sign, a lone one for none."""
    return "%".join(part.replace("%", "") for part in text.split("%%"))


def _one_string(data: bytes, what: str) -> bytes:
    text, nul, rest = data.partition(b"\0")
    if not nul or rest:
        raise Violation(f"malformed {what}")
    return text


def _split(data: bytes, least: int, most: int, what: str) -> list[bytes]:
    parts = data.split(b"\0")
    if parts.pop() or not least <= len(parts) <= most:
        raise Violation(f"malformed {what}")
    return parts


def _add_header(data: bytes) -> Edit:
    name, value = _header(data, "add header")
    return Edit("add header", name, value)


def _insert_header(data: bytes) -> Edit:
    name, value = _header(data[4:], "insert header")
    return Edit("insert header", name, value, _index(data))


def _change_header(data: bytes) -> Edit:
    name, value = _header(data[4:], "change header")
    return Edit("change header" if value else "delete header", name, value, _index(data))


def _header(data: bytes, what: str) -> list[bytes]:
    name, value = _split(data, 2, 2, what)
    if not name or b":" in name or any(byte <= 32 or byte >= 127 for byte in name):
        raise Violation(f"malformed header name in {what}")
    return [name, value]


def _index(data: bytes) -> int:
    if len(data) < 4:
        raise Violation("a header edit without its index")
    return int(_LENGTH.unpack_from(data)[0])


def _change_sender(data: bytes) -> Edit:
    address, *arguments = _split(data, 1, 2, "change sender")
    return Edit("change sender", address, b"".join(arguments))


def _add_recipient_with_arguments(data: bytes) -> Edit:
    address, *arguments = _split(data, 1, 2, "add recipient")
    return Edit("add recipient", address, b"".join(arguments))


def _chosen(data: bytes) -> Chosen:
    if len(data) < _NEGOTIATION.size:
        raise Violation("the negotiation is too short")
    version, actions, steps = _NEGOTIATION.unpack_from(data)
    return Chosen(version, actions, steps, tuple(_macro_lists(data[_NEGOTIATION.size :])))


def _macro_lists(data: bytes) -> Iterable[tuple[str, tuple[str, ...]]]:
    at = 0
    while at < len(data):
        if len(data) - at < 5:
            raise Violation("a macro list without its stage")
        (stage,) = _LENGTH.unpack_from(data, at)
        end = data.find(b"\0", at + 4)
        if end < 0:
            raise Violation("malformed macro list")
        if stage < len(MACRO_STAGES):  # Postfix passes over a stage it does not know
            text = data[at + 4 : end].decode("ascii", "backslashreplace")
            asked = text.replace(",", " ").split(None, MACRO_LIMIT)
            if len(asked) > MACRO_LIMIT:
                raise Violation(f"more than {MACRO_LIMIT} macros asked for at one stage")
            yield MACRO_STAGES[stage], tuple(name.strip("{}") for name in asked)
        at = end + 1


_SIMPLE: dict[bytes, Reply | Progress] = {
    b"c": Reply("continue"),
    b"a": Reply("accept"),
    b"r": Reply("reject"),
    b"t": Reply("tempfail"),
    b"d": Reply("discard"),
    b"s": Reply("skip"),
    b"f": Reply("failure"),
    b"4": Reply("shutdown"),
    b"p": Progress(),
}

_DECODERS: dict[bytes, Callable[[bytes], Reply | Edit | Chosen]] = {
    b"y": _reply_code,
    b"O": _chosen,
    b"h": _add_header,
    b"i": _insert_header,
    b"m": _change_header,
    b"b": lambda data: Edit("replace body", value=data),
    b"e": _change_sender,
    b"+": lambda data: Edit("add recipient", _one_string(data, "add recipient")),
    b"2": _add_recipient_with_arguments,
    b"-": lambda data: Edit("delete recipient", _one_string(data, "delete recipient")),
    b"q": lambda data: Edit("quarantine", value=_one_string(data, "quarantine")),
}
