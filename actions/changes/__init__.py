"""Every kind of change a plan can hold, and how one is read back from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actions.changes.access_list import AccessList
from actions.changes.answering import Answering
from actions.changes.check import ConfigCheck
from actions.changes.command import Command
from actions.changes.edit import FileEdit
from actions.changes.folder import Folder
from actions.changes.foreground import Foreground
from actions.changes.looked import Looked
from actions.changes.membership import Membership
from actions.changes.ownership import Owned, Ownership
from actions.changes.packages import Packages
from actions.changes.queue import QueueOperation
from actions.changes.reread import Reread
from actions.changes.timer import TimerSet
from actions.changes.unit import UnitOperation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.plan import Change

__all__ = [
    "AccessList",
    "Answering",
    "BadRecord",
    "Command",
    "ConfigCheck",
    "FileEdit",
    "Folder",
    "Foreground",
    "Looked",
    "Membership",
    "Owned",
    "Ownership",
    "Packages",
    "QueueOperation",
    "Reread",
    "TimerSet",
    "UnitOperation",
    "from_record",
]


class BadRecord(ValueError):
    """A record of a change that can't be read."""


class _Kind(Protocol):
    def read(self, record: Mapping[str, object]) -> Change: ...


_KINDS: Mapping[str, _Kind] = {
    "file": FileEdit,
    "folder": Folder,
    "foreground": Foreground,
    "ownership": Ownership,
    "access": AccessList,
    "membership": Membership,
    "packages": Packages,
    "unit": UnitOperation,
    "queue": QueueOperation,
    "reread": Reread,
    "timer": TimerSet,
    "command": Command,
    "check": ConfigCheck,
    "answering": Answering,
    "looked": Looked,
}


def from_record(record: Mapping[str, object]) -> Change:
    """Return the change that `Change.record` described; raises `BadRecord`."""
    kind = _KINDS.get(str(record.get("change")))
    if kind is None:
        raise BadRecord(f"unknown kind of change: {record.get('change')!r}")
    try:
        return kind.read(record)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRecord(f"a change of kind {record['change']} is damaged: {error}") from error
