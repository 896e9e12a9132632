"""Postfix's queue as ``postqueue -j`` lists it, message by message."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.host.ports import Host

PATIENCE = 300.0
"""Seconds that a listing may take: showq(8) opens each queue file, and there may be 100,000."""

NULL_SENDER = "MAILER-DAEMON"
"""What showq(8) shows for the empty sender of a bounce."""

_QUEUE_ID = re.compile(r"[0-9A-Za-z]{5,64}")
_NO_ID = "ALL"
"""To postsuper(1) this is every message; no message is called so."""


class Recipient(Record):
    """One recipient that a message still has to reach."""

    address: str
    reason: str
    """Why the last attempt failed; empty where there was none, or it is not known."""


class Queued(Record):
    """One message in the queue."""

    queue_id: str
    state: str
    """The queue it is in: "incoming", "active", "deferred", "hold" or "maildrop"."""
    arrival: int
    """In seconds since the epoch."""
    size: int
    """Bytes of header and body."""
    sender: str
    """Empty for a bounce."""
    recipients: tuple[Recipient, ...]
    forced_expire: bool = False
    """Whether it goes back at the next attempt (postsuper -e, since Postfix 3.5)."""


class Listing(Record):
    """What is to be said of a listing as a whole."""

    unread: int
    """Lines that were no message."""
    down: bool
    """Whether Postfix is down, and the queue was read directly, which only root may."""


def is_queue_id(word: str) -> bool:
    """Return whether *word* can be the name of a message."""
    return bool(_QUEUE_ID.fullmatch(word)) and word != _NO_ID


def program(host: Host, name: str) -> str:
    """Return the path of Postfix's command *name*, such as "postsuper"; raises `HostError`."""
    return f"{host.postfix.setting('command_directory')}/{name}"


def read_queue(
    host: Host, take: Callable[[Queued], None], is_cancelled: Callable[[], bool] | None = None
) -> Listing:
    """Hand every message of the queue to *take*, once each, in the order of the listing.

    The queue changes while it is listed: one message may be seen twice, in two queues, or
    not at all (postqueue(1)); of two sights the first counts.

    Args:
        host: whose Postfix it is.
        take: called from another thread; where it raises, the listing ends.
        is_cancelled: asked again and again whether the listing is to end, by a `HostError`.

    Raises:
        NotPermitted: this user may not see the queue (authorized_mailq_users).
        HostError: Postfix is down or too old for ``postqueue -j`` (before 3.1).
    """
    seen: set[str] = set()
    unread = 0

    def line(text: str) -> None:
        nonlocal unread
        try:
            message = read_message(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            unread += bool(text.strip())
            return
        if message.queue_id not in seen:
            seen.add(message.queue_id)
            take(message)

    argv = [program(host, "postqueue"), "-j"]
    ended = host.commands.stream(argv, line, timeout=PATIENCE, is_cancelled=is_cancelled)
    told = ended.stderr.strip()
    if ended.exit_code:
        kind = NotPermitted if "not allowed" in told else HostError
        raise kind(f"the queue can't be listed: {told or f'postqueue: {ended.exit_code}'}")
    return Listing(unread, "mail system is down" in told.lower())


def read_message(line: str) -> Queued:
    """Return the message that a *line* of ``postqueue -j`` describes.

    Members that are not known are ignored, as postqueue(1) asks for.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it describes none.
    """
    told = json.loads(line)
    queue_id = told["queue_id"]
    if not is_queue_id(queue_id):
        raise ValueError(f"no queue id: {queue_id!r}")
    sender = str(told.get("sender", ""))
    return Queued(
        queue_id,
        str(told["queue_name"]),
        int(told["arrival_time"]),
        int(told.get("message_size", 0)),
        "" if sender == NULL_SENDER else sender,
        tuple(
            Recipient(str(one["address"]), str(one.get("delay_reason", "")))
            for one in told.get("recipients", ())
        ),
        told.get("forced_expire") is True,
    )
