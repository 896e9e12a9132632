"""One entry of the journal: a plan, and what became of it event by event."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal

from actions.changes import BadRecord, from_record
from actions.plan import Plan, Proof
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "journal/1"

EventKind = Literal[
    "intent",
    "done",
    "failed",
    "proving",
    "proved",
    "not proved",
    "taken up",
    "taking back",
    "stuck",
    "applied",
    "rolled back",
    "undone",
    "finished",
    "left",
    "cut off",
]

CLOSING: frozenset[str] = frozenset(
    {"applied", "rolled back", "undone", "finished", "left", "cut off"}
)

_REOPENING = {"taking back", "stuck"}
"""What follows only where the event that closed an entry could not be seen on the disk."""


class Event(Record):
    """One thing that happened to an entry; each is on the disk before the next begins."""

    kind: EventKind
    at: float
    """Seconds since 1970."""
    change: int = -1
    """Which change of the plan, counted from 0; -1 for the plan as a whole."""
    back: bool = False
    """Whether it is about taking the change back."""
    text: str = ""
    """Why, or who."""
    seconds: float = 0.0


class Position(Enum):
    """How far one change has come, as its events tell."""

    NOT_BEGUN = "not begun"
    BEGUN = "begun"
    DONE = "done"
    RETURNING = "being taken back"
    RETURNED = "taken back"


class Entry(Record):
    """A plan that was begun on this host."""

    id: str
    plan: Plan
    who: str
    host_name: str
    events: tuple[Event, ...]
    damaged: str = ""
    """Why its plan can't be read; the plan is empty then."""

    @property
    def begun(self) -> float:
        """When it was begun, in seconds since 1970."""
        return self.events[0].at if self.events else 0.0

    @property
    def closed(self) -> Event | None:
        """The event that closed it; None while it is open."""
        return closing(self.events)

    @property
    def positions(self) -> tuple[Position, ...]:
        """How far each change has come."""
        reached = [Position.NOT_BEGUN] * len(self.plan.changes)
        for event in self.events:
            if 0 <= event.change < len(reached):
                reached[event.change] = (
                    _REACHED.get((event.kind, event.back)) or reached[event.change]
                )
        return tuple(reached)


_REACHED: dict[tuple[str, bool], Position] = {
    ("intent", False): Position.BEGUN,
    ("done", False): Position.DONE,
    ("intent", True): Position.RETURNING,
    ("done", True): Position.RETURNED,
}


def closing(events: Sequence[Event]) -> Event | None:
    """Return the event that closed an entry with these *events*; None while it is open."""
    for event in reversed(events):
        if event.kind in CLOSING:
            return event
        if event.kind in _REOPENING or event.back:
            return None
    return None


def token(entry: str, change: int) -> str:
    """Return the name of what applying or taking back *change* of *entry* makes on the way."""
    return f"{entry}-{change}"


def plan_record(plan: Plan) -> dict[str, object]:
    """Return *plan* as JSON."""
    return {
        "title": plan.title,
        "action": plan.action,
        "arguments": dict(plan.arguments),
        "why": plan.why,
        "lasting": plan.lasting,
        "proof": _proof_record(plan.proof),
        "undo_proof": _proof_record(plan.undo_proof),
        "changes": [change.record() for change in plan.changes],
    }


def plan_of(record: Mapping[str, object]) -> Plan:
    """Return the plan of a *record*; raises `BadRecord`."""
    try:
        changes = record["changes"]
        if not isinstance(changes, list):
            raise BadRecord("the changes are no list")
        return Plan(
            str(record["title"]),
            str(record["action"]),
            _arguments(record["arguments"]),
            str(record["why"]),
            tuple(from_record(change) for change in changes),
            _proof(record["proof"]),
            bool(record["lasting"]),
            _proof(record.get("undo_proof")),
        )
    except KeyError as error:
        raise BadRecord(f"the plan lacks {error}") from error


def event_of(record: Mapping[str, object]) -> Event:
    """Return the event of a *record*; raises `TypeError`."""
    return Event(**record)  # type: ignore[arg-type]


def _proof_record(proof: Proof | None) -> dict[str, object] | None:
    return None if proof is None else {**proof._asdict(), "arguments": dict(proof.arguments)}


def _proof(record: object) -> Proof | None:
    if not isinstance(record, dict):
        return None
    arguments = _arguments(record["arguments"])
    return Proof(str(record["summary"]), str(record["action"]), arguments)


def _arguments(record: object) -> dict[str, object]:
    """Return the arguments of an action; a list of values was a tuple once."""
    if not isinstance(record, dict):
        raise BadRecord("the arguments are no object")
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
