"""The milter protocol's letters, flags and stages, as data.

The values are those of libmilter's ``mfdef.h`` (Sendmail 8.17); who may send what, and when,
is what Postfix's ``milter8.c`` does.
"""

from __future__ import annotations

from enum import Enum

from actions.record import Record

VERSION = 6
"""The protocol version that Postfix offers by default (``milter_protocol``)."""

BODY_CHUNK = 65535
"""Bytes of body in one packet (MILTER_CHUNK_SIZE); Postfix cuts mid-line."""

LIBMILTER_PACKET_LIMIT = 65535
"""Debian's libmilter drops the connection on a longer packet."""

ADD_HEADERS = 0x01
CHANGE_BODY = 0x02
ADD_RECIPIENTS = 0x04
DELETE_RECIPIENTS = 0x08
CHANGE_HEADERS = 0x10
QUARANTINE = 0x20
CHANGE_SENDER = 0x40
ADD_RECIPIENTS_WITH_ARGUMENTS = 0x80
SET_MACRO_LISTS = 0x100

ACTIONS = {
    ADD_HEADERS: "add headers",
    CHANGE_BODY: "change body",
    ADD_RECIPIENTS: "add recipients",
    DELETE_RECIPIENTS: "delete recipients",
    CHANGE_HEADERS: "change headers",
    QUARANTINE: "quarantine",
    CHANGE_SENDER: "change sender",
    ADD_RECIPIENTS_WITH_ARGUMENTS: "add recipients with arguments",
    SET_MACRO_LISTS: "set macro lists",
}
"""SMFIF_*: what a milter may do to a message."""

SKIP = 0x400
REJECTED_RECIPIENTS = 0x800
LEADING_SPACE = 0x100000

STEPS = {
    0x01: "no connect",
    0x02: "no helo",
    0x04: "no mail",
    0x08: "no rcpt",
    0x10: "no body",
    0x20: "no headers",
    0x40: "no end of headers",
    0x80: "no reply to headers",
    0x100: "no unknown commands",
    0x200: "no data",
    SKIP: "may skip",
    REJECTED_RECIPIENTS: "rejected recipients too",
    0x1000: "no reply to connect",
    0x2000: "no reply to helo",
    0x4000: "no reply to mail",
    0x8000: "no reply to rcpt",
    0x10000: "no reply to data",
    0x20000: "no reply to unknown commands",
    0x40000: "no reply to end of headers",
    0x80000: "no reply to body",
    LEADING_SPACE: "leading space of headers kept",
}
"""SMFIP_*: which events a milter wants to see, and which it answers."""

ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF

OFFERS = {
    2: (ALL_ACTIONS, 0x7F),
    3: (ALL_ACTIONS, 0x17F),
    4: (ALL_ACTIONS, 0x37F),
    6: (ALL_ACTIONS, ALL_STEPS),
}
"""By version: the actions and steps that Postfix offers."""


class Stage(Enum):
    """The events of a session, in their order."""

    CONNECT = "connect"
    HELO = "helo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    HEADER = "header"
    EOH = "eoh"
    BODY = "body"
    END = "end"
    UNKNOWN = "unknown"

    __hash__ = object.__hash__  # Enum's own is a function in Python; tables are asked often

    @property
    def words(self) -> str:
        """The stage as in "rejected at …"."""
        return _WORDS.get(self.value, self.value)


_WORDS = {"eoh": "end of headers", "end": "end of message", "unknown": "an unknown command"}

MESSAGE_STAGES = (Stage.HEADER, Stage.EOH, Stage.BODY, Stage.END)
"""Stages in which the content goes to one milter as a whole."""


class StageRule(Record):
    """How one stage goes over the wire."""

    command: bytes
    unwanted: int
    """The step flag by which a milter declines the event; 0 where it can't."""
    unanswered: int
    """The step flag by which a milter leaves the event without a reply; 0 where it can't."""
    since: int
    """The protocol version that brought it."""
    macros: str
    """Whose macro list goes with it, by the name in Postfix's ``milter_*_macros``."""


RULES = {
    Stage.CONNECT: StageRule(b"C", 0x01, 0x1000, 2, "connect"),
    Stage.HELO: StageRule(b"H", 0x02, 0x2000, 2, "helo"),
    Stage.MAIL: StageRule(b"M", 0x04, 0x4000, 2, "mail"),
    Stage.RCPT: StageRule(b"R", 0x08, 0x8000, 2, "rcpt"),
    Stage.DATA: StageRule(b"T", 0x200, 0x10000, 4, "data"),
    Stage.HEADER: StageRule(b"L", 0x20, 0x80, 2, "end_of_header"),
    Stage.EOH: StageRule(b"N", 0x40, 0x40000, 2, "end_of_header"),
    Stage.BODY: StageRule(b"B", 0x10, 0x80000, 2, "end_of_data"),
    Stage.END: StageRule(b"E", 0, 0, 2, "end_of_data"),
    Stage.UNKNOWN: StageRule(b"U", 0x100, 0x20000, 3, "unknown"),
}

MACRO_STAGES = ("connect", "helo", "mail", "rcpt", "data", "end_of_data", "end_of_header")
"""The stages of a SETSYMLIST entry, by their number on the wire (SMFIM_*)."""


def names(flags: int, table: dict[int, str]) -> tuple[str, ...]:
    """Return the names of the bits set in *flags*; a bit without a name as hexadecimal."""
    unnamed = flags & ~sum(table)
    known = tuple(name for bit, name in table.items() if flags & bit)
    return (*known, f"{unnamed:#x}") if unnamed else known
