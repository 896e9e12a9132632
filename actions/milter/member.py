"""A milter as a member of a chain: whether it is still asked, and what stops the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.milter.codec import SmtpReply
from actions.record import Record

if TYPE_CHECKING:
    from actions.milter.link import DefaultAction, Link
    from actions.milter.session import MilterSession

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
