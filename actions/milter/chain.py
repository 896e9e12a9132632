"""A chain of milters, driven as Postfix drives it (``milters.c``, ``milter8.c``).

Each SMTP event goes to all milters in turn until one of them refuses. The content goes as a
whole to the first milter; what that one made of it goes to the next.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from actions.milter.events import client_data, content_events, text_strings
from actions.milter.link import open_session
from actions.milter.macros import (
    client_macros,
    content_macros,
    recipient_macros,
    sender_macros,
)
from actions.milter.member import HANG_UP, Member, Stop
from actions.milter.message import (
    Content,
    Envelope,
    Header,
    InterruptedBody,
    edit_message,
    parse_message,
    without_dropped,
)
from actions.milter.protocol import Stage
from actions.milter.session import Exchange, Negotiated
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.milter.codec import Edit, SmtpReply
    from actions.milter.envelope import Client, Recipient, Sender
    from actions.milter.link import ChainSettings, Link


class Outcome(Record):
    """What became of a message."""

    action: Literal["deliver", "reject", "tempfail", "discard", "quarantine"]
    reply: SmtpReply | None
    """The reply to end of data where the message was refused."""
    content: Content
    envelope: Envelope
    decided_by: str = ""
    """The milter that refused, discarded or quarantined."""
    quarantine_reason: str = ""


class Edited(Record):
    """What one milter's edits made of the message."""

    milter: str
    before: Content
    after: Content
    envelope_before: Envelope
    envelope_after: Envelope


ChainEvent = Negotiated | Exchange | Edited


