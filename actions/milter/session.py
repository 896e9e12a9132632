"""One milter, asked over a socket: an event goes out, what came back is an `Exchange`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.action import Cancelled
from actions.milter.codec import BadReply, Chosen, Edit, Progress, Reply, Violation
from actions.milter.protocol import MESSAGE_STAGES, Stage
from actions.milter.transport import MilterTrouble, Timeouts, Transport, TroubleKind
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from actions.host.errors import HostError
    from actions.milter.connection import Connection, Offer
    from actions.milter.transport import Buffer


GO_ON = Reply("continue")

SMALL = 4096
"""Bytes of data that are sooner copied behind their head than sent beside it."""

_WAITS = dict.fromkeys(Stage, Timeouts._fields.index("reply"))
_WAITS |= dict.fromkeys(MESSAGE_STAGES, Timeouts._fields.index("content"))
_WAITS[Stage.END] = Timeouts._fields.index("end")
"""Which of the timeouts holds for the reply to an event, by its place among them."""


class Trouble(Record):
    """Why a milter gave no decision."""

    kind: TroubleKind
    text: str
    bad_reply: bool = False
    """Whether it is an SMTP reply that is none, which Postfix tells from all else."""

    @property
    def json_omits(self) -> tuple[str, ...]:
        """It shows in the text."""
        return ("bad_reply",)


def trouble_of(error: MilterTrouble | Violation | OSError | HostError) -> Trouble:
    """Return what an operator is told of *error*."""
    if isinstance(error, MilterTrouble):
        return Trouble(error.kind, str(error))
    if isinstance(error, Violation):
        return Trouble("protocol", str(error), bad_reply=isinstance(error, BadReply))
    return Trouble("connection", getattr(error, "strerror", None) or str(error))


class Negotiated(Record):
    """How a session with a milter was opened."""

    milter: str
    endpoint: str
    offer: Offer
    chosen: Chosen | None
    seconds: float
    trouble: Trouble | None = None


class Exchange(Record):
    """One event of a session, and what the milter made of it."""

    milter: str
    stage: Stage
    argument: str
    """What the event was about, for people: an address, a header, a number of bytes."""
    macros: tuple[tuple[str, bytes], ...] = ()
    reply: Reply | None = None
    withheld: str = ""
    """Why the event was not sent; empty where it was."""
    seconds: float = 0.0
    """From sending to the reply."""
    progress: int = 0
    """How often the milter asked for more time."""
    edits: tuple[Edit, ...] = ()
    trouble: Trouble | None = None


class MilterSession:
    """A connection to a milter and the socket under it.

    Args:
        name: what the milter is called in reports.
        transport: its socket.
        connection: its protocol state.
        timeouts: how long to wait for what.
    """

    def __init__(
        self, name: str, transport: Transport, connection: Connection, timeouts: Timeouts
    ) -> None:
        self.name = name
        self.connection = connection
        self._transport = transport
        self._timeouts = timeouts
        self._progress = 0

    def negotiate(self) -> Chosen:
        """Open the session.

        Raises:
            MilterTrouble: the peer closed, or kept silent.
            Violation: it is no milter, or wants what was not offered.
        """
        try:
            self._transport.send(self.connection.negotiate(), self._timeouts.write)
        except MilterTrouble as gone:
            if gone.kind != "closed":
                raise
            # What it said before it closed tells better what it is; without that, it closed.
        answer = self._next(self._timeouts.reply)
        assert isinstance(answer, Chosen)
        return answer

    def ask(
        self, stage: Stage, data: Buffer, argument: str, values: Mapping[str, bytes]
    ) -> Exchange:
        """Send one event and return what came back, trouble included.

        Args:
            stage: the event.
            data: what goes with it.
            argument: the same in words.
            values: of macros, all that are known; not to be changed later on.
        """
        connection = self.connection
        transport, timeouts = self._transport, self._timeouts
        if why := connection.withheld(stage):
            held = connection.hold_macros(stage, values)
            return Exchange(self.name, stage, argument, held, withheld=why)
        event = connection.prepared(stage, values)
        reply, trouble, self._progress = None, None, 0
        edits: Sequence[Edit] = ()
        started = time.perf_counter()
        try:
            head = connection.head(event, len(data))
            if len(data) > SMALL:
                transport.send_two(head, data, timeouts.write)
            else:
                transport.send(head + data, timeouts.write)
            if event.awaits:
                answer = transport.receive(timeouts[_WAITS[stage]])
                if connection.goes_on(answer):
                    reply = GO_ON
                else:
                    edits = []
                    reply = self._read(answer, stage, edits)
        except (MilterTrouble, Violation) as error:
            trouble = trouble_of(error)
        seconds = time.perf_counter() - started
        return Exchange(
            self.name,
            stage,
            argument,
            event.macros,
            reply,
            "",
            seconds,
            self._progress,
            tuple(edits),
            trouble,
        )

    def ask_all(
        self, events: Iterable[tuple[Stage, Buffer, str]], values: Mapping[str, bytes]
    ) -> Iterator[Exchange]:
        """Send events in turn, and yield what came back of each; see `ask`."""
        for stage, data, argument in tuple(events):  # made ready in one go, not while one waits
            yield self.ask(stage, data, argument, values)

    def abort(self) -> None:
        """End the message; a milter that is gone already is left alone."""
        self._farewell(self.connection.abort())

    def quit(self) -> None:
        """End the session and close."""
        try:
            self._farewell(self.connection.quit())
        finally:
            self._transport.close()

    def close(self) -> None:
        """Close without a word, as after trouble."""
        self._transport.close()

    def _read(self, data: bytes, stage: Stage, edits: list[Edit]) -> Reply:
        """Return the reply to an event, of which *data* has come; count and keep what precedes."""
        self.connection.receive(data)
        while True:
            match self._next(self._timeouts[_WAITS[stage]]):
                case Reply() as reply:
                    return reply
                case Edit() as edit:
                    edits.append(edit)
                case Progress():
                    self._progress += 1

    def _next(self, timeout: float) -> Chosen | Edit | Progress | Reply:
        while (found := self.connection.next()) is None:
            self.connection.receive(self._transport.receive(timeout))
        return found

    def _farewell(self, data: bytes) -> None:
        try:
            self._transport.send(data, min(self._timeouts.write, 1.0))
        except (MilterTrouble, Cancelled):
            return
