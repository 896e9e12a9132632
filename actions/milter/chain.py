"""A chain of milters, driven as Postfix drives it (``milters.c``, ``milter8.c``).

Each SMTP event goes to all milters in turn until one of them refuses. The content goes as a
whole to the first milter; what that one made of it goes to the next.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Literal

from actions.milter.codec import Reply, SmtpReply, strings
from actions.milter.link import DefaultAction, open_session
from actions.milter.macros import (
    client_macros,
    recipient_macros,
    sender_macros,
)
from actions.milter.message import (
    Content,
    Envelope,
    Header,
    InterruptedBody,
    edit_message,
    parse_message,
)
from actions.milter.protocol import Stage
from actions.milter.session import Exchange, MilterSession, Negotiated
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from actions.milter.codec import Edit
    from actions.milter.envelope import Client, Recipient, Sender
    from actions.milter.link import ChainSettings, Link

REJECTED = SmtpReply(550, ("5.7.1 Command rejected",))
TEMPFAILED = SmtpReply(451, ("4.7.1 Service unavailable - try again later",))
SHUT_DOWN = SmtpReply(421, ("4.7.0 Server closing connection",))
INTERRUPTED_BODY = SmtpReply(451, ("4.3.5 Server configuration problem - try again later",))

_DEFAULT_REPLIES: dict[DefaultAction, SmtpReply] = {
    "tempfail": TEMPFAILED,
    "reject": SmtpReply(550, ("5.5.0 Service unavailable",)),
    "shutdown": SmtpReply(421, ("4.7.1 Service unavailable - try again later",)),
}
"""What milter_default_action answers; accept and quarantine answer nothing."""

_FAMILIES = {"inet": b"4", "inet6": b"6", "unix": b"L", "unknown": b"U"}


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


class _Stop(Record):
    """Why the chain asks no further milter."""

    reply: SmtpReply | None
    """None where the client is told nothing: discard and quarantine."""
    decided_by: str
    kind: Literal["refused", "discard", "quarantine"] = "refused"
    reason: str = ""


class _Member:
    """A milter during a session."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.session: MilterSession | None = None
        self.done = False
        """Accepted or failed: not asked again in this session."""
        self.done_with_message = False
        self.last: Exchange | None = None
        self.standing: _Stop | None = None
        """An answer that holds for every further event of the session."""


