"""A milter that answers as a script says and keeps every packet it hears."""

from __future__ import annotations

import hashlib
import struct
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.milters.peer import Packet, Wire, macro_list, options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNANSWERED = {
    b"C": 0x1000,
    b"H": 0x2000,
    b"M": 0x4000,
    b"R": 0x8000,
    b"T": 0x10000,
    b"U": 0x20000,
    b"N": 0x40000,
    b"B": 0x80000,
    b"L": 0x80,
}
"""The step flags by which a milter leaves events without a reply."""

LONG = 1000
"""Data longer than this is kept as its length and digest."""


class Script(NamedTuple):
    """What a milter negotiates and answers."""

    version: int = 6
    actions: int = 0x1FF
    steps: int = 0
    lists: tuple[tuple[int, str], ...] = ()
    """Macros it asks for (SETSYMLIST), by the number of the stage."""
    answers: Mapping[str, tuple[Packet, ...]] = {}
    """By letter of the event, or letter and count ("R2"); "continue" where none are given.

    "O" is the negotiation. A packet without a letter closes the connection, one without a letter
    but with data is bytes that are no packet; "~" waits for so many milliseconds.
    """
    absent: bool = False
    """Whether nobody listens."""


class Heard(NamedTuple):
    """All that the milters of one session heard."""

    sessions: dict[str, list[list[Packet]]]
    """By milter, its connections with their packets."""
    order: list[str]
    """The answered events of all milters as they came."""


def scripted(name: str, script: Script, heard: Heard) -> Callable[[Wire], None]:
    """Return the behaviour of milter *name*; what it is told goes to *heard*."""
    sessions = heard.sessions.setdefault(name, [])

    def behave(wire: Wire) -> None:
        sessions.append(wire.heard)
        lists = b"".join(macro_list(*asked) for asked in script.lists)
        if "O" in script.answers:
            wire.read()
            _answer(wire, script.answers["O"])
        else:
            wire.negotiate(options(script.version, script.actions, script.steps, lists))
        count: dict[bytes, int] = {}
        while (letter := wire.read()[0]) != b"Q":
            if letter in b"DA" or script.steps & UNANSWERED.get(letter, 0):
                continue
            count[letter] = count.get(letter, 0) + 1
            heard.order.append(name + letter.decode())
            event = letter.decode()
            answers = script.answers
            usual = answers.get(event, ((b"c", b""),))
            _answer(wire, answers.get(f"{event}{count[letter]}", usual))

    return behave


def _answer(wire: Wire, packets: tuple[Packet, ...]) -> None:
    for letter, data in packets:
        if letter == b"~":
            time.sleep(int(data) / 1000)
        elif letter:
            wire.send(letter, data)
        elif data:
            wire.raw(data)
        else:
            raise EOFError


def queue_ids(heard: Heard) -> dict[bytes, str]:
    """Return the queue ids in what was heard, each with the name it goes by in a recording."""
    known: dict[bytes, str] = {}
    for packets in (one for sessions in heard.sessions.values() for one in sessions):
        for letter, data in packets:
            parts = data[1:].split(b"\0")
            if letter == b"D" and b"i" in parts[::2]:
                value = parts[1::2][parts[::2].index(b"i")]
                known.setdefault(value, f"QUEUEID{len(known) + 1}")
    return known


def readable(packet: Packet, ids: Mapping[bytes, str], port: int) -> str:
    """Return *packet* as text: its letter and its data.

    Args:
        packet: the packet.
        ids: what stands for each queue id.
        port: the client's own, for which the word stands.
    """
    letter, data = packet
    if letter == b"D":
        return _macros(data, ids, port)
    if letter == b"O":
        return "O " + " ".join(f"{number:#x}" for number in struct.unpack(">III", data))
    if letter == b"C":
        name, _, rest = data.partition(b"\0")
        data = name + b"\0" + rest[:1] + (_port(rest[1:3], port) + rest[3:] if rest[1:] else b"")
    if len(data) > LONG:
        return f"{letter.decode()} {len(data)} bytes {hashlib.sha256(data).hexdigest()}"
    return f"{letter.decode()} {data.decode('latin-1')}"


def _port(packed: bytes, own: int) -> bytes:
    (number,) = struct.unpack(">H", packed)
    return b"PORT" if number == own else b"%d " % number


def _macros(data: bytes, ids: Mapping[bytes, str], port: int) -> str:
    parts = data[1:].split(b"\0")
    assert parts.pop() == b""
    pairs = [
        f"{name.decode()}={_value(name, value, ids, port)}"
        for name, value in zip(parts[::2], parts[1::2], strict=True)
    ]
    return f"D {data[:1].decode()} [{', '.join(pairs)}]"


def _value(name: bytes, value: bytes, ids: Mapping[bytes, str], port: int) -> str:
    if name == b"{client_port}" and value == b"%d" % port:
        return "PORT"
    if name == b"{daemon_port}" and value != b"0":
        return "PORT"
    return ids.get(value, value.decode("latin-1"))
