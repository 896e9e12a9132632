"""One operator at a time: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.errors import HostError
from actions.host.walk import refusal
from actions.journal.own import open_own
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKING = 0.3
"""Seconds; looking who holds the lock takes it for a moment."""

_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Holder(Record):
    """Who holds the lock, and for what."""

    who: str
    doing: str
    pid: int
    since: float
    """Seconds since 1970."""

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.since))
        return f"{self.who} is at it since {clock} (process {self.pid}): {self.doing}"


class Busy(ActionError):
    """Another process is changing this host."""


@contextmanager
def held(state_folder: str, who: str, doing: str) -> Iterator[None]:
    """Hold the lock of the host that keeps its state in *state_folder*.

    Raises:
        Busy: another process holds it; the text names who, doing what, since when.
        HostError: the lock can't be made.
    """
    lock = _opened(state_folder, os.O_RDWR | os.O_CREAT)
    try:
        if not _taken(lock):
            raise _busy(state_folder)
        _write(lock, Holder(who, doing, os.getpid(), time.time()))
        try:
            yield
        finally:
            os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def holder(state_folder: str) -> Holder | None:
    """Return who holds the lock now, or None; a process that has died holds nothing."""
    try:
        lock = _opened(state_folder, os.O_RDONLY)
    except HostError:
        return None
    try:
        found = _parsed(os.pread(lock, 4096, 0))
        return found if found and _is_locked(lock) else None
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    """Take the lock, and outlast those who only look whether it is held."""
    deadline = time.monotonic() + _LOOKING
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def _is_locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _opened(state_folder: str, flags: int) -> int:
    """Open the lock in the state folder; raises `HostError`."""
    path = os.path.join(state_folder, "lock")
    folder = open_own(state_folder, make=bool(flags & os.O_CREAT))
    if folder is None:
        raise HostError(f"{state_folder}: does not exist, so nothing is locked")
    try:
        lock = os.open("lock", flags | _CAREFULLY, 0o600, dir_fd=folder)
    except OSError as error:
        raise refusal(path, "take the lock", error) from error
    finally:
        os.close(folder)
    entry = os.fstat(lock)
    if not stat.S_ISREG(entry.st_mode) or entry.st_uid != os.geteuid():
        os.close(lock)
        raise HostError(f"{path}: not this user's own file; look who put it there, and remove it")
    return lock


def _busy(state_folder: str) -> Busy:
    found = holder(state_folder)
    told = str(found) if found else "another process is at it"
    return Busy(
        f"this host is being changed: {told}", Exit.PROBLEM, "wait until it has ended, then again"
    )


def _write(lock: int, by: Holder) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(by._asdict()).encode(), 0)


def _parsed(text: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None
