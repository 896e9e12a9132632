"""The message as SMTP can carry it: marked as ours, and 7 bits or short lines where it must be."""

from __future__ import annotations

import os
import re
import time

from actions.chain.request import with_headers
from actions.milter.message import parse_message
from actions.record import Record

MARK = "X-Milter-Console-Test"
"""The header that names the test."""

LONGEST_LINE = 998
"""Bytes of a line without its end (RFC 5321, 4.5.3.1.6)."""

_MESSAGE_ID = re.compile(rb"<[^<>\s]+>")


class Marked(Record):
    """A message that can be found again."""

    message: bytes
    message_id: str
    """With its angle brackets."""
    test_id: str


def marked(message: bytes, hostname: str, headers: tuple[str, ...]) -> Marked:
    """Return *message* with a fresh Message-ID, the header of the test, and *headers* over both.

    The Message-ID is ours also in a message that had one: sent twice, it would be dropped as a
    duplicate by some mail stores.
    """
    test_id = f"{int(time.time())}.{os.urandom(6).hex()}"
    ours = (f"Message-ID:<{test_id}@{hostname}>", f"{MARK}:chain.send {test_id}")
    made = with_headers(with_headers(message, ours), headers)
    for header in parse_message(made).headers:
        found = _MESSAGE_ID.search(header.rest)
        if header.name.lower() == b"message-id" and found:
            return Marked(made, found[0].decode("utf-8", "backslashreplace"), test_id)
    return Marked(made, f"<{test_id}@{hostname}>", test_id)


class Needs(Record):
    """What a message asks of the server."""

    eight_bit: bool
    """Whether the body has bytes above 127."""
    eight_bit_headers: bool
    unfit_lines: bool
    """Whether the body has lines that SMTP doesn't carry: too long, or with a lone CR."""


def needs_of(message: bytes) -> Needs:
    """Return what *message* asks of the server."""
    content = parse_message(message)
    lines = content.body.split(b"\r\n")
    return Needs(
        not content.body.isascii(),
        not all(header.line.isascii() for header in content.headers),
        any(len(line) > LONGEST_LINE or b"\r" in line for line in lines),
    )


def quoted(message: bytes) -> bytes:
    """Return *message* with every part quoted-printable that has 8 bits or unfit lines."""
    import email.generator
    import email.policy
    from io import BytesIO

    from actions.milter.message import with_crlf

    parsed = email.message_from_bytes(message, policy=email.policy.compat32)
    for part in parsed.walk():
        if part.is_multipart():
            continue
        encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        body = part.get_payload(decode=True)
        assert isinstance(body, bytes)
        if encoding in {"7bit", "8bit", "binary"} and _unfit(body):
            _quote(part, body)
    if "MIME-Version" not in parsed:
        parsed["MIME-Version"] = "1.0"
    out = BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False, maxheaderlen=0).flatten(parsed)
    return with_crlf(out.getvalue())


def _unfit(body: bytes) -> bool:
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    return not body.isascii() or any(len(one) > LONGEST_LINE or b"\r" in one for one in lines)


def _quote(part: object, body: bytes) -> None:
    import quopri
    from email.message import Message

    assert isinstance(part, Message)
    text = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\r", b"=0D")
    part.set_payload(text.decode("ascii"))
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = "quoted-printable"
    if "Content-Type" not in part and not body.isascii():
        part["Content-Type"] = "text/plain; charset=utf-8"


def stuffed(message: bytes) -> bytes:
    """Return *message* as DATA wants it: dots doubled, the end marked (RFC 5321, 4.5.2)."""
    lines = message if message.endswith(b"\r\n") else message + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"
