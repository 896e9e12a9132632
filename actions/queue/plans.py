"""Plans for messages of the queue: which they are, what is done to them, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.amounts import amount
from actions.changes.queue import Chosen, QueueOperation
from actions.host.queue import is_queue_id
from actions.plan import Plan, Proof
from actions.queue.listing import read
from actions.record import Record

if TYPE_CHECKING:
    from actions.action import Context
    from actions.changes.queue import Doing
    from actions.host.queue import Queued
    from actions.queue.choose import Choice

SHOWN = 20
"""Messages that a plan shows one by one."""

_QUEUES = ("incoming", "active", "deferred", "hold")


class _Kind(Record):
    """What is to be known of one operation."""

    title: str
    """What comes before the messages in the plan's title."""
    queues: tuple[str, ...]
    """In which it has anything to do."""
    note: str
    expect: str
    """What ``queue.where`` is to find afterwards."""
    proof: str


_KINDS: dict[Doing, _Kind] = {
    "hold": _Kind(
        "Hold",
        ("incoming", "active", "deferred"),
        "",
        "hold",
        "look whether each is on hold, or has left the queue",
    ),
    "release": _Kind(
        "Release",
        ("hold",),
        "tried with the other deferred mail; queue.flush tries it at once",
        "moving",
        "look whether none is on hold any more",
    ),
    "requeue": _Kind(
        "Requeue",
        _QUEUES,
        "each gets a new queue id within a minute",
        "gone",
        "look whether the old queue ids are gone",
    ),
    "delete": _Kind(
        "Delete", _QUEUES, "nobody is told", "gone", "look whether none is in the queue any more"
    ),
}


def plan_operation(
    ctx: Context, doing: Doing, ids: tuple[str, ...], choice: Choice, limit: int
) -> Plan:
    """Return the plan that does *doing* with messages of the queue.

    Args:
        ctx: the host.
        doing: what is to be done.
        ids: the messages, where they are named; else all.
        choice: what they have to be like besides.
        limit: at most so many, the oldest first; 0 for all.

    Raises:
        ActionError: nothing says which messages, or none of those named is in the queue.
    """
    kind = _KINDS[doing]
    require_ids(ids)
    if not ids and choice.is_everything:
        raise ActionError(
            f"queue.{doing}: which messages?",
            Exit.USAGE,
            "name them by their queue ids, or choose by --state, --sender, --recipient or --reason",
        )
    found = chosen(ctx, ids, choice)
    missing = require_any(ids, found)
    meant = [message for message in found if message.state in kind.queues]
    meant = meant[:limit] if limit > 0 else meant
    name, arguments = f"queue.{doing}", {"id": ids, **choice._asdict(), "limit": limit}
    if not meant:
        why = f"no message that was chosen is in {_listed(kind.queues)}: nothing to do"
        return Plan(f"{kind.title} messages", name, arguments, why, ())
    notes = [kind.note] if kind.note else []
    active = sum(message.state == "active" for message in meant)
    if active and doing != "release":
        notes.append(f"{active} being delivered now: may arrive all the same")
    change = QueueOperation(doing, tuple(map(_chosen, meant)), shown(meant), "; ".join(notes))
    expected = {"id": tuple(message.queue_id for message in meant), "expect": kind.expect}
    proof = Proof(kind.proof, "queue.where", expected)
    title = f"{kind.title} {counted(meant)}"
    return Plan(title, name, arguments, why_of(meant, missing), (change,), proof)


def chosen(ctx: Context, ids: tuple[str, ...], choice: Choice) -> list[Queued]:
    """Return those of *ids*, or of all, that *choice* means, the oldest first.

    Raises:
        ActionError: the queue can't be listed.
    """
    found: list[Queued] = []
    wanted = frozenset(ids)

    def take(message: Queued) -> None:
        if (not wanted or message.queue_id in wanted) and choice.means(message):
            found.append(message)

    read(ctx, take)
    return sorted(found, key=lambda message: (message.arrival, message.queue_id))


def require_ids(ids: tuple[str, ...]) -> None:
    """Refuse what is no queue id, the word ALL above all; raises `ActionError`."""
    for word in ids:
        if not is_queue_id(word):
            raise ActionError(f"{word!r} is no queue id", Exit.USAGE, "see queue.list")


def require_any(ids: tuple[str, ...], found: list[Queued]) -> tuple[str, ...]:
    """Return those of *ids* that are not among the *found*; raises where none is."""
    known = {message.queue_id for message in found}
    missing = tuple(word for word in ids if word not in known)
    if ids and not found:
        raise ActionError(
            f"not in the queue: {', '.join(missing[:5])}{' …' if missing[5:] else ''}",
            Exit.PROBLEM,
            "delivered or deleted meanwhile? see queue.list, or the mail log",
        )
    return missing


def shown(messages: list[Queued]) -> tuple[str, ...]:
    """Return the first of *messages* as lines: id, size, sender and recipients."""
    return tuple(map(_line, messages[:SHOWN]))


def counted(messages: list[Queued]) -> str:
    """Return how many *messages* there are, in words, or the name of the only one."""
    return f"message {messages[0].queue_id}" if len(messages) == 1 else f"{len(messages)} messages"


def why_of(messages: list[Queued], missing: tuple[str, ...]) -> str:
    """Return what is worth knowing of *messages* as a whole."""
    size = amount(sum(message.size for message in messages))
    gone = f"; no longer in the queue: {', '.join(missing[:5])}" if missing else ""
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return f"{size} in all{gone}{more}"


def _chosen(message: Queued) -> Chosen:
    return Chosen(message.queue_id, message.arrival)


def _line(message: Queued) -> str:
    first = message.recipients[0].address if message.recipients else "?"
    more = f" +{len(message.recipients) - 1}" if len(message.recipients) > 1 else ""
    sender = message.sender or "<>"
    return f"{message.queue_id}  {amount(message.size)}  {sender} → {first}{more}"


def _listed(queues: tuple[str, ...]) -> str:
    return queues[0] if len(queues) == 1 else f"{', '.join(queues[:-1])} or {queues[-1]}"
