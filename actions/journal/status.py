"""What has become of each entry of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions.journal.entry import Entry
    from actions.plan import Plan

UNDO, FINISH, LEAVE = "journal.undo", "journal.finish", "journal.leave"
TAKE_UP = (UNDO, FINISH, LEAVE)
"""The actions that take up an interrupted entry."""

Word = Literal[
    "applied", "rolled back", "interrupted", "undone", "finished", "left as it stood", "cut off"
]


class Status(Record):
    """What has become of an entry."""

    word: Word
    by: str = ""
    """The entry that undid it; empty where it was undone in itself."""


def nothing_to_do(plan: Plan) -> bool:
    """Return whether applying *plan* would do nothing; settling an entry does something."""
    return not plan.changes and plan.action not in TAKE_UP


def ways_out(entry: Entry) -> str:
    """Return the commands that settle an interrupted *entry*."""
    if entry.damaged:
        return f"console run {LEAVE} --entry {entry.id} leaves the host as it stands"
    return (
        f"console run {UNDO} --entry {entry.id} takes it back, "
        f"console run {FINISH} --entry {entry.id} does the rest"
    )


def statuses(entries: Sequence[Entry]) -> Mapping[str, Status]:
    """Return the status of each of *entries*, which go from the oldest to the newest."""
    undone = _undone_by(entries)
    return {entry.id: _status(entry, undone.get(entry.id, "")) for entry in entries}


def _undone_by(entries: Sequence[Entry]) -> Mapping[str, str]:
    """Return which entry undid which; an undo that was itself undone counts for nothing."""
    undone: dict[str, str] = {}
    for entry in reversed(entries):
        closed = entry.closed
        took_effect = closed is not None and closed.kind in {"applied", "finished"}
        if entry.plan.action == UNDO and took_effect and entry.id not in undone:
            undone.setdefault(str(entry.plan.arguments.get("entry")), entry.id)
    return undone


def _status(entry: Entry, undone_by: str) -> Status:
    if undone_by:
        return Status("undone", undone_by)
    closed = entry.closed
    if closed is None:
        return Status("interrupted")
    return Status(_WORDS[closed.kind])


_WORDS: Mapping[str, Word] = {
    "applied": "applied",
    "finished": "finished",
    "rolled back": "rolled back",
    "undone": "undone",
    "left": "left as it stood",
    "cut off": "cut off",
}
