"""A message as milters see it, and the edits they make to it, as Postfix carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.protocol import BODY_CHUNK
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.milter.codec import Edit


class Header(Record):
    """One header, as it stands in the message."""

    name: bytes
    rest: bytes
    """Everything after the colon, leading space included; folds as LF and white space."""
    hidden: bool = False
    """Put in by the MTA itself and not shown to milters (its own Received)."""

    def value(self, *, leading_space: bool) -> bytes:
        """Return the value as sent to a milter.

        One leading space (never a tab) is dropped, unless the milter negotiated to keep it.
        """
        if not leading_space and self.rest.startswith(b" "):
            return self.rest[1:]
        return self.rest

    @property
    def line(self) -> bytes:
        """The header with its folds, lines ended by CRLF."""
        return self.name + b":" + self.rest.replace(b"\n", b"\r\n") + b"\r\n"


class Content(Record):
    """Headers and body of a message."""

    headers: tuple[Header, ...]
    body: bytes
    """Lines end with CRLF."""

    @property
    def visible(self) -> tuple[Header, ...]:
        """The headers that milters see."""
        return tuple(header for header in self.headers if not header.hidden)

    def chunks(self) -> Iterator[memoryview]:
        """Yield the body in the pieces that Postfix sends."""
        body = memoryview(self.body)
        for start in range(0, len(body), BODY_CHUNK):
            yield body[start : start + BODY_CHUNK]

    def as_bytes(self) -> bytes:
        """Return the whole message, lines ended by CRLF."""
        return b"".join(header.line for header in self.headers) + b"\r\n" + self.body


MAILBOX_LINE = b"X-Mailbox-Line"
"""The header that smtpd makes of an mbox "From " line, quoted or not."""


def parse_message(data: bytes) -> Content:
    """Read a message with LF or CRLF line ends; an mbox "From " line becomes a header, as by SMTP.

    What does not look like a header ends the headers, as it does for Postfix.
    """
    text = _with_lf(data)
    if text[:1] in (b">", b"F") and text.lstrip(b">").startswith(b"From "):
        text = MAILBOX_LINE + b": " + text
    headers: list[Header] = []
    at = 0
    while at < len(text):
        end = _header_end(text, at)
        block = text[at:end]
        if block == b"\n":
            at = end
            break
        name, colon, rest = block.partition(b":")
        if not colon or not is_header_name(name):
            break
        headers.append(Header(name.rstrip(b" \t"), rest.removesuffix(b"\n")))
        at = end
    return Content(tuple(headers), with_crlf(text[at:]))


def without_dropped(content: Content) -> Content:
    """Return *content* without the headers that Postfix drops before any milter sees them."""
    kept = tuple(one for one in content.headers if one.name.lower() not in _DROPPED)
    return Content(kept, content.body)


_DROPPED = {b"bcc", b"content-length", b"resent-bcc", b"return-path"}
"""Postfix's message_drop_headers, by default."""


def _with_lf(data: bytes) -> bytes:
    """Return *data* with LF at line ends; every CR before one goes, as Postfix reads a client."""
    if b"\r" not in data:
        return data
    text = data.replace(b"\r\n", b"\n")
    if b"\r\n" not in text and not text.endswith(b"\r"):
        return text
    return b"\n".join(line.rstrip(b"\r") for line in text.split(b"\n"))


def _header_end(text: bytes, start: int) -> int:
    at = start
    while True:
        newline = text.find(b"\n", at)
        if newline < 0:
            return len(text)
        at = newline + 1
        if newline == start or text[at : at + 1] not in (b" ", b"\t"):
            return at


def is_header_name(name: bytes) -> bool:
    """Return whether *name* can stand before a header's colon (RFC 5322, trailing space too)."""
    name = name.rstrip(b" \t")
    return bool(name) and all(32 < byte < 127 for byte in name)


