"""The look at the whole queue: counted while it is read, so that its length does not matter."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.errors import HostError, NotPermitted
from actions.host.queue import read_queue
from actions.queue.findings import find
from actions.queue.folders import look_into
from actions.queue.reasons import Reasons
from actions.queue.report import Message, QueueReport, StateCount

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Context
    from actions.host.queue import Listing, Queued
    from actions.queue.choose import Choice
    from actions.queue.findings import Thresholds
    from actions.queue.folders import Folders

STATES = ("incoming", "active", "deferred", "hold", "maildrop")
"""Postfix's queues in the order in which a message passes them, aside ones last."""

TOLD_EVERY = 5000
"""Messages after which it is told how far the reading has come."""


def list_queue(ctx: Context, choice: Choice, limit: int, thresholds: Thresholds) -> QueueReport:
    """Return what is in the queue, and of the messages of *choice* the *limit* oldest.

    Raises:
        ActionError: the queue can't be listed.
    """
    tally = _Tally(choice, limit)
    listing = read(ctx, tally.take)
    folders = look_into(ctx)
    now = time.time()
    states = tally.states(folders)
    reasons, others = tally.reasons.groups()
    return QueueReport(
        now=now,
        states=states,
        matched=tally.matched,
        size=tally.size,
        oldest=tally.oldest_arrival,
        reasons=reasons,
        other_reasons=others,
        next_retry=tally.next_retry(folders),
        messages=tuple(message_of(one, folders) for one in tally.oldest()),
        findings=find(ctx.host, states, thresholds, now),
        unseen=_unseen(listing, folders),
        choice=_in_words(choice),
    )


def read(ctx: Context, take: Callable[[Queued], None]) -> Listing:
    """Hand every message of the queue to *take*; raises `ActionError`."""
    number = 0

    def one(message: Queued) -> None:
        nonlocal number
        ctx.check()
        number += 1
        if number % TOLD_EVERY == 0:
            ctx.tell(f"{number} messages read …")
        take(message)

    try:
        return read_queue(ctx.host, one, ctx.cancel.is_set)
    except NotPermitted as error:
        raise ActionError(
            str(error), Exit.NOT_PERMITTED, "run it as root, or see authorized_mailq_users"
        ) from error
    except HostError as error:
        ctx.check()
        raise ActionError(str(error), Exit.UNDECIDED, _next_step(str(error))) from error


def message_of(queued: Queued, folders: Folders) -> Message:
    """Return *queued* with the time of its next attempt, as far as that can be seen."""
    retry = None
    if queued.state == "deferred" and folders.retries is not None:
        retry = folders.retries.get(queued.queue_id)
    return Message(
        queued.queue_id,
        queued.state,
        queued.arrival,
        queued.size,
        queued.sender,
        queued.recipients,
        retry,
        queued.forced_expire,
    )


class _Tally:
    """Counts messages as they come and keeps the oldest of those that were chosen."""

    def __init__(self, choice: Choice, limit: int) -> None:
        self._choice = choice
        self._limit = limit
        self._counts: dict[str, list[int]] = {}
        self._kept: list[tuple[int, int, Queued]] = []
        self._deferred: list[str] = []
        self.reasons = Reasons()
        self.matched = 0
        self.size = 0
        self.oldest_arrival: int | None = None

    def take(self, message: Queued) -> None:
        """Count *message*."""
        count = self._counts.setdefault(message.state, [0, 0, message.arrival])
        count[0] += 1
        count[1] += message.size
        count[2] = min(count[2], message.arrival)
        if not self._choice.means(message):
            return
        self.matched += 1
        self.size += message.size
        if self.oldest_arrival is None or message.arrival < self.oldest_arrival:
            self.oldest_arrival = message.arrival
        self.reasons.take(message)
        if message.state == "deferred":
            self._deferred.append(message.queue_id)
        # The newest of those that are kept is on top, and goes first.
        entry = (-message.arrival, -self.matched, message)
        if len(self._kept) < self._limit:
            heapq.heappush(self._kept, entry)
        elif self._limit > 0:
            heapq.heappushpop(self._kept, entry)

    def oldest(self) -> list[Queued]:
        """Return the messages that were kept, the oldest first."""
        return [message for _, _, message in sorted(self._kept, reverse=True)]

    def next_retry(self, folders: Folders) -> float | None:
        """Return when the first of the deferred messages is due."""
        retries = folders.retries or {}
        times = [retries[queue_id] for queue_id in self._deferred if queue_id in retries]
        return min(times, default=None)

    def states(self, folders: Folders) -> tuple[StateCount, ...]:
        """Return the counts of every queue; the folders know better where the listing is blind."""
        counts = [self._count(state) for state in STATES]
        counts += [self._count(state) for state in self._counts if state not in STATES]
        counts.append(StateCount("corrupt", folders.corrupt, 0, None))
        return tuple(
            _maildrop(count, folders) if count.state == "maildrop" else count for count in counts
        )

    def _count(self, state: str) -> StateCount:
        if state not in self._counts:
            return StateCount(state, 0, 0, None)
        messages, size, oldest = self._counts[state]
        return StateCount(state, messages, size, oldest)


def _maildrop(listed: StateCount, folders: Folders) -> StateCount:
    """Return the count of maildrop, whose files showq(8) may not open: each is its sender's."""
    if folders.maildrop is None:
        return listed if listed.messages else listed._replace(messages=None)
    return listed._replace(messages=max(folders.maildrop, listed.messages or 0))


def _unseen(listing: Listing, folders: Folders) -> tuple[str, ...]:
    told = []
    if folders.retries is None or folders.maildrop is None or folders.corrupt is None:
        what = "the next attempts, and what is in maildrop and corrupt, can't be seen"
        told.append(f"{what} without root" if folders.denied else what)
    if listing.unread:
        told.append(f"{listing.unread} lines of postqueue -j were not understood")
    if listing.down:
        told.append("Postfix is down: nothing of it is delivered")
    return tuple(told)


def _in_words(choice: Choice) -> str:
    words = (
        (choice.state and f"in {choice.state}"),
        (choice.sender and f"from {choice.sender}"),
        (choice.recipient and f"to {choice.recipient}"),
        (choice.reason and f"because of “{choice.reason}”"),
    )
    return ", ".join(word for word in words if word)


def _next_step(told: str) -> str:
    if "mail system is down" in told.lower():
        return "start Postfix; while it is down, only root may read the queue"
    if "no such program" in told:
        return "is this a mail host with Postfix?"
    return "try postqueue -j yourself; it is there since Postfix 3.1"
