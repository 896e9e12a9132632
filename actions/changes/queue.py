"""An operation on messages of Postfix's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from actions.changes.failed import last_words
from actions.changes.reading import text, texts
from actions.host.errors import HostError
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.host.queue import Queued
    from actions.plan import Undo

Doing = Literal["flush", "leave", "hold", "release", "requeue", "delete"]
"""Leaving is what takes a flush back: nothing."""

BATCH = 500
"""Messages that one run of postsuper is given; a command line has room for some thousands."""

BY_HAND = 4
"""Messages up to which a command names each with an option of its own."""

_OPTIONS: dict[Doing, str] = {
    "flush": "-i",
    "hold": "-h",
    "release": "-H",
    "requeue": "-r",
    "delete": "-d",
}
_BACK: dict[Doing, Doing] = {
    "flush": "leave",
    "leave": "flush",
    "hold": "release",
    "release": "hold",
}
_UNDO_NOTES: dict[Doing, str] = {
    "flush": "nothing to take back: the next attempt only comes earlier",
    "leave": "tried at once again",
    "hold": "released again; it goes to the deferred mail",
    "release": "held again, what has not left the queue by then",
    "requeue": "a message that went through the queue again has a new queue id",
    "delete": "a deleted message can't be brought back",
}
_QUEUES = ("incoming", "active", "deferred", "hold")
"""Where postsuper(1) looks for a message; one in maildrop is on its way into the queue."""


class Chosen(Record):
    """One message, and what tells it from a later one of the same queue id."""

    queue_id: str
    arrival: int
    """In seconds since the epoch."""


class QueueOperation(Record):
    """Messages flushed, held, released, put through the queue again, or deleted.

    Queue ids are used again (postsuper(1)): a message is touched only where the queue still
    has it with the same time of arrival. One that has left the queue meanwhile is passed over.
    """

    doing: Doing
    messages: tuple[Chosen, ...]
    """Empty only for a flush of the whole queue."""
    shown: tuple[str, ...] = ()
    """What the plan shows of the messages, a line each, the first ones only."""
    note: str = ""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> QueueOperation:
        """Return the change of a journal *record*."""
        messages = record["messages"]
        if not isinstance(messages, list):
            raise TypeError("messages is no list")
        return cls(
            _doing(text(record, "doing")),
            tuple(map(_chosen, messages)),
            texts(record, "shown"),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return self.doing

    @property
    def target(self) -> str:
        """The message, or the first and how many more; the journal tells plans apart by it."""
        if not self.messages:
            return "all deferred mail"
        first = self.messages[0].queue_id
        return first if len(self.messages) == 1 else f"{first} and {len(self.messages) - 1} more"

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "compensating" if self.doing in _BACK else "none"

    @property
    def undo_note(self) -> str:
        """What undoing means here, or why it can't be."""
        return _UNDO_NOTES[self.doing]

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return the command in short, and the first messages."""
        shown = tuple(Line(" ", line) for line in self.shown)
        further = len(self.messages) - len(self.shown)
        if shown and further > 0:
            shown += (Line(" ", f"… and {further} more"),)
        few = len(self.messages) <= BY_HAND
        commands = self.as_command().split("\n") if few else [self._in_short()]
        return (*(Line("$", command) for command in commands), *shown)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        if self.doing == "leave":
            return ": the queue stays as it is"
        if not self.messages:
            return "postqueue -f"
        option, ids = _OPTIONS[self.doing], [message.queue_id for message in self.messages]
        if self.doing == "flush":
            return "\n".join(f"postqueue {option} {queue_id}" for queue_id in ids)
        if len(ids) <= BY_HAND:
            return " ".join(["postsuper", *(f"{option} {queue_id}" for queue_id in ids)])
        return "\n".join([f"postsuper {option} - <<'EOF'", *ids, "EOF"])

    def stands(self, host: Host) -> Standing:
        """Look whether every message that is still in the queue is where it is to be."""
        if self.doing == "flush":
            return Standing.UNTOLD
        if self.doing == "leave":
            return Standing.AFTER
        states = self._states(host)
        wanted = [state == "hold" for state in states.values()]
        if self.doing == "release":
            wanted = [not held for held in wanted]
        elif self.doing != "hold":
            wanted = [state not in _QUEUES for state in states.values()]
        return Standing.AFTER if all(wanted) else Standing.BEFORE

    def apply(self, host: Host, token: str) -> None:
        """Do it with the messages that are still there; raises `HostError`."""
        if self.doing == "leave":
            return
        if not self.messages:
            _run(host, "postqueue", ["-f"])
            return
        states = self._states(host)
        ids = [queue_id for queue_id, state in states.items() if self._concerns(state)]
        if self.doing == "flush":
            for queue_id in ids:  # postqueue takes one at a time
                _run(host, "postqueue", ["-i", queue_id])
            return
        option = _OPTIONS[self.doing]
        for at in range(0, len(ids), BATCH):
            batch = ids[at : at + BATCH]
            _run(host, "postsuper", [word for one in batch for word in (option, one)])

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> QueueOperation | None:
        """Return the change back, or None where there is none."""
        back = _BACK.get(self.doing)
        return None if back is None else self._replace(doing=back, note="")

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        messages = [[message.queue_id, message.arrival] for message in self.messages]
        lists = {"messages": messages, "shown": list(self.shown)}
        return {"change": "queue", **self._asdict(), **lists}

    def _in_short(self) -> str:
        """Return the command without the many ids that it is given."""
        if self.doing == "flush":
            return "postqueue -i QUEUE_ID, for each"
        return self.as_command().split(" <<", 1)[0]

    def _concerns(self, state: str) -> bool:
        """Return whether a message in this *state* is still to be worked on."""
        where: dict[str, tuple[str, ...]] = {
            "flush": ("deferred",),
            "hold": ("incoming", "active", "deferred"),
            "release": ("hold",),
        }
        return state in where.get(self.doing, _QUEUES)

    def _states(self, host: Host) -> dict[str, str]:
        """Return the queue that each message is in, of those that are still there."""
        from actions.host.queue import read_queue

        chosen = {message.queue_id: message.arrival for message in self.messages}
        states: dict[str, str] = {}

        def take(message: Queued) -> None:
            if chosen.get(message.queue_id) == message.arrival:
                states[message.queue_id] = message.state

        read_queue(host, take)
        return states


def _run(host: Host, name: str, arguments: list[str]) -> None:
    from actions.host.queue import program

    ended = host.commands.run([program(host, name), *arguments], timeout=120.0)
    if ended.exit_code:
        raise HostError(f"{name} {arguments[0]}: {last_words(ended)}")


def _doing(word: str) -> Doing:
    for doing in get_args(Doing):
        if doing == word:
            known: Doing = doing
            return known
    raise ValueError(f"unknown operation {word!r}")


def _chosen(pair: object) -> Chosen:
    queue_id, arrival = pair if isinstance(pair, list) else (None, None)
    if not isinstance(queue_id, str) or not isinstance(arrival, int):
        raise TypeError("a message is no queue id with its time of arrival")
    return Chosen(queue_id, arrival)
