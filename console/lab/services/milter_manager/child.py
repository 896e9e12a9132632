"""One child milter during one SMTP session: asked as an MTA asks it, left out when it fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from actions.action import Cancelled
from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.milter.codec import SmtpReply
from actions.milter.events import content_events
from actions.milter.link import ChainSettings, Link, open_session
from actions.milter.message import Envelope, InterruptedBody, edit_message
from actions.milter.protocol import Stage
from actions.milter.session import Trouble
from actions.milter.transport import Timeouts
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.milter.codec import Edit, Reply
    from actions.milter.message import Content
    from actions.milter.session import MilterSession
    from console.lab.services.milter_manager.configuration import ChildSettings
    from console.lab.services.milter_manager.journal import Journal

SESSION_LIMIT = 3600.0
"""Seconds for all that is asked in one SMTP session."""

SHUT_DOWN = SmtpReply(421, ("4.7.0 Server closing connection",))

STATES = {
    Stage.CONNECT: "connect",
    Stage.HELO: "helo",
    Stage.MAIL: "envelope-from",
    Stage.RCPT: "envelope-recipient",
    Stage.DATA: "data",
    Stage.HEADER: "header",
    Stage.EOH: "end-of-header",
    Stage.BODY: "body",
    Stage.END: "end-of-message",
}
"""What the log calls each stage."""


class Verdict(Record):
    """A decision against the client or its message."""

    decision: Literal["reject", "temporary-failure", "discard"]
    reply: SmtpReply | None = None
    """The exact reply, where the child gave one."""


class Edited(Record):
    """What a child made of a message."""

    verdict: Verdict | None
    content: Content
    edits: tuple[Edit, ...] = ()


class _Limit:
    """Ends a wait that a child's wish for more time would prolong for ever."""

    def __init__(self) -> None:
        self.until = float("inf")

    def is_set(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() > self.until


class Child:
    """One child milter.

    Args:
        settings: how it is defined.
        journal: what is told of the session.
    """

    def __init__(self, settings: ChildSettings, journal: Journal) -> None:
        self.settings = settings
        self.accepted = False
        """Whether it let the message pass ahead of its end, or at it."""
        self._journal = journal
        self._number = journal.next_number()
        self._started = time.monotonic()
        self._limit = _Limit()
        self._session: MilterSession | None = None
        self._out_of_message = False
        self._extra: dict[str, dict[str, bytes]] = {"connect": {}}

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        return self.settings.name

    def open(self) -> Verdict | None:
        """Connect and negotiate; return what its failure means, or None to go on."""
        settings = self.settings
        try:
            link = _link(settings)
        except BadEndpoint as error:
            return self._fail("start", Trouble("connection", str(error)))
        self._limit.until = time.monotonic() + link.timeouts.connect + link.timeouts.reply
        chain = ChainSettings({}, extra=self._extra, cancel=self._limit)
        try:
            self._session, opened = open_session(link, chain, time.monotonic() + SESSION_LIMIT)
        except Cancelled:
            return self._fail("negotiate", Trouble("timeout", "it takes too long"))
        if opened.trouble:
            state = "start" if opened.trouble.kind == "connection" else "negotiate"
            return self._fail(state, opened.trouble)
        return None

    def ask(
        self, stage: Stage, data: bytes, values: Mapping[str, bytes], extra: Mapping[str, bytes]
    ) -> Verdict | None:
        """Announce one event of the envelope; return what the child has against it.

        Args:
            stage: the event.
            data: what goes with it.
            values: of all macros that are known.
            extra: of macros that the MTA sent though milters usually do not get them then.
        """
        if self._session is None or self._is_out:
            return None
        self._extra[stage.value] = dict(extra)
        return self._ask(self._session, stage, data, values)[0]

    def read(self, content: Content, values: Mapping[str, bytes]) -> Edited:
        """Show the child the whole message; return what it made of it."""
        session = self._session
        if session is None or self._is_out:
            return Edited(None, content)
        keeps_space = session.connection.keeps_leading_space
        verdict: Verdict | None = None
        edits: tuple[Edit, ...] = ()
        for stage, data, _ in content_events(content, leading_space=keeps_space):
            verdict, edits = self._ask(session, stage, bytes(data), values)
            if verdict or self._is_out:
                break
        if verdict or not edits:
            return Edited(verdict, content)
        try:
            edited, _ = edit_message(content, Envelope(b"", ()), edits, leading_space=keeps_space)
        except InterruptedBody:
            trouble = Trouble("protocol", "the new body was interrupted by another edit")
            return Edited(self._fail(STATES[Stage.END], trouble), content)
        return Edited(None, edited, tuple(_spaced(edit, keeps_space) for edit in edits))

    def end_message(self) -> None:
        """Tell the child that the message is over, however it ended."""
        self._out_of_message = self.accepted = False
        if self._session:
            self._limit.until = float("inf")
            self._session.abort()

    def stop(self, state: str) -> None:
        """Take the child out of the session: a condition for it is not met."""
        self._journal.child_ended(self._number, self.name, state, "stop", self._seconds)
        self.close()

    def close(self) -> None:
        """End the session with the child."""
        session, self._session = self._session, None
        if session:
            self._limit.until = float("inf")
            session.quit()

    def _ask(
        self, session: MilterSession, stage: Stage, data: bytes, values: Mapping[str, bytes]
    ) -> tuple[Verdict | None, tuple[Edit, ...]]:
        settings = self.settings
        wait = "end_of_message_timeout" if stage is Stage.END else "reading_timeout"
        limit = settings.seconds("writing_timeout") + settings.seconds(wait)
        self._limit.until = time.monotonic() + limit
        try:
            exchange = session.ask(stage, data, "", values)
        except Cancelled:
            trouble = Trouble("timeout", "it takes too long")
            return self._fail(STATES[stage], trouble), ()
        if exchange.trouble:
            return self._fail(STATES[stage], exchange.trouble), ()
        said = exchange.reply.decision if exchange.reply else "continue"
        self._journal.child_asked(self._number, self.name, STATES[stage], said)
        return self._obey(stage, exchange.reply), exchange.edits

    def _obey(self, stage: Stage, reply: Reply | None) -> Verdict | None:
        match reply.decision if reply else "continue":
            case "accept":
                self.accepted = self._out_of_message = True
                if stage in (Stage.CONNECT, Stage.HELO):
                    self.close()
            case "reject":
                return Verdict("reject", reply and reply.smtp)
            case "tempfail":
                return Verdict("temporary-failure", reply and reply.smtp)
            case "discard":
                return Verdict("discard")
            case "shutdown":
                self.close()
                return Verdict("temporary-failure", SHUT_DOWN)
            case "failure":
                return self._fail(STATES[stage], Trouble("protocol", "the milter failed"))
        return None

    def _fail(self, state: str, trouble: Trouble) -> Verdict | None:
        """Leave the child out from here on; return what its fallback status means."""
        session, self._session = self._session, None
        if session:
            session.close()
        status = str(self.settings.value("fallback_status"))
        child = self._number, self.name
        self._journal.child_failed(*child, self.settings.spec, state, status, trouble)
        # One that never answered has let everything pass; one that broke off has its fallback.
        ended = "pass" if state in {"start", "negotiate"} else status
        self._journal.child_ended(*child, state, ended, self._seconds)
        match status:
            case "reject" | "temporary-failure" | "discard":
                return Verdict(status)
        return None

    @property
    def _is_out(self) -> bool:
        """Whether it is not asked any more, in this message at least."""
        return self._session is None or self._out_of_message

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started


def _link(settings: ChildSettings) -> Link:
    reading = settings.seconds("reading_timeout")
    timeouts = Timeouts(
        settings.seconds("connection_timeout"),
        settings.seconds("writing_timeout"),
        reading,
        reading,
        settings.seconds("end_of_message_timeout"),
    )
    return Link(settings.name, parse_endpoint(settings.spec), timeouts=timeouts)


def _spaced(edit: Edit, kept: bool) -> Edit:  # noqa: FBT001
    """Return *edit* as a milter writes it that leaves the space after the colon to the MTA."""
    if kept and edit.kind in {"add header", "insert header", "change header"}:
        return edit._replace(value=edit.value.removeprefix(b" "))
    return edit
