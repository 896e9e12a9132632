"""One operator at a time: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.walk import refusal
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    path = os.path.join(state_folder, "lock")
    lock = _opened(path)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(path) from None
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
        with open(os.path.join(state_folder, "lock"), "rb") as file:
            found = _parsed(file.read(4096))
            return found if found and _is_locked(file.fileno()) else None
    except OSError:
        return None


def _is_locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _opened(path: str) -> int:
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refusal(path, "take the lock", error) from error


def _busy(path: str) -> Busy:
    found = holder(os.path.dirname(path))
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
