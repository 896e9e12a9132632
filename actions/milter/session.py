"""One milter, asked over a socket: an event goes out, what came back is an `Exchange`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.action import Cancelled
from actions.milter.codec import Chosen, Edit, Progress, Reply, Violation
from actions.milter.protocol import MESSAGE_STAGES, Stage
from actions.milter.transport import MilterTrouble, Timeouts, Transport, TroubleKind
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.errors import HostError
    from actions.milter.connection import Connection, Offer


class Trouble(Record):
    """Why a milter gave no decision."""

    kind: TroubleKind
    text: str


def trouble_of(error: MilterTrouble | Violation | OSError | HostError) -> Trouble:
    """Return what an operator is told of *error*."""
    if isinstance(error, MilterTrouble):
        return Trouble(error.kind, str(error))
    if isinstance(error, Violation):
        return Trouble("protocol", str(error))
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
        self._transport.send(self.connection.negotiate(), self._timeouts.write)
        answer = self._next(self._timeouts.reply)
        assert isinstance(answer, Chosen)
        return answer

    def ask(
        self, stage: Stage, data: bytes, argument: str, values: Mapping[str, bytes]
    ) -> Exchange:
        """Send one event and return what came back, trouble included."""
        if why := self.connection.withheld(stage):
            held = self.connection.hold_macros(stage, values)
            return Exchange(self.name, stage, argument, held, withheld=why)
        macros = self.connection.macros(stage, values)
        asked = Exchange(self.name, stage, argument, macros)
        started = time.perf_counter()
        edits: list[Edit] = []
        reply, trouble, self._progress = None, None, 0
        try:
            self._transport.send(self.connection.send(stage, data, macros), self._timeouts.write)
            reply = self._answer(stage, edits)
        except (MilterTrouble, Violation) as error:
            trouble = trouble_of(error)
        return asked._replace(
            reply=reply,
            seconds=time.perf_counter() - started,
            progress=self._progress,
            edits=tuple(edits),
            trouble=trouble,
        )

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

    def _answer(self, stage: Stage, edits: list[Edit]) -> Reply | None:
        while self.connection.awaits is stage:
            match self._next(self._wait(stage)):
                case Reply() as reply:
                    return reply
                case Edit() as edit:
                    edits.append(edit)
                case Progress():
                    self._progress += 1
        return None

    def _next(self, timeout: float) -> Chosen | Edit | Progress | Reply:
        while (found := self.connection.next()) is None:
            self.connection.receive(self._transport.receive(timeout))
        return found

    def _wait(self, stage: Stage) -> float:
        if stage is Stage.END:
            return self._timeouts.end
        return self._timeouts.content if stage in MESSAGE_STAGES else self._timeouts.reply

    def _farewell(self, data: bytes) -> None:
        try:
            self._transport.send(data, min(self._timeouts.write, 1.0))
        except (MilterTrouble, Cancelled):
            return
