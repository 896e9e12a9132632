"""The journal as a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.journal.lock import holder
from actions.journal.standing import Stood, has_passed, summary, where_it_stood
from actions.journal.status import statuses
from actions.journal.store import KEPT_DAYS, Journal
from actions.record import Record

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import Host
    from actions.journal.entry import Entry
    from actions.journal.status import Status


class EntryShown(Record):
    """One entry, as a line of the journal."""

    id: str
    begun: float
    """Seconds since 1970."""
    who: str
    action: str
    title: str
    status: str
    """"applied", "rolled back", "interrupted", "undone", "finished", "left as it stood",
    "cut off" (it ended with the console, and left nothing), or "under way"."""
    undone_by: str
    changes: int
    because: str
    """Why it was rolled back, or how far it had come."""
    stands: tuple[Stood, ...]
    """Where each change of an interrupted entry stands."""


class JournalReport(Record):
    """What was changed on this host, the newest first."""

    entries: tuple[EntryShown, ...]
    unreadable: tuple[str, ...]
    """Entries that are damaged."""
    kept_days: int = KEPT_DAYS

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "journal.list/1"

    @property
    def exit_code(self) -> Exit:
        """1 while an entry is interrupted or damaged."""
        interrupted = any(entry.status == "interrupted" for entry in self.entries)
        return Exit.PROBLEM if interrupted or self.unreadable else Exit.FINE


def list_entries(ctx: Context, limit: int) -> JournalReport:
    """Return the newest *limit* entries; raises `HostError` or `ActionError`."""
    if limit < 1:
        raise ActionError("--limit is a number from 1 on", Exit.USAGE)
    host = ctx.host
    journal = Journal(host.state_folder)
    entries = journal.entries()
    known = statuses(entries)
    newest = entries[::-1][:limit]
    shown = tuple(_shown(entry, known[entry.id], host) for entry in newest)
    return JournalReport(shown, journal.unreadable())


def _shown(entry: Entry, status: Status, host: Host) -> EntryShown:
    is_open = status.word == "interrupted"
    # A plan that is being applied right now looks like an interrupted one on the disk.
    under_way = is_open and holder(host.state_folder) is not None
    cut_off = is_open and not under_way and has_passed(entry, host)
    closed = entry.closed
    return EntryShown(
        entry.id,
        entry.begun,
        entry.who,
        entry.plan.action,
        entry.plan.title,
        "under way" if under_way else "cut off" if cut_off else status.word,
        status.by,
        len(entry.plan.changes),
        summary(entry) if is_open else closed.text if closed else "",
        where_it_stood(entry, host) if is_open and not (under_way or cut_off) else (),
    )
