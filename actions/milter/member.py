"""A milter as a member of a chain: whether it is still asked, and what stops the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.milter.codec import SmtpReply
from actions.milter.protocol import MESSAGE_STAGES, Stage
from actions.milter.session import GO_ON
from actions.record import Record

if TYPE_CHECKING:
    from actions.milter.codec import Reply
    from actions.milter.link import DefaultAction, Link
    from actions.milter.session import Exchange, MilterSession

REJECTED = SmtpReply(550, ("5.7.1 Command rejected",))
TEMPFAILED = SmtpReply(451, ("4.7.1 Service unavailable - try again later",))
SHUT_DOWN = SmtpReply(421, ("4.7.0 Server closing connection",))
HANG_UP = (421, 521)
"""Replies after which Postfix closes the session, whatever they were given to."""

MISCONFIGURED = SmtpReply(451, ("4.3.5 Server configuration problem - try again later",))
"""In place of the refusals below after a malformed SMTP reply or an interrupted new body."""

DEFAULT_REPLIES: dict[DefaultAction, SmtpReply] = {
    "tempfail": TEMPFAILED,
    "reject": SmtpReply(550, ("5.5.0 Service unavailable",)),
    "shutdown": SmtpReply(421, ("4.7.1 Service unavailable - try again later",)),
}
"""What milter_default_action answers; accept and quarantine answer nothing."""


class Stop(Record):
    """Why the chain asks no further milter."""

    reply: SmtpReply | None
    """None where the client is told nothing: discard and quarantine."""
    decided_by: str
    kind: Literal["refused", "discard", "quarantine"] = "refused"
    reason: str = ""


class Member:
    """A milter during a session."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.session: MilterSession | None = None
        self.done = False
        """Accepted or failed: not asked again in this session."""
        self.done_with_message = False
        self.standing: Stop | None = None
        """An answer that holds for every further event of the session."""

    @property
    def wants_rejected(self) -> bool:
        """Whether it is told of recipients that the MTA itself refuses."""
        return bool(self.session and self.session.connection.wants_rejected_recipients)

    def take(self, exchange: Exchange) -> Stop | None:
        """Note what came back from an event; returns what stops the chain, or None to go on."""
        if exchange.reply is GO_ON:
            return None
        if exchange.trouble:
            return self.give_up(bad_reply=exchange.trouble.bad_reply)
        return self.obey(exchange.stage, exchange.reply)

    def obey(self, stage: Stage, reply: Reply | None) -> Stop | None:
        """Do what *reply* says of this milter; returns what stops the chain."""
        name = self.link.name
        at_connect = stage in (Stage.CONNECT, Stage.HELO)
        match reply.decision if reply else "continue":
            case "accept" if at_connect:
                self.dismiss()
            case "accept":
                self.done_with_message = True
            case "reject" | "tempfail" as decision:
                default = REJECTED if decision == "reject" else TEMPFAILED
                stop = Stop((reply and reply.smtp) or default, name)
                if at_connect:
                    self.dismiss(stop)
                return stop
            case "discard":
                return Stop(None, name, "discard")
            case "shutdown" if stage in MESSAGE_STAGES:
                return Stop(None, name, "discard")  # Postfix says 250 and queues nothing
            case "shutdown":
                stop = Stop(SHUT_DOWN, name)
                self.dismiss(stop)
                return stop
            case "failure":
                return self.give_up()
        return None

    def give_up(self, *, bad_reply: bool = False) -> Stop | None:
        """Take milter_default_action for a milter that failed; it holds for the session.

        What refuses says so in other words where the milter's *bad reply* was the failure.
        """
        action = self.link.default_action
        stop = None
        if action == "quarantine":
            stop = Stop(None, self.link.name, "quarantine", "default_action")
        elif action != "accept":
            reply = DEFAULT_REPLIES[action]
            if bad_reply:
                code = reply.code if reply.code in HANG_UP else MISCONFIGURED.code
                reply = MISCONFIGURED._replace(code=code)
            stop = Stop(reply, self.link.name)
        self.dismiss(stop)
        return stop

    def dismiss(self, standing: Stop | None = None) -> None:
        """Ask it no more in this session; *standing* is its answer from here on."""
        self.done, self.standing = True, standing
        if self.session:
            self.session.close()
            self.session = None
