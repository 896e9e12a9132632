"""Mail that a program on the host hands in, as milters see it (``cleanup_milter.c``).

There is no SMTP session then. Postfix's cleanup pretends one for the milters of
``non_smtpd_milters``: from localhost, one message, no RSET at its end. A refusal can't be told to
a client: a permanent one makes a bounce, a temporary one leaves the message in the maildrop, and
a refused recipient does so too, with all the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.chain import Chain
from actions.milter.codec import SmtpReply
from actions.milter.envelope import Client
from actions.milter.events import client_data, text_strings
from actions.milter.macros import client_macros, content_macros
from actions.milter.member import Member, Stop
from actions.milter.message import MAILBOX_LINE, Header, parse_message
from actions.milter.protocol import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.milter.chain import ChainEvent, Outcome
    from actions.milter.codec import Reply
    from actions.milter.envelope import Recipient, Sender
    from actions.milter.link import ChainSettings, Link

LOCALHOST = Client("localhost", "127.0.0.1", port=0)
"""Who such mail comes from; its name is said in HELO too."""

KEPT = SmtpReply(451, ("4.3.5 Server configuration error",))
"""What Postfix logs for a refused recipient: the whole message stays in the maildrop."""


class _Member(Member):
    """A milter that is asked about mail without a client."""

    def obey(self, stage: Stage, reply: Reply | None) -> Stop | None:
        """Do what *reply* says; shutting down loses the mail at every stage, and nobody is told."""
        if reply and reply.decision == "shutdown":
            self.dismiss()
            return Stop(None, self.link.name, "discard")
        return super().obey(stage, reply)


class Submission(Chain):
    """One message through a chain of milters, without SMTP.

    Args:
        links: the milters in Postfix's order.
        settings: what holds for all of them; {daemon_addr} is the client's address.
        queue_id: the message's; unlike in SMTP it is known from the beginning.
        observe: is given every `Negotiated`, `Exchange` and `Edited` as it happens.
    """

    kind_of_member = _Member

    def __init__(
        self,
        links: tuple[Link, ...],
        settings: ChainSettings,
        queue_id: str,
        observe: Callable[[ChainEvent], None] = lambda _: None,
    ) -> None:
        super().__init__(links, settings, observe)
        self.queue_id = queue_id

    def connect(self, client: Client = LOCALHOST) -> SmtpReply | None:
        """Pretend the connection of *client*; returns the refusal, or None to go on."""
        known = self._values | client_macros(client)
        self._values = content_macros(known, {"i": self.queue_id.encode()})
        self._know("daemon_addr", client.address)
        self._know("daemon_port", "0")
        return self._ask_all(Stage.CONNECT, client_data(client), f"{client.name}[{client.address}]")

    def helo(self, name: str) -> SmtpReply | None:
        """Pretend EHLO with *name*, unless the message is held or lost already."""
        if self._stopped:
            return None
        return self._ask_all(Stage.HELO, text_strings([name]), name)

    def mail(self, sender: Sender) -> SmtpReply | None:
        """Announce the sender, without angle brackets or arguments."""
        self._sender = sender
        if self._stopped:
            return None
        self._know("mail_addr", sender.address)
        return self._ask_all(Stage.MAIL, text_strings([sender.address]), f"<{sender.address}>")

    def rcpt(self, recipient: Recipient, queue_id: str = "") -> SmtpReply | None:  # noqa: ARG002
        """Announce a recipient; a refusal is one of the whole message, see `KEPT`."""
        address = recipient.address
        self._know("rcpt_addr", address)
        reply = self._ask_all(Stage.RCPT, text_strings([address]), f"<{address}>")
        if reply is None:
            self._recipients.append(recipient)
        return reply

    def data(self, queue_id: str = "") -> SmtpReply | None:  # noqa: ARG002
        """Announce DATA."""
        return self._ask_all(Stage.DATA, b"", "")

    def message(self, message: bytes, received: bytes = b"") -> Outcome:
        """Send the content to each milter in turn, up to one that failed and had it held."""
        if self._stopped and self._stopped.kind == "quarantine":
            self._stopped = None
        return super().message(message, received)

    def _know(self, macro: str, value: str) -> None:
        """Give *macro* its value for all that comes, the content included."""
        encoded = value.encode("utf-8", "surrogateescape").replace(b"\0", b"")
        self._values = {**self._values, macro: encoded}

    def _abort_all(self) -> None:
        """Send nothing: the session ends with the message."""


def completed(message: bytes, sender: str, message_id: str, date: str) -> bytes:
    """Return *message* with the headers that Postfix adds to what a program hands in.

    Milters see them, unlike those that Postfix adds to mail by SMTP.

    Args:
        message: what was handed in.
        sender: the envelope sender, for From.
        message_id: for Message-Id, without angle brackets.
        date: for Date.
    """
    content = parse_message(message)
    if content.headers and content.headers[0].name == MAILBOX_LINE:
        content = content._replace(headers=content.headers[1:])  # sendmail drops it
    names = {header.name.lower() for header in content.headers}
    prefix = "Resent-" if any(name.startswith(b"resent-") for name in names) else ""
    added = (
        ("Message-Id", f"<{message_id}>"),
        ("Date", date),
        ("From", sender or "MAILER-DAEMON"),
    )
    headers = [
        Header((prefix + name).encode(), b" " + value.encode("utf-8", "surrogateescape"))
        for name, value in added
        if (prefix + name).lower().encode() not in names
    ]
    return content._replace(headers=(*content.headers, *headers)).as_bytes()
