"""The journal on the disk: a folder for each entry, with the plan and its events.

Below the host's state folder, ``journal/ID/record.json`` holds the plan with all that is
needed to take it back, and ``journal/ID/events`` one JSON object a line. Folders are 0700 and
files 0600: a changed file may hold a secret.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.changes import BadRecord
from actions.host.errors import HostError
from actions.host.walk import refusal
from actions.journal.entry import (
    SCHEMA,
    Entry,
    Event,
    closing,
    event_of,
    plan_of,
    plan_record,
)
from actions.journal.own import require_own
from actions.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.journal.entry import EventKind

KEPT_DAYS = 90
"""How long closed entries and their backups are kept."""

KEPT_ENTRIES = 20
"""How many of the newest entries are kept, whatever the clock says."""

_NAME = re.compile(r"(\d{8}-\d{6})(?:-n(\d+)|-(\d+))?", re.ASCII)
"""When an entry was begun and its number; the first ones have none, or one within a second."""

_NEW = ".new-"
_OLD = ".old-"
_READ_LIMIT = 256 * 1024 * 1024


class NoEntry(HostError):
    """An entry that this journal does not have."""


class Journal:
    """The journal below the state folder of one host."""

    def __init__(self, state_folder: str) -> None:
        self._state = state_folder
        self.folder = os.path.join(state_folder, "journal")

    def ids(self) -> tuple[str, ...]:
        """Return the entries from the oldest to the newest; raises `HostError`."""
        return tuple(sorted(filter(_NAME.fullmatch, self._names()), key=_order))

    def entries(self) -> tuple[Entry, ...]:
        """Return every entry that can be read, from the oldest to the newest."""
        return tuple(entry for entry in map(self._readable, self.ids()) if entry is not None)

    def unreadable(self) -> tuple[str, ...]:
        """Return the entries that are damaged, and whatever else lies among them."""
        names = sorted(name for name in self._names() if not name.startswith((_NEW, _OLD)))
        return tuple(
            name for name in names if not _NAME.fullmatch(name) or self._readable(name) is None
        )

    def entry(self, name: str) -> Entry:
        """Return the entry called *name*.

        Raises:
            NoEntry: there is none.
            HostError: it is damaged or may not be read.
        """
        if name not in self.ids():
            raise NoEntry(f"the journal has no entry {name!r}; journal.list shows all")
        try:
            return self._load(name)
        except OSError as error:
            raise refusal(self._path(name), "read the entry", error) from error
        except (BadRecord, ValueError, TypeError, LookupError) as error:
            raise HostError(f"{self._path(name)}: the entry is damaged: {error}") from error

    def open_entry(self) -> Entry | None:
        """Return the entry that a killed run left open, or None.

        One that is damaged besides has an empty plan; its `Entry.damaged` says why.
        """
        for name in reversed(self.ids()):
            if self._is_open(name):
                try:
                    return self.entry(name)
                except HostError as error:
                    return self._damaged(name, str(error))
        return None

    def begin(self, plan: Plan, who: str, host_name: str) -> Entry:
        """Put *plan* on record, with all that is needed to take it back; raises `HostError`."""
        require_own(self._state, make=True)
        require_own(self.folder, make=True)
        now = time.time()
        name = self._next_name(now)
        record = {
            "schema": SCHEMA,
            "id": name,
            "who": who,
            "host": host_name,
            "plan": plan_record(plan),
        }
        try:
            new = self._path(_NEW + name)
            os.mkdir(new, 0o700)
            _write(os.path.join(new, "record.json"), json.dumps(record).encode())
            _write(os.path.join(new, "events"), _line(Event("taken up", now, text=who)))
            _sync(new)
            # Only now there is an entry: complete, or not at all.
            os.rename(new, self._path(name))
            _sync(self.folder)
        except OSError as error:
            raise refusal(self.folder, "write the journal", error) from error
        return Entry(name, plan, who, host_name, (Event("taken up", now, text=who),))

    def note(
        self,
        name: str,
        kind: EventKind,
        *,
        change: int = -1,
        back: bool = False,
        text: str = "",
        seconds: float = 0.0,
    ) -> None:
        """Add an event to the entry *name* and see it on the disk; raises `HostError`."""
        event = Event(kind, time.time(), change, back, text, round(seconds, 6))
        path = os.path.join(self._path(name), "events")
        self._require_own()
        try:
            held = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.lseek(held, _drop_torn_line(held), os.SEEK_SET)
                rest = memoryview(_line(event))
                while rest:
                    rest = rest[os.write(held, rest) :]
                os.fsync(held)
            finally:
                os.close(held)
        except OSError as error:
            raise refusal(path, "write the journal", error) from error

    def tidy(self) -> None:
        """Remove what was never begun, and closed entries past their time; raises `HostError`.

        What is damaged, or no entry at all, is left alone.
        """
        for name in self._names():
            if name.startswith((_NEW, _OLD)):
                with suppress(OSError):
                    _remove(self._path(name))
        oldest = time.time() - KEPT_DAYS * 86400
        for name in self.ids()[:-KEPT_ENTRIES]:
            with suppress(OSError):
                last = os.lstat(os.path.join(self._path(name), "events")).st_mtime
                if last < oldest and not self._is_open(name):
                    os.rename(self._path(name), self._path(_OLD + name))
                    _remove(self._path(_OLD + name))

    def _names(self) -> tuple[str, ...]:
        if not self._require_own():
            return ()
        try:
            return tuple(os.listdir(self.folder))
        except OSError as error:
            raise refusal(self.folder, "read the journal", error) from error

    def _require_own(self) -> bool:
        """Return whether there is a journal; raises `HostError` where it is not believed."""
        return require_own(self._state) and require_own(self.folder)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _next_name(self, now: float) -> str:
        """Return a name that comes after all others, even where the clock was put back."""
        known = self.ids()
        number = max(len(known), _order(known[-1])[0] if known else 0) + 1
        return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-n{number}"

    def _readable(self, name: str) -> Entry | None:
        try:
            return self._load(name)
        except (OSError, BadRecord, ValueError, TypeError, LookupError):
            return None

    def _damaged(self, name: str, why: str) -> Entry:
        plan = Plan("unknown", "", {}, "", ())
        return Entry(name, plan, "", "", tuple(self._readable_events(name)), why)

    def _load(self, name: str) -> Entry:
        record = json.loads(_read(os.path.join(self._path(name), "record.json")))
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise BadRecord(f"not of the form {SCHEMA}")
        plan = plan_of(_part(record, "plan"))
        return Entry(name, plan, str(record["who"]), str(record["host"]), self._events(name))

    def _events(self, name: str) -> tuple[Event, ...]:
        return tuple(event_of(json.loads(line)) for line in self._event_lines(name))

    def _event_lines(self, name: str) -> list[bytes]:
        text = _read(os.path.join(self._path(name), "events"))
        # A line without its newline was being written when the machine stopped.
        return text.split(b"\n")[:-1]

    def _readable_events(self, name: str) -> Iterator[Event]:
        for line in self._event_lines(name):
            with suppress(ValueError, TypeError):
                yield event_of(json.loads(line))

    def _is_open(self, name: str) -> bool:
        """Return whether an entry is open, without reading its plan; one without events is not."""
        try:
            return closing(tuple(self._readable_events(name))) is None
        except OSError:
            return False


def _order(name: str) -> tuple[int, str, int]:
    """Sort by number; before those, what has none, by its second and its place within it."""
    found = _NAME.fullmatch(name)
    second, number, further = found.groups() if found else (name, None, None)
    return int(number or 0), second, int(further or 1)


def _part(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    if not isinstance(value, dict):
        raise BadRecord(f"{name} is missing")
    return value


def _line(event: Event) -> bytes:
    return json.dumps(event._asdict(), separators=(",", ":")).encode() + b"\n"


def _drop_torn_line(held: int) -> int:
    """Cut off a last line without its newline; return where the file ends then."""
    size = end = os.fstat(held).st_size
    while end and os.pread(held, 1, end - 1) != b"\n":
        end -= 1
    if end != size:
        os.ftruncate(held, end)
    return end


def _read(path: str) -> bytes:
    held = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(held, "rb") as file:
        return file.read(_READ_LIMIT)


def _write(path: str, content: bytes) -> None:
    held = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(held, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(held)


def _sync(folder: str) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _remove(folder: str) -> None:
    """Remove the folder of an entry; it holds nothing but files."""
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        return
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)
