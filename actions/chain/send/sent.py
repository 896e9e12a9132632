"""What is given to an SMTP server, and how far that came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.chain.send.lines import Refusal
from actions.record import Record

if TYPE_CHECKING:
    from actions.chain.send.report import Tls, TlsMode

_QUEUED = re.compile(r"queued as ([0-9A-Za-z]{6,})")


class Server(Record):
    """Whom the mail is given to, and how."""

    host: str
    port: int
    tls_mode: TlsMode
    verify: bool
    ca: str


class Letter(Record):
    """What is sent."""

    helo: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    """Lines end with CRLF."""


class Answer(Record):
    """A reply of the server."""

    code: int
    text: str
    """The whole reply, code included."""


class Sent(Record):
    """How far the session came."""

    answer: Answer | None = None
    """The reply that took the mail or refused it as a whole."""
    refused: tuple[tuple[str, str], ...] = ()
    """Recipients with the replies that refused them."""
    accepted: tuple[str, ...] = ()
    """Recipients that the server took."""
    trouble: str = ""
    """Why there is no such reply; empty where there is one."""
    content_sent: bool = False
    """Whether the content, or a part of it, was sent: without a reply nobody knows its fate."""
    tls: Tls | None = None
    extensions: tuple[str, ...] = ()
    mechanism: str = ""
    same_host: bool = True
    """Whether the server answered from an address of this host."""
    client: str = ""
    """The address that we spoke from."""
    peer: str = ""
    """The address that answered."""
    notes: tuple[str, ...] = ()
    next_step: str = ""
    greeted: bool = False
    """Whether the server was willing to talk at all."""

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every reply that refused: recipients one by one, and the mail as a whole."""
        whole = (self.answer,) if self.answer and not self.queued else ()
        return (
            *(Refusal(recipient, reply, at_connect=False) for recipient, reply in self.refused),
            *(Refusal("", one.text, at_connect=not self.greeted) for one in whole),
        )

    @property
    def queued(self) -> bool:
        """Whether the server took the mail."""
        return self.answer is not None and self.answer.code // 100 == 2

    @property
    def queue_id(self) -> str:
        """The queue id that the server named, or nothing."""
        found = _QUEUED.search(self.answer.text) if self.answer and self.queued else None
        return found[1] if found else ""
