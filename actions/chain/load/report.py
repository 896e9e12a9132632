"""What ``chain.load`` tells: while it runs, and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.record import Record

if TYPE_CHECKING:
    from actions.chain.load.times import Spread
    from actions.chain.report import Setting, Verdict
    from actions.milter.transport import TroubleKind

LoadStage = Literal[
    "negotiate",
    "connect",
    "helo",
    "mail",
    "rcpt",
    "data",
    "header",
    "eoh",
    "body",
    "end",
    "unknown",
]
"""What is timed of a milter: opening it, connecting included, and every event."""

Ending = Literal["all sessions done", "the duration is over", "cancelled"]


class StageTimes(Record):
    """How long one milter took for one kind of event."""

    stage: LoadStage
    times: Spread


class MilterLoad(Record):
    """One milter under load."""

    name: str
    endpoint: str
    stages: tuple[StageTimes, ...]
    """In the order of a session; only what happened."""
    sessions: Spread
    """What each session spent waiting for this milter."""


class VerdictCount(Record):
    """How many messages of one size came to one verdict."""

    size: int
    """Of the message, in bytes."""
    verdict: Verdict
    messages: int


class ErrorCount(Record):
    """One kind of failure."""

    milter: str
    stage: LoadStage
    kind: TroubleKind
    text: str
    number: int
    first: float
    """When it was first seen, in seconds from the start."""


class LoadProgress(Record):
    """How far it is, told about four times a second."""

    done: int
    total: int | None
    """None where the number of sessions is not limited."""
    running: int
    seconds: float
    sessions_per_second: float
    messages_per_second: float
    errors: int
    session: Spread
    """Of whole sessions."""
    milters: tuple[MilterLoad, ...] = ()
    verdicts: tuple[VerdictCount, ...] = ()
    failures: tuple[ErrorCount, ...] = ()

    @property
    def standing(self) -> str:
        """The same in one line, for a terminal."""
        of = f" of {self.total}" if self.total is not None else ""
        times = f"p50 {self.session.p50 * 1000:.1f} ms, p99 {self.session.p99 * 1000:.1f} ms"
        return (
            f"{self.done}{of} sessions, {self.sessions_per_second:.0f}/s, {times}, "
            f"{self.errors} errors, {self.seconds:.0f} s"
        )


class LoadReport(Record):
    """The result of ``chain.load``."""

    ending: Ending
    setting: Setting
    parallel: int
    planned: int | None
    """Sessions asked for; None where only the duration limits them."""
    sessions: int
    """Sessions that ran to their end, undecided ones included."""
    undecided: int
    """Sessions in which a milter gave no decision."""
    messages: int
    """Messages that were decided."""
    bytes: int
    """Of all those messages."""
    seconds: float
    sessions_per_second: float
    messages_per_second: float
    megabytes_per_second: float
    """Millions of bytes of message."""
    session: Spread
    """Of whole sessions."""
    milters: tuple[MilterLoad, ...]
    verdicts: tuple[VerdictCount, ...]
    errors: tuple[ErrorCount, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    """Why messages that passed may not have been filtered."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "chain.load/1"

    @property
    def exit_code(self) -> int:
        """0 where equal messages had equal verdicts, 1 where not, 6 where a session had none."""
        if self.undecided or self.ending == "cancelled" or not self.sessions:
            return Exit.UNDECIDED
        if self.uneven:
            return Exit.PROBLEM
        return Exit.UNDECIDED if self.doubts else Exit.FINE

    @property
    def uneven(self) -> bool:
        """Whether messages of the same size came to different verdicts."""
        sizes = [counted.size for counted in self.verdicts]
        return len(set(sizes)) < len(sizes)