class Chain:
    """One SMTP session through a chain of milters.

    Args:
        links: the milters in Postfix's order.
        settings: what holds for all of them.
        observe: is given every `Negotiated`, `Exchange` and `Edited` as it happens.
    """

    kind_of_member: type[Member] = Member
    """How a milter's replies are obeyed."""

    def __init__(
        self,
        links: tuple[Link, ...],
        settings: ChainSettings,
        observe: Callable[[ChainEvent], None] = lambda _: None,
    ) -> None:
        self._members = tuple(self.kind_of_member(link) for link in links)
        self._settings = settings
        self._observe = observe
        self._deadline = time.monotonic() + settings.deadline
        self._values: dict[str, bytes] = {**settings.macro_defaults, **settings.server}
        self._message_values: dict[str, bytes] = {}
        self._sender: Sender | None = None
        self._recipients: list[Recipient] = []
        self._first_recipient: dict[str, bytes] = {}
        """Its macros, which events after RCPT can have."""
        self._content_values: dict[str, bytes] = {}
        self._greeted = self._mail_begun = False
        self._stopped: Stop | None = None
        """Discarded or quarantined before the content; where discarded, nobody is asked more."""

    def connect(self, client: Client) -> SmtpReply | None:
        """Announce *client*; returns the refusal, or None to go on."""
        self._values |= client_macros(client)
        argument = f"{client.name or 'unknown'}[{client.address}]"
        return self._ask_all(Stage.CONNECT, client_data(client), argument)

    def helo(self, name: str) -> SmtpReply | None:
        """Announce HELO or EHLO with *name*; a message that was begun is over with it."""
        reply = self._ask_all(Stage.HELO, text_strings([name]), name)
        if reply and reply.code in HANG_UP:
            return reply
        if self._greeted:
            self._abort_all()
        self._greeted = True
        self.abort()
        return reply

    def starttls(self, client: Client) -> None:
        """Begin again, encrypted: milters are told of no greeting until the next, see `know`."""
        self.abort()
        if self._greeted:
            self._abort_all()
        self._greeted = False
        self.know(client)

    def know(self, client: Client) -> None:
        """Fill in the macros of *client* with what has become known of it, as by AUTH."""
        self._values = self._values | client_macros(client)

    def mail(self, sender: Sender) -> SmtpReply | None:
        """Announce the sender; forgets the message before."""
        stopped = self._stopped  # an unknown command may have discarded what is to come
        self._forget_message()
        self._stopped = stopped
        self._mail_begun = not (stopped and stopped.kind == "discard")
        self._message_values = sender_macros(sender, self._values.get("j", b""))
        data = text_strings([f"<{sender.address}>", *sender.arguments])
        reply = self._ask_all(Stage.MAIL, data, f"<{sender.address}>")
        if reply is None:
            self._sender = sender
        else:
            self.abort()
        return reply

    def rcpt(self, recipient: Recipient, queue_id: str = "") -> SmtpReply | None:
        """Announce a recipient.

        Args:
            recipient: the recipient; where the MTA itself refuses it, only milters that
                negotiated rejected recipients are asked, and nothing comes of it.
            queue_id: the message's, from the second recipient on.
        """
        self._set_queue_id(queue_id)
        values = recipient_macros(recipient, self._values.get("j", b""))
        data = text_strings([f"<{recipient.address}>", *recipient.arguments])
        refused, stopped = bool(recipient.refused), self._stopped
        reply = self._ask_all(
            Stage.RCPT, data, f"<{recipient.address}>", values, only_wanting_rejected=refused
        )
        if refused:
            self._stopped = stopped
            return None
        if reply is None:
            if not self._recipients:
                self._first_recipient = values
            self._recipients.append(recipient)
        return reply

    def data(self, queue_id: str = "") -> SmtpReply | None:
        """Announce DATA."""
        self._set_queue_id(queue_id)
        return self._ask_all(Stage.DATA, b"", "", self._first_recipient)

    def unknown(self, command: str) -> SmtpReply | None:
        """Announce a command that the MTA does not know; older ones tell its first word only."""
        told = command
        if not self._settings.whole_commands:
            told = command.split(maxsplit=1)[0] if command.strip() else ""
        return self._ask_all(Stage.UNKNOWN, text_strings([told]), command, self._first_recipient)

    def message(self, message: bytes, received: bytes = b"") -> Outcome:
        """Send the content to each milter in turn and return what became of it.

        Args:
            message: headers and body as the client sent them.
            received: the value of the MTA's own Received header, hidden from milters.
        """
        return self.content(parse_message(message), received)

    def content(self, content: Content, received: bytes = b"") -> Outcome:
        """Do the same with a message that was read before, for one that is sent often."""
        content = without_dropped(content)
        if received:
            own = Header(b"Received", b" " + received, hidden=True)
            content = Content((own, *content.headers), content.body)
        outcome = Outcome("deliver", None, content, self._envelope())
        held, stop = None, self._stopped
        if stop and stop.kind == "quarantine":
            held, stop = stop, None  # the content goes to the milters that are left
        known = content_macros(self._values, self._message_values)
        self._content_values = {**self._settings.macro_defaults, **known}
        for member in self._members:
            if stop:
                break
            if held and member.standing:
                continue
            outcome, stop = self._message_to(member, outcome)
        self.abort()
        return _concluded(outcome, stop or held)

    def abort(self) -> None:
        """End the message at every milter, as RSET and its own end do, where one was begun."""
        if self._mail_begun:
            self._abort_all()
        self._forget_message()

    def close(self) -> None:
        """End the message and the session at every milter."""
        self.abort()
        if self._greeted:
            self._abort_all()
            self._greeted = False
        for member in self._members:
            if member.session:
                member.session.quit()
                member.session = None
            member.done = True

    def _abort_all(self) -> None:
        """Send ABORT: Postfix does for a message that ends, and once more for a HELO that does."""
        for member in self._members:
            if member.session and not member.done:
                member.session.abort()

    def _forget_message(self) -> None:
        self._mail_begun = False
        self._sender, self._recipients, self._stopped = None, [], None
        self._message_values = self._first_recipient = {}
        for member in self._members:
            member.done_with_message = False

    def _set_queue_id(self, queue_id: str) -> None:
        if queue_id:
            self._message_values["i"] = queue_id.encode()

    def _envelope(self) -> Envelope:
        sender = self._sender.address if self._sender else ""
        return Envelope(
            sender.encode("utf-8", "surrogateescape"),
            tuple(
                recipient.address.encode("utf-8", "surrogateescape")
                for recipient in self._recipients
            ),
        )

    def _ask_all(
        self,
        stage: Stage,
        data: bytes,
        argument: str,
        values: dict[str, bytes] | None = None,
        *,
        only_wanting_rejected: bool = False,
    ) -> SmtpReply | None:
        if self._stopped and self._stopped.kind == "discard":
            return None
        for member in self._members:
            if stage is Stage.CONNECT:
                self._open(member)
            if only_wanting_rejected and not member.wants_rejected:
                self._observe(
                    Exchange(
                        member.link.name, stage, argument, withheld="recipient refused by the MTA"
                    )
                )
                continue
            stop = self._ask(member, stage, data, argument, values or {})
            if stop and stop.kind != "refused":
                self._stopped = stop
            if stop:
                return stop.reply
        return None

    def _open(self, member: Member) -> None:
        member.session, opened = open_session(member.link, self._settings, self._deadline)
        self._observe(opened)
        if opened.trouble:
            member.give_up()

    def _ask(
        self,
        member: Member,
        stage: Stage,
        data: bytes,
        argument: str,
        values: dict[str, bytes],
    ) -> Stop | None:
        if member.standing:
            return member.standing
        if member.done or member.done_with_message or member.session is None:
            return None
        known = {**self._values, **self._message_values, **values}
        exchange = member.session.ask(stage, data, argument, known)
        self._observe(exchange)
        return member.take(exchange)

    def _message_to(self, member: Member, outcome: Outcome) -> tuple[Outcome, Stop | None]:
        if member.standing or member.session is None:
            return outcome, member.standing
        if member.done or member.done_with_message:
            return outcome, None
        keep = member.session.connection.keeps_leading_space
        stop = None
        last: Exchange | None = None
        events = content_events(outcome.content, leading_space=keep)
        for last in member.session.ask_all(events, self._content_values):
            self._observe(last)
            stop = member.take(last)
            if stop or member.done_with_message or member.done:
                break
        edits = last.edits if last else ()
        if not edits or (stop and last and last.trouble):
            return outcome, stop
        try:
            return self._edit(member.link.name, outcome, edits, stop, leading_space=keep)
        except InterruptedBody as so_far:
            stop = member.give_up(bad_reply=True)
            return outcome._replace(content=so_far.content, envelope=so_far.envelope), stop

    def _edit(
        self,
        name: str,
        outcome: Outcome,
        edits: tuple[Edit, ...],
        stop: Stop | None,
        *,
        leading_space: bool,
    ) -> tuple[Outcome, Stop | None]:
        content, envelope = edit_message(
            outcome.content,
            outcome.envelope,
            edits,
            leading_space=leading_space,
            announced=self._envelope().recipients,
        )
        self._observe(Edited(name, outcome.content, content, outcome.envelope, envelope))
        for edit in edits:
            if edit.kind == "quarantine" and stop is None:
                reason = edit.value.decode("utf-8", "backslashreplace")
                stop = Stop(None, name, "quarantine", reason)
        return outcome._replace(content=content, envelope=envelope), stop


def _concluded(outcome: Outcome, stop: Stop | None) -> Outcome:
    if stop is None:
        return outcome
    if stop.kind != "refused":
        return outcome._replace(
            action=stop.kind, decided_by=stop.decided_by, quarantine_reason=stop.reason
        )
    assert stop.reply is not None
    action: Literal["reject", "tempfail"] = "reject" if stop.reply.code >= 500 else "tempfail"
    return outcome._replace(action=action, reply=stop.reply, decided_by=stop.decided_by)