class Chain:
    """One SMTP session through a chain of milters.

    Args:
        links: the milters in Postfix's order.
        settings: what holds for all of them.
        observe: is given every `Negotiated`, `Exchange` and `Edited` as it happens.
    """

    def __init__(
        self,
        links: tuple[Link, ...],
        settings: ChainSettings,
        observe: Callable[[ChainEvent], None] = lambda _: None,
    ) -> None:
        self._members = tuple(_Member(link) for link in links)
        self._settings = settings
        self._observe = observe
        self._deadline = time.monotonic() + settings.deadline
        self._values: dict[str, bytes] = dict(settings.server)
        self._message_values: dict[str, bytes] = {}
        self._sender: Sender | None = None
        self._recipients: list[Recipient] = []
        self._stopped: _Stop | None = None
        """Discarded or quarantined before the content: no milter is asked any more."""

    def connect(self, client: Client) -> SmtpReply | None:
        """Announce *client*; returns the refusal, or None to go on."""
        self._values |= client_macros(client)
        nowhere = client.family == "unknown"
        name = client.name or ("unknown" if nowhere else f"[{client.address}]")
        data = _strings([name]) + _FAMILIES[client.family]
        if not nowhere:
            data += struct.pack(">H", client.port) + _strings([client.address])
        argument = f"{client.name or 'unknown'}[{client.address}]"
        return self._ask_all(Stage.CONNECT, data, argument)

    def helo(self, name: str) -> SmtpReply | None:
        """Announce HELO or EHLO with *name*."""
        return self._ask_all(Stage.HELO, _strings([name]), name)

    def mail(self, sender: Sender) -> SmtpReply | None:
        """Announce the sender; forgets the message before."""
        self._forget_message()
        self._message_values = sender_macros(sender)
        data = _strings([f"<{sender.address}>", *sender.arguments])
        reply = self._ask_all(Stage.MAIL, data, f"<{sender.address}>")
        if reply is None:
            self._sender = sender
        return reply

    def rcpt(self, recipient: Recipient, queue_id: str = "") -> SmtpReply | None:
        """Announce a recipient.

        Args:
            recipient: the recipient; where the MTA itself refuses it, only milters that
                negotiated rejected recipients are asked, and nothing comes of it.
            queue_id: the message's, from the second recipient on.
        """
        self._set_queue_id(queue_id)
        values = recipient_macros(recipient)
        data = _strings([f"<{recipient.address}>", *recipient.arguments])
        refused, stopped = bool(recipient.refused), self._stopped
        reply = self._ask_all(
            Stage.RCPT, data, f"<{recipient.address}>", values, only_wanting_rejected=refused
        )
        if refused:
            self._stopped = stopped
            return None
        if reply is None:
            self._recipients.append(recipient)
        return reply

    def data(self, queue_id: str = "") -> SmtpReply | None:
        """Announce DATA."""
        self._set_queue_id(queue_id)
        return self._ask_all(Stage.DATA, b"", "")

    def unknown(self, command: str) -> SmtpReply | None:
        """Announce a command that the MTA does not know."""
        return self._ask_all(Stage.UNKNOWN, _strings([command]), command)

    def message(self, message: bytes, received: bytes = b"") -> Outcome:
        """Send the content to each milter in turn and return what became of it.

        Args:
            message: headers and body as the client sent them.
            received: the value of the MTA's own Received header, hidden from milters.
        """
        content = parse_message(message)
        if received:
            own = Header(b"Received", b" " + received, hidden=True)
            content = Content((own, *content.headers), content.body)
        outcome = Outcome("deliver", None, content, self._envelope())
        stop = self._stopped
        for member in self._members:
            if stop:
                break
            outcome, stop = self._message_to(member, outcome)
        self.abort()
        return _concluded(outcome, stop)

    def abort(self) -> None:
        """End the message at every milter, as RSET and the end of a message do."""
        for member in self._members:
            if member.session and not member.done:
                member.session.abort()
        self._forget_message()

    def close(self) -> None:
        """End the session at every milter."""
        for member in self._members:
            if member.session:
                member.session.quit()
                member.session = None
            member.done = True

    def _forget_message(self) -> None:
        self._sender, self._recipients, self._stopped = None, [], None
        self._message_values = {}
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
        values: Mapping[str, bytes] | None = None,
        *,
        only_wanting_rejected: bool = False,
    ) -> SmtpReply | None:
        for member in self._members:
            if self._stopped:
                break
            if stage is Stage.CONNECT:
                self._open(member)
            if only_wanting_rejected and not _wants_rejected(member):
                self._observe(
                    Exchange(
                        member.link.name, stage, argument, withheld="recipient refused by the MTA"
                    )
                )
                continue
            stop = self._ask(member, stage, data, argument, values or {})
            if stop and stop.kind != "refused":
                self._stopped = stop
            elif stop:
                return stop.reply
        return None

    def _open(self, member: _Member) -> None:
        member.session, opened = open_session(member.link, self._settings, self._deadline)
        self._observe(opened)
        if opened.trouble:
            self._give_up(member)

    def _ask(
        self,
        member: _Member,
        stage: Stage,
        data: bytes,
        argument: str,
        values: Mapping[str, bytes] | None = None,
    ) -> _Stop | None:
        if member.standing:
            return member.standing
        if member.done or member.done_with_message or member.session is None:
            return None
        known = self._values | self._message_values | dict(values or {})
        exchange = member.session.ask(stage, data, argument, known)
        member.last = exchange
        self._observe(exchange)
        if exchange.trouble:
            return self._give_up(member)
        return self._obey(member, stage, exchange.reply)

    def _obey(self, member: _Member, stage: Stage, reply: Reply | None) -> _Stop | None:
        name = member.link.name
        at_connect = stage in (Stage.CONNECT, Stage.HELO)
        match reply.decision if reply else "continue":
            case "accept" if at_connect:
                self._dismiss(member)
            case "accept":
                member.done_with_message = True
            case "reject" | "tempfail" as decision:
                default = REJECTED if decision == "reject" else TEMPFAILED
                stop = _Stop((reply and reply.smtp) or default, name)
                if at_connect:
                    self._dismiss(member, stop)
                return stop
            case "discard":
                return _Stop(None, name, "discard")
            case "shutdown":
                stop = _Stop(SHUT_DOWN, name)
                self._dismiss(member, stop)
                return stop
            case "failure":
                return self._give_up(member)
        return None

    def _give_up(self, member: _Member) -> _Stop | None:
        """Take milter_default_action for a milter that failed; it holds for the session."""
        action = member.link.default_action
        stop = None
        if action == "quarantine":
            stop = _Stop(None, member.link.name, "quarantine", "default_action")
        elif action != "accept":
            stop = _Stop(_DEFAULT_REPLIES[action], member.link.name)
        self._dismiss(member, stop)
        return stop

    def _dismiss(self, member: _Member, standing: _Stop | None = None) -> None:
        member.done, member.standing = True, standing
        if member.session:
            member.session.close()
            member.session = None

    def _message_to(self, member: _Member, outcome: Outcome) -> tuple[Outcome, _Stop | None]:
        if member.standing or member.session is None:
            return outcome, member.standing
        if member.done or member.done_with_message:
            return outcome, None
        keep = member.session.connection.keeps_leading_space
        stop = None
        for stage, data, argument in _content_events(outcome.content, leading_space=keep):
            stop = self._ask(member, stage, data, argument)
            if stop or member.done_with_message or member.done:
                break
        last = member.last
        edits = last.edits if last else ()
        if not edits or (stop and last and last.trouble):
            return outcome, stop
        return self._edit(member.link.name, outcome, edits, stop, leading_space=keep)

    def _edit(
        self,
        name: str,
        outcome: Outcome,
        edits: tuple[Edit, ...],
        stop: _Stop | None,
        *,
        leading_space: bool,
    ) -> tuple[Outcome, _Stop | None]:
        try:
            content, envelope = edit_message(
                outcome.content, outcome.envelope, edits, leading_space=leading_space
            )
        except InterruptedBody:
            return outcome, _Stop(INTERRUPTED_BODY, name)
        self._observe(Edited(name, outcome.content, content, outcome.envelope, envelope))
        for edit in edits:
            if edit.kind == "quarantine" and stop is None:
                reason = edit.value.decode("utf-8", "backslashreplace")
                stop = _Stop(None, name, "quarantine", reason)
        return outcome._replace(content=content, envelope=envelope), stop


def _concluded(outcome: Outcome, stop: _Stop | None) -> Outcome:
    if stop is None:
        return outcome
    if stop.kind != "refused":
        return outcome._replace(
            action=stop.kind, decided_by=stop.decided_by, quarantine_reason=stop.reason
        )
    assert stop.reply is not None
    action: Literal["reject", "tempfail"] = "reject" if stop.reply.code >= 500 else "tempfail"
    return outcome._replace(action=action, reply=stop.reply, decided_by=stop.decided_by)


def _wants_rejected(member: _Member) -> bool:
    return bool(member.session and member.session.connection.wants_rejected_recipients)


def _content_events(content: Content, *, leading_space: bool) -> Iterator[tuple[Stage, bytes, str]]:
    for header in content.visible:
        value = header.value(leading_space=leading_space)
        yield Stage.HEADER, strings([header.name, value]), header.name.decode("latin-1")
    yield Stage.EOH, b"", ""
    for chunk in content.chunks():
        yield Stage.BODY, chunk, f"{len(chunk)} bytes"
    yield Stage.END, b"", ""


def _strings(parts: list[str]) -> bytes:
    return strings([part.encode("utf-8", "surrogateescape") for part in parts])
