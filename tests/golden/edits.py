"""The cases in which the first milter edits the message."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.golden.cases import DATA, GREETED, MAIL, RCPT, Case, Step
from tests.golden.scripted import Script

if TYPE_CHECKING:
    from tests.milters.peer import Packet


def _number(number: int) -> bytes:
    return struct.pack(">I", number)


def _edits(*edits: Packet, message: bytes = b"", steps: int = 0) -> Case:
    first = Script(steps=steps, answers={"E": (*edits, (b"c", b""))})
    last: Step = ("data", message) if message else DATA
    return Case((first, Script()), (*GREETED, MAIL, RCPT, ("rcpt", "c@example.org"), last))


_TWICE = b"X-A: 1\nx-a: 2\nX-B: 3\n\nthe body\n"


def _insert(number: int, value: bytes = b"new", name: bytes = b"X-New") -> Packet:
    return b"i", _number(number) + name + b"\0" + value + b"\0"


def _change(number: int, value: bytes, name: bytes = b"X-A") -> Packet:
    return b"m", _number(number) + name + b"\0" + value + b"\0"


EDITS = {
    "add header": _edits((b"h", b"X-New\0value\0")),
    "add folded header": _edits((b"h", b"X-New\0one\n two\n\tthree\nfour\0")),
    "add header, leading space kept": _edits((b"h", b"X-New\0value\0"), steps=0x100000),
    **{f"insert at {at}": _edits(_insert(at), message=_TWICE) for at in (0, 1, 2, 3, 4, 5, 9)},
    "insert twice at 1": _edits(_insert(1, b"one"), _insert(1, b"two"), message=_TWICE),
    "insert at 0, then at 1": _edits(_insert(0, b"one"), _insert(1, b"two"), message=_TWICE),
    "insert, leading space kept": _edits(_insert(1, b" new"), steps=0x100000),
    **{f"change {at}": _edits(_change(at, b"new"), message=_TWICE) for at in (0, 1, 2, 3)},
    **{f"delete {at}": _edits(_change(at, b""), message=_TWICE) for at in (0, 1, 2, 3)},
    "delete both": _edits(_change(1, b""), _change(1, b""), message=_TWICE),
    "delete 1, then 2": _edits(_change(1, b""), _change(2, b""), message=_TWICE),
    "delete 2, then 1": _edits(_change(2, b""), _change(1, b""), message=_TWICE),
    "change what was added": _edits((b"h", b"X-A\0three\0"), _change(3, b"new"), message=_TWICE),
    "change in another case": _edits(_change(1, b"new", b"x-B"), message=_TWICE),
    "change Received": _edits(_change(1, b"new", b"Received")),
    "delete Received": _edits(_change(1, b"", b"Received")),
    "change a folded one": _edits(
        _change(1, b"a\n b", b"X-F"), message=b"X-F: 1\n 2\n 3\nX-G: 4\n\nthe body\n"
    ),
    "replace body": _edits((b"b", b"a new body\r\n")),
    "replace body in pieces": _edits((b"b", b"a new "), (b"b", b"body\r\nof two\r\n")),
    "replace body without an end": _edits((b"b", b"a new body")),
    "replace body with bare LF": _edits((b"b", b"a new\nbody\n")),
    "replace body by nothing": _edits((b"b", b"")),
    "replace body, bigger": _edits((b"b", b"0123456789\r\n" * 5000), (b"b", b"x\r\n" * 9000)),
    "replace body, then a header": _edits((b"b", b"new\r\n"), (b"h", b"X-New\0value\0")),
    "replace body, interrupted": _edits(
        (b"b", b"one\r\n"), (b"h", b"X-New\0value\0"), (b"b", b"two\r\n")
    ),
    "change sender": _edits((b"e", b"<new@example.net>\0")),
    "change sender to null": _edits((b"e", b"<>\0")),
    "change sender with arguments": _edits((b"e", b"<new@example.net>\0RET=HDRS\0")),
    "add recipient": _edits((b"+", b"<d@example.org>\0")),
    "add recipient unbraced": _edits((b"+", b"d@example.org\0")),
    "add recipient twice": _edits((b"+", b"<d@example.org>\0"), (b"+", b"<D@Example.org>\0")),
    "add a known recipient": _edits((b"+", b"<b@example.org>\0")),
    "add recipient with arguments": _edits((b"2", b"<d@example.org>\0NOTIFY=NEVER\0")),
    "add one that the milter before added": Case(
        tuple(Script(answers={"E": ((b"+", b"<d@example.org>\0"), (b"c", b""))}) for _ in "AB")
    ),
    "delete recipient": _edits((b"-", b"<c@example.org>\0")),
    "delete recipient in another case": _edits((b"-", b"<C@example.org>\0")),
    "delete an unknown recipient": _edits((b"-", b"<d@example.org>\0")),
    "delete and add again": _edits((b"-", b"<c@example.org>\0"), (b"+", b"<c@example.org>\0")),
    "add and delete again": _edits((b"+", b"<d@example.org>\0"), (b"-", b"<d@example.org>\0")),
    "delete all": _edits((b"-", b"<b@example.org>\0"), (b"-", b"<c@example.org>\0")),
    "quarantine": _edits((b"q", b"the reason\0")),
    "quarantine and a header": _edits((b"q", b"the reason\0"), (b"h", b"X-New\0value\0")),
    "everything": _edits(
        (b"h", b"X-New\0value\0"),
        _insert(0, b"first", b"X-First"),
        _change(1, b"changed", b"Subject"),
        (b"e", b"<new@example.net>\0"),
        (b"+", b"<d@example.org>\0"),
        (b"-", b"<b@example.org>\0"),
        (b"b", b"a new body\r\n"),
    ),
}
