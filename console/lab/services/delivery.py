"""Where a message ends that the SMTP front took, or an operator flushed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.lab.queue.file import Letter, QueueFile
    from console.lab.services.front import FrontSettings


NEVER = "deferred transport"
"""Why mail to other hosts waits: the lab sends none."""


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
        reasons = {who: self._one(file.id, letter, who) for who in letter.recipients}
        left = {who: reason for who, reason in reasons.items() if reason}
        if left:
            file.put(letter._replace(recipients=tuple(left)), left)
            file.defer()
        else:
            file.remove()
            self._write("qmgr", f"{file.id}: removed")

    def _one(self, queue_id: str, letter: Letter, recipient: str) -> str:
        """Deliver to one recipient; return why it has to wait, or nothing where it is done."""
        settings, started = self._settings, time.time()
        user = settings.mailbox(recipient) if settings.is_local(recipient) else ""
        if user:
            _put_into_maildir(Path(settings.mail) / user / "Maildir", letter, recipient)
            end = "relay=local", "dsn=2.0.0, status=sent (delivered to maildir)"
        else:
            end = "relay=none", f"dsn=4.3.2, status=deferred ({NEVER})"
        now = time.time()
        delays = f"{_delay(started - letter.arrived)}/0/0/{_delay(now - started)}"
        self._write(
            "local" if user else "error",
            f"{queue_id}: to=<{recipient}>, {end[0]}, delay={_delay(now - letter.arrived)}, "
            f"delays={delays}, {end[1]}",
        )
        return "" if user else NEVER


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
