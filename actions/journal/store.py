"""The journal on the disk: a folder for each entry, with the plan and its events.

Below the host's state folder, ``journal/ID/record.json`` holds the plan with all that is
needed to take it back, and ``journal/ID/events`` one JSON object a line. Folders are 0700 and
files 0600: a changed file may hold a secret.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from typing import TYPE_CHECKING

from actions.changes import BadRecord
from actions.host.errors import HostError, NotPermitted
from actions.host.walk import refusal
from actions.journal.entry import (
    CLOSING,
    SCHEMA,
    Entry,
    Event,
    event_of,
    plan_of,
    plan_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.journal.entry import EventKind
    from actions.plan import Plan

KEPT_DAYS = 90
"""How long closed entries and their backups are kept."""

_NEW = ".new-"
_OLD = ".old-"
_READ_LIMIT = 256 * 1024 * 1024


class NoEntry(HostError):
    """An entry that this journal does not have."""


class Journal:
    """The journal below the state folder of one host."""

    def __init__(self, state_folder: str) -> None:
        self.folder = os.path.join(state_folder, "journal")

    def ids(self) -> tuple[str, ...]:
        """Return the entries from the oldest to the newest; raises `HostError`."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise refusal(self.folder, "read the journal", error) from error
        return tuple(sorted((name for name in names if not name.startswith(".")), key=_order))

    def entries(self) -> tuple[Entry, ...]:
        """Return every entry that can be read, from the oldest to the newest."""
        return tuple(entry for entry in map(self._readable, self.ids()) if entry is not None)

    def unreadable(self) -> tuple[str, ...]:
        """Return the entries that are damaged."""
        return tuple(name for name in self.ids() if self._readable(name) is None)

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
        except (BadRecord, ValueError, TypeError) as error:
            raise HostError(f"{self._path(name)}: the entry is damaged: {error}") from error

    def open_entry(self) -> Entry | None:
        """Return the entry that a killed run left open, or None."""
        for name in reversed(self.ids()):
            if not self._is_closed(name):
                entry = self._readable(name)
                if entry is not None and entry.closed is None:
                    return entry
        return None

    def begin(self, plan: Plan, who: str, host_name: str) -> Entry:
        """Put *plan* on record, with all that is needed to take it back; raises `HostError`."""
        now = time.time()
        name = self._free_name(now)
        record = {
            "schema": SCHEMA,
            "id": name,
            "who": who,
            "host": host_name,
            "plan": plan_record(plan),
        }
        try:
            self._require_private()
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
        try:
            held = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.lseek(held, _drop_torn_line(held), os.SEEK_SET)
                os.write(held, _line(event))
                os.fsync(held)
            finally:
                os.close(held)
        except OSError as error:
            raise refusal(path, "write the journal", error) from error

    def tidy(self) -> None:
        """Remove what was never begun, and closed entries past their time; raises `HostError`."""
        oldest = time.time() - KEPT_DAYS * 86400
        try:
            for name in self._leftovers():
                _remove(self._path(name))
            for name in self.ids():
                last = os.stat(os.path.join(self._path(name), "events")).st_mtime
                if last < oldest and self._is_closed(name):
                    os.rename(self._path(name), self._path(_OLD + name))
                    _remove(self._path(_OLD + name))
        except OSError as error:
            raise refusal(self.folder, "tidy the journal", error) from error

    def _leftovers(self) -> Iterator[str]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return iter(())
        return (name for name in names if name.startswith((_NEW, _OLD)))

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _free_name(self, now: float) -> str:
        stem = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        taken = {*self.ids()}
        further = 2
        name = stem
        while name in taken:
            name, further = f"{stem}-{further}", further + 1
        return name

    def _require_private(self) -> None:
        """Make the folders, and refuse those that someone else could write."""
        state = os.path.dirname(self.folder)
        os.makedirs(state, 0o700, exist_ok=True)
        for folder in (state, self.folder):
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o700)
            entry = os.lstat(folder)
            if entry.st_uid != os.geteuid() or not stat.S_ISDIR(entry.st_mode):
                raise PermissionError(errno.EACCES, f"{folder} is not this user's own folder")
            if stat.S_IMODE(entry.st_mode) & 0o077:
                os.chmod(folder, 0o700)

    def _readable(self, name: str) -> Entry | None:
        try:
            return self._load(name)
        except PermissionError as error:
            raise NotPermitted(f"{self.folder}: the journal is root's; use sudo") from error
        except (OSError, BadRecord, ValueError, TypeError):
            return None

    def _load(self, name: str) -> Entry:
        record = json.loads(_read(os.path.join(self._path(name), "record.json")))
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise BadRecord(f"not of the form {SCHEMA}")
        plan = plan_of(_part(record, "plan"))
        return Entry(name, plan, str(record["who"]), str(record["host"]), self._events(name))

    def _events(self, name: str) -> tuple[Event, ...]:
        return tuple(map(event_of, self._event_records(name)))

    def _event_records(self, name: str) -> Iterator[dict[str, object]]:
        text = _read(os.path.join(self._path(name), "events"))
        # A line without its newline was being written when the machine stopped.
        for line in text.split(b"\n")[:-1]:
            yield json.loads(line)

    def _is_closed(self, name: str) -> bool:
        """Return whether an entry is closed, without reading its plan."""
        try:
            return any(event["kind"] in CLOSING for event in self._event_records(name))
        except (OSError, ValueError, KeyError, TypeError):
            return False


def _order(name: str) -> tuple[str, int]:
    """Sort the second entry of one second after the first, and the tenth after both."""
    day, _, rest = name.partition("-")
    clock, _, further = rest.partition("-")
    return f"{day}-{clock}", int(further) if further.isdecimal() else 1


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
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)
