"""The queue behind the SMTP front: where a message is kept, and where it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.lab.services.front import FrontSettings


class Letter(Record):
    """A message that the milters let pass."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    """Lines end with CRLF."""
    arrived: float
    """On `time.time`, when the sender was announced."""


class QueueFile:
    """One message in the queue, from its first recipient to its end."""

    def __init__(self, queue: str) -> None:
        self._queue = Path(queue)
        second = time.time()
        new = self._queue / "incoming" / f"new.{os.getpid()}.{time.monotonic_ns()}"
        new.touch(mode=0o600)
        microseconds = int(second % 1 * 1_000_000)
        self.id = f"{microseconds:05X}{new.stat().st_ino:X}"
        """Postfix's short form: the microseconds and the file's inode."""
        self._path = new.rename(new.with_name(self.id))

    def put(self, letter: Letter) -> None:
        """Store the message with its envelope in front."""
        envelope = [f"Return-Path: <{letter.sender}>"]
        envelope += [f"X-Original-To: {recipient}" for recipient in letter.recipients]
        head = "".join(f"{line}\r\n" for line in envelope).encode("utf-8", "surrogateescape")
        self._path.write_bytes(head + letter.content)

    def move(self, place: str) -> None:
        """Move it to *place*: hold or deferred."""
        self._path = self._path.rename(self._queue / place / self.id)

    def remove(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)


class Delivery:
    """Local delivery.

    Args:
        settings: the front's.
        write: logs a text under the name of one of Postfix's programs.
    """

    def __init__(self, settings: FrontSettings, write: Callable[[str, str], None]) -> None:
        self._settings = settings
        self._write = write

    def hold(self, file: QueueFile, letter: Letter) -> None:
        """Keep the message in quarantine until an operator decides."""
        file.put(letter)
        file.move("hold")

    def send(self, file: QueueFile, letter: Letter) -> None:
        """Bring the message to every recipient that can be reached from here."""
        file.put(letter)
        size, count = len(letter.content), len(letter.recipients)
        self._write(
            "qmgr", f"{file.id}: from=<{letter.sender}>, size={size}, nrcpt={count} (queue active)"
        )
        done = [self._one(file.id, letter, recipient) for recipient in letter.recipients]
        if all(done):
            file.remove()
            self._write("qmgr", f"{file.id}: removed")
        else:
            file.move("deferred")

    def _one(self, queue_id: str, letter: Letter, recipient: str) -> bool:
        """Deliver to one recipient; return whether nothing is left to do for it."""
        settings, started = self._settings, time.time()
        user = settings.mailbox(recipient) if settings.is_local(recipient) else ""
        if user:
            _put_into_maildir(Path(settings.mail) / user / "Maildir", letter, recipient)
            end = "relay=local", "dsn=2.0.0, status=sent (delivered to maildir)"
        else:
            end = "relay=none", "dsn=4.3.2, status=deferred (deferred transport)"
        now = time.time()
        delays = f"{_delay(started - letter.arrived)}/0/0/{_delay(now - started)}"
        self._write(
            "local" if user else "error",
            f"{queue_id}: to=<{recipient}>, {end[0]}, delay={_delay(now - letter.arrived)}, "
            f"delays={delays}, {end[1]}",
        )
        return bool(user)


def _delay(seconds: float) -> str:
    """Write a delay as Postfix does: two digits, nothing below a hundredth of a second."""
    return f"{seconds:.2g}" if seconds >= 0.01 else "0"


def _put_into_maildir(maildir: Path, letter: Letter, recipient: str) -> None:
    for name in ("tmp", "new", "cur"):
        (maildir / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    now = time.time_ns()
    name = f"{now // 1_000_000_000}.M{now // 1000 % 1_000_000:06d}P{os.getpid()}"
    new = maildir / "tmp" / f"{name}.{time.monotonic_ns()}"
    head = (
        f"Return-Path: <{letter.sender}>\nX-Original-To: {recipient}\nDelivered-To: {recipient}\n"
    ).encode("utf-8", "surrogateescape")
    new.write_bytes(head + letter.content.replace(b"\r\n", b"\n"))
    new.rename(maildir / "new" / new.name)