def with_crlf(text: bytes) -> bytes:
    """Return *text* with every line ended by CRLF."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if text and not text.endswith(b"\n"):
        text += b"\n"
    return text.replace(b"\n", b"\r\n")


class InterruptedBody(Exception):
    """A body replacement was interrupted by another edit and then resumed.

    Args:
        content: the message with the edits so far.
        envelope: the same of the envelope.
    """

    def __init__(self, content: Content, envelope: Envelope) -> None:
        super().__init__("a new body was interrupted by another edit")
        self.content = content
        self.envelope = envelope


class Envelope(Record):
    """Sender and recipients as a chain leaves them."""

    sender: bytes
    recipients: tuple[bytes, ...]


def edit_message(
    content: Content,
    envelope: Envelope,
    edits: Iterable[Edit],
    *,
    leading_space: bool,
    announced: tuple[bytes, ...] | None = None,
) -> tuple[Content, Envelope]:
    """Carry out *edits* in their order, with Postfix's reading of each.

    Args:
        content: the message before.
        envelope: sender and recipients before.
        edits: the edits of one milter at end of message.
        leading_space: whether that milter writes the space after the colon itself.
        announced: the recipients that the client gave; all of them, where it is not said.

    Raises:
        InterruptedBody: Postfix answers 451 4.3.5 to this.
    """
    given = envelope.recipients if announced is None else announced
    added = set(envelope.recipients).difference(given)
    desk = _Desk(content, envelope, leading_space, {address.lower() for address in added})
    for edit in edits:
        desk.edit(edit)
    return desk.result()


class _Desk:
    """A message being edited."""

    def __init__(
        self,
        content: Content,
        envelope: Envelope,
        leading_space: bool,  # noqa: FBT001
        added: set[bytes],
    ) -> None:
        self._headers = list(content.headers)
        # Beside the headers, for a quick search: many edits must not take minutes.
        self._names = [b"" if one.hidden else one.name.lower() for one in content.headers]
        self._body = content.body
        self._new_body: list[bytes] = []
        self._body_closed = False
        self._sender = envelope.sender
        self._recipients = list(envelope.recipients)
        self._added = added
        self._space = b"" if leading_space else b" "

    def result(self) -> tuple[Content, Envelope]:
        body = with_crlf(b"".join(self._new_body)) if self._new_body else self._body
        return Content(tuple(self._headers), body), Envelope(self._sender, tuple(self._recipients))

    def edit(self, edit: Edit) -> None:
        if edit.kind == "replace body":
            if self._body_closed:
                raise InterruptedBody(*self.result())
            self._new_body.append(edit.value)
            return
        self._body_closed = bool(self._new_body)
        match edit.kind:
            case "add header":
                self._insert(len(self._headers), edit)
            case "insert header":
                self._insert(min(edit.position, len(self._headers)), edit)
            case "change header" | "delete header":
                self._change(edit)
            case "change sender":
                self._sender = bare_address(edit.name)
            case "add recipient":
                self._add_recipient(bare_address(edit.name))
            case "delete recipient":
                self._delete_recipient(bare_address(edit.name))
            case "quarantine":
                pass

    def _insert(self, at: int, edit: Edit) -> None:
        self._headers.insert(at, self._header(edit))
        self._names.insert(at, edit.name.lower())

    def _header(self, edit: Edit) -> Header:
        return Header(edit.name, self._space + folded(edit.value))

    def _change(self, edit: Edit) -> None:
        """Change or delete the header that the index counts, per name; 0 counts as 1."""
        name = edit.name.lower()
        wanted = max(edit.position, 1)
        if wanted > self._names.count(name):
            if edit.kind == "change header":
                self._insert(len(self._headers), edit)
            return
        at = -1
        for _ in range(wanted):
            at = self._names.index(name, at + 1)
        if edit.kind == "delete header":
            del self._headers[at], self._names[at]
        else:
            self._headers[at] = self._header(edit)

    def _add_recipient(self, address: bytes) -> None:
        """Add *address*, unless it is empty or a milter added it already, in whatever case.

        One that the client gave gets the mail twice then, as Postfix has it.
        """
        if address and address.lower() not in self._added:
            self._added.add(address.lower())
            self._recipients.append(address)

    def _delete_recipient(self, address: bytes) -> None:
        """Delete *address*, however often and exactly as it was given."""
        while address in self._recipients:
            self._recipients.remove(address)
            self._added.discard(address.lower())


def folded(value: bytes) -> bytes:
    """Return *value* with each line after the first begun by white space: one header stays one."""
    first, *others = value.replace(b"\r\n", b"\n").split(b"\n")
    folds = [line if line.startswith((b" ", b"\t")) else b"\t" + line for line in others]
    return b"\n".join((first, *folds))


def bare_address(address: bytes) -> bytes:
    """Return *address* without its angle brackets."""
    return address.removeprefix(b"<").removesuffix(b">")
