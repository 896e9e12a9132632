"""One message of the lab's queue as a file: its envelope in the first line, then the message."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

BACKOFF = 300.0
"""Seconds until a deferred message is due again, as minimal_backoff_time says."""

FOLDERS = ("incoming", "deferred", "hold")
"""The queues of the lab; what is delivered stays in incoming while it is."""

READY = 0o700
"""The mode of a message that is complete, as in Postfix's own queue (mail_queue.h)."""


class Letter(Record):
    """A message that the milters let pass."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    """Lines end with CRLF."""
    arrived: float
    """On `time.time`, when the sender was announced."""


class QueueFile:
    """One message in the queue, from its first recipient to its end.

    Args:
        queue: the folder of all queues.
        path: the file, where it is there already; a new one is made in incoming.
    """

    def __init__(self, queue: str, path: Path | None = None) -> None:
        self._queue = Path(queue)
        self._path = path or self._new()
        self.id = self._path.name
        """Postfix's short form: the microseconds and the file's inode."""

    @property
    def state(self) -> str:
        """The queue it is in."""
        return self._path.parent.name

    @property
    def is_ready(self) -> bool:
        """Whether it is complete."""
        return self._path.stat().st_mode & 0o777 == READY

    def put(self, letter: Letter, reasons: Mapping[str, str] | None = None) -> None:
        """Store the message with its envelope in front, and why each recipient waits."""
        envelope = {
            "sender": letter.sender,
            "arrived": letter.arrived,
            "recipients": [[who, (reasons or {}).get(who, "")] for who in letter.recipients],
        }
        self._path.chmod(0o600)
        self._path.write_bytes(json.dumps(envelope).encode("ascii") + b"\n" + letter.content)
        self._path.chmod(READY)

    def read(self) -> tuple[Letter, dict[str, str]]:
        """Return the message, and why each recipient waits; raises OSError or ValueError."""
        head, _, content = self._path.read_bytes().partition(b"\n")
        told = json.loads(head)
        reasons = dict(told["recipients"])
        return Letter(told["sender"], tuple(reasons), content, told["arrived"]), reasons

    def move(self, place: str) -> None:
        """Move it to *place*: incoming, hold or deferred."""
        self._path = self._path.rename(self._queue / place / self.id)

    def defer(self) -> None:
        """Move it to deferred, with the time of its next attempt, as qmgr(8) notes it."""
        self.move("deferred")
        due = time.time() + BACKOFF
        os.utime(self._path, (due, due))

    def remove(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)

    def _new(self) -> Path:
        new = self._queue / "incoming" / f"new.{os.getpid()}.{time.monotonic_ns()}"
        new.touch(mode=0o600)
        microseconds = int(time.time() % 1 * 1_000_000)
        return new.rename(new.with_name(f"{microseconds:05X}{new.stat().st_ino:X}"))


def files(queue: str, folders: tuple[str, ...] = FOLDERS) -> list[QueueFile]:
    """Return every complete message of *folders*; raises OSError."""
    return [
        file
        for folder in folders
        for path in sorted(Path(queue, folder).iterdir())
        if not path.name.startswith("new.") and (file := QueueFile(queue, path)).is_ready
    ]
