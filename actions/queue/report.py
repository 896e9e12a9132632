"""What looks at the queue tell, as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.finding import Health, worst
from actions.record import Record

if TYPE_CHECKING:
    from actions.finding import Finding
    from actions.host.queue import Recipient


class Message(Record):
    """One message in the queue."""

    queue_id: str
    state: str
    """The queue it is in: "incoming", "active", "deferred", "hold" or "maildrop"."""
    arrival: int
    """In seconds since the epoch."""
    size: int
    """Bytes of header and body."""
    sender: str
    """Empty for a bounce."""
    recipients: tuple[Recipient, ...]
    next_retry: float | None
    """Before when it is not tried again, in seconds since the epoch; None where it can't be
    seen, or it is not deferred."""
    forced_expire: bool
    """Whether it goes back to its sender at the next attempt."""


class StateCount(Record):
    """How much is in one of Postfix's queues."""

    state: str
    messages: int | None
    """None where it can't be seen."""
    size: int
    """Bytes of header and body."""
    oldest: int | None
    """When the oldest arrived, in seconds since the epoch."""


class DomainCount(Record):
    """How many recipients of one domain wait."""

    domain: str
    recipients: int


class ReasonGroup(Record):
    """Mail that waits for one reason, told apart by nothing but hosts, numbers and addresses."""

    reason: str
    """The reason with "*" for what differs."""
    messages: int
    recipients: int
    domains: tuple[DomainCount, ...]
    """The destinations with the most recipients."""
    other_domains: int
    """How many destinations there are besides."""
    oldest: int
    """When the oldest message arrived, in seconds since the epoch."""
    example: str
    """The reason of that message, whole."""


class QueueReport(Record):
    """The result of ``queue.list``."""

    now: float
    """When it was looked, in seconds since the epoch."""
    states: tuple[StateCount, ...]
    """The whole queue, by Postfix's queues."""
    matched: int
    """How many messages were asked for; what follows is of these."""
    size: int
    oldest: int | None
    """When the oldest arrived, in seconds since the epoch; None where there is none."""
    reasons: tuple[ReasonGroup, ...]
    """Why mail waits, what hinders most recipients first."""
    other_reasons: int
    """How many groups of reasons there are besides."""
    next_retry: float | None
    """When the first of the deferred messages is due, in seconds since the epoch; None where
    it can't be seen, or there is none."""
    messages: tuple[Message, ...]
    """The oldest first, as many as were wanted."""
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()
    """What could not be seen, and what would let it be seen."""
    choice: str = ""
    """What was asked for, in words; empty for every message."""

    @property
    def total(self) -> int:
        """How many messages the whole queue has, as far as they can be seen."""
        return sum(count.messages or 0 for count in self.states)

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "queue.list/1"

    @property
    def exit_code(self) -> int:
        """0 where nothing is wrong with the queue, else 1."""
        return Exit.FINE if worst(self.findings) is Health.OK else Exit.PROBLEM


class MessageReport(Record):
    """The result of ``queue.show``."""

    message: Message
    now: float
    """When it was looked, in seconds since the epoch."""
    envelope: tuple[tuple[str, str], ...]
    """The records before the message, as postcat(1) names them, in their order."""
    headers: tuple[tuple[str, str], ...]
    """Names and values as they stand there, folded lines joined with their line breaks."""
    body: str | None
    """None where it was not asked for."""
    body_cut: bool = False
    """Whether there is more of the body than is shown."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "queue.show/1"

    @property
    def exit_code(self) -> int:
        """0: what was asked for is shown."""
        return Exit.FINE


class Place(Record):
    """Where one message is now."""

    queue_id: str
    state: str
    """Its queue; empty where it has left."""


class WhereReport(Record):
    """The result of ``queue.where``."""

    places: tuple[Place, ...]
    expect: str
    """"hold", "moving", "gone", or empty where nothing is expected."""

    @property
    def astray(self) -> tuple[Place, ...]:
        """The messages that are not where they are expected."""
        return tuple(place for place in self.places if not _is_fine(place.state, self.expect))

    @property
    def because(self) -> str:
        """What is not as expected, in words; empty where all is."""
        astray = self.astray
        if not astray:
            return ""
        first = f"{astray[0].queue_id} is in {astray[0].state}"
        return first if len(astray) == 1 else f"{first}, and {len(astray) - 1} more"

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "queue.where/1"

    @property
    def exit_code(self) -> int:
        """0 where every message is where it is expected, else 1."""
        return Exit.PROBLEM if self.astray else Exit.FINE


def _is_fine(state: str, expect: str) -> bool:
    if not expect or not state:
        return True
    if expect == "hold":
        return state == "hold"
    return state != "hold" if expect == "moving" else state == "maildrop"
