"""Driving a chain event by event, as an SMTP session does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from actions.mailhost.chain import links
from actions.milter.chain import Chain, Edited
from actions.milter.envelope import Client, routed_recipient, routed_sender
from actions.milter.link import ChainSettings
from actions.milter.macros import server_macros
from actions.milter.session import Exchange, Negotiated
from actions.milter.transport import Timeouts
from tests.milters.running import PATIENCE

if TYPE_CHECKING:
    from actions.milter.chain import ChainEvent, Outcome
    from actions.milter.codec import SmtpReply
    from actions.milter.protocol import Stage

CLIENT = Client("client.example.net", "203.0.113.7", 40025)
RECEIVED = b"from client.example.net by mx.example.org"
MESSAGE = b"From: a@example.net\nSubject: the subject\n\nthe body\n"
EVERYTHING = "connect helo mail rcpt data header header eoh body end".split()  # noqa: SIM905
"""What a milter is told of one such message to one recipient."""


class Driven:
    """One SMTP session through milters, and all that was observed of it.

    Args:
        specs: the milters.
        default_action: milter_default_action.
        settings: what else differs from the usual `ChainSettings`.
    """

    def __init__(self, *specs: str, default_action: Any = "tempfail", **settings: Any) -> None:
        self.events: list[ChainEvent] = []
        server = server_macros("mx.example.org", "192.0.2.1", "Postfix 3.7.11")
        made = ChainSettings(**{"server": server, **settings})
        chain = tuple(
            link._replace(default_action=default_action, timeouts=Timeouts(*(PATIENCE,) * 5))
            for link in links(specs)
        )
        self.chain = Chain(chain, made, self.events.append)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.chain.close()

    def greet(self) -> SmtpReply | None:
        """Connect and say HELO."""
        return self.chain.connect(CLIENT) or self.chain.helo("client.example.net")

    def mail(self, sender: str = "a@example.net", *arguments: str) -> SmtpReply | None:
        """Announce the sender."""
        return self.chain.mail(routed_sender(sender, arguments))

    def rcpt(
        self, recipient: str = "b@example.org", *arguments: str, refused: str = "", queue: str = ""
    ) -> SmtpReply | None:
        """Announce a recipient, as one that the MTA itself refuses where *refused* says so."""
        made = routed_recipient(recipient, ("example.org",), arguments)
        if refused:
            made = made._replace(mailer="error", refused=refused)
        return self.chain.rcpt(made, queue)

    def content(self, message: bytes = MESSAGE) -> Outcome:
        """Send the content."""
        return self.chain.message(message, RECEIVED)

    def everything(self, message: bytes = MESSAGE) -> Outcome:
        """Send a whole message that nobody refuses before its content."""
        for refusal in (self.greet(), self.mail(), self.rcpt(), self.chain.data("QUEUEID")):
            assert refusal is None
        return self.content(message)

    def exchanges(self, stage: Stage) -> list[Exchange]:
        """Return what was observed of *stage*."""
        exchanges = (event for event in self.events if isinstance(event, Exchange))
        return [exchange for exchange in exchanges if exchange.stage is stage]

    def opened(self) -> list[Negotiated]:
        """Return how each milter was opened."""
        return [event for event in self.events if isinstance(event, Negotiated)]

    def edited(self) -> list[Edited]:
        """Return what each milter's edits made of the message."""
        return [event for event in self.events if isinstance(event, Edited)]
