"""What is wrong with a queue: only what an operator has to do something about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.amounts import amount, span
from actions.finding import Finding, Health
from actions.host.errors import HostError
from actions.mailhost.values import seconds
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Host
    from actions.queue.report import StateCount

SPACE_FACTOR = 1.5
"""smtpd(8) takes mail only while this many times message_size_limit are free."""

NEARLY_FULL = 10
"""How many times the space that Postfix needs to take any mail is little."""


class Thresholds(Record):
    """What is a problem."""

    deferred: int
    """More deferred messages than this."""
    held: int
    """More messages on hold than this."""
    age: float
    """Mail that waits for more seconds; 0 for what Postfix itself should have given back."""


def find(
    host: Host, states: tuple[StateCount, ...], limits: Thresholds, now: float
) -> tuple[Finding, ...]:
    """Return what is wrong, the worst first."""
    counts = {count.state: count for count in states}
    found = [
        *_disk(host),
        *_corrupt(counts["corrupt"]),
        *_full(host, counts["active"]),
        *_many(counts["deferred"], limits.deferred),
        *_old(host, states, limits.age, now),
        *_held(counts["hold"], limits.held),
    ]
    return tuple(sorted(found, key=lambda finding: finding.health is not Health.DOWN))


def _many(deferred: StateCount, limit: int) -> Iterator[Finding]:
    if deferred.messages is not None and deferred.messages > limit:
        yield Finding(
            Health.DEGRADED,
            f"{deferred.messages} messages are deferred",
            "the queue",
            f"more than {limit}; the reasons say which destination or service hinders them",
            name="queue.deferred",
        )


def _held(held: StateCount, limit: int) -> Iterator[Finding]:
    if held.messages is not None and held.messages > limit:
        messages = "1 message is" if held.messages == 1 else f"{held.messages} messages are"
        yield Finding(
            Health.DEGRADED,
            f"{messages} on hold",
            "the queue",
            "nobody but an operator moves them: look at them with queue.show, then "
            "queue.release or queue.delete",
            name="queue.held",
        )


def _corrupt(corrupt: StateCount) -> Iterator[Finding]:
    if corrupt.messages:
        files = "1 damaged message" if corrupt.messages == 1 else f"{corrupt.messages} damaged"
        yield Finding(
            Health.DEGRADED,
            f"{files} set aside" if corrupt.messages == 1 else f"{files} messages set aside",
            "the folder corrupt in queue_directory",
            "Postfix could not read them and will not try again; the disk may be at fault",
            name="queue.corrupt",
        )


def _full(host: Host, active: StateCount) -> Iterator[Finding]:
    limit = _number(host, "qmgr_message_active_limit")
    if limit and (active.messages or 0) >= limit:
        yield Finding(
            Health.DEGRADED,
            f"the active queue is full: {active.messages} messages",
            "the queue",
            "new mail waits in incoming until some are delivered (qmgr_message_active_limit)",
            name="queue.active",
        )


def _old(host: Host, states: tuple[StateCount, ...], limit: float, now: float) -> Iterator[Finding]:
    moving = [
        count.oldest
        for count in states
        if count.oldest is not None and count.state in {"incoming", "active", "deferred"}
    ]
    age = now - min(moving, default=now)
    if limit and age > limit:
        yield Finding(
            Health.DEGRADED,
            f"the oldest message waits for {span(age)}",
            "the queue",
            f"longer than {span(limit)}",
            name="queue.age",
        )
    kept = _seconds(host, "maximal_queue_lifetime", "d")
    pause = _seconds(host, "maximal_backoff_time", "s")
    if not limit and kept is not None and pause is not None and age > kept + 2 * pause:
        yield Finding(
            Health.DEGRADED,
            f"the oldest message waits for {span(age)}",
            "the queue",
            f"Postfix gives mail back after {span(kept)} (maximal_queue_lifetime) and has not: "
            "does its queue manager run?",
            name="queue.age",
        )


def _disk(host: Host) -> Iterator[Finding]:
    """Look at the disk as smtpd(8) does before it takes a message."""
    limit, spare = _number(host, "message_size_limit"), _number(host, "queue_minfree")
    try:
        folder = host.postfix.setting("queue_directory")
        disk = os.statvfs(folder)
    except (HostError, OSError):
        return
    free = disk.f_bavail * disk.f_frsize
    needed = max(int(SPACE_FACTOR * limit), spare)
    if free <= needed:
        yield Finding(
            Health.DOWN,
            f"Postfix takes no mail: {amount(free)} are free for the queue",
            folder,
            f"it needs {amount(needed)} (1.5 × message_size_limit, queue_minfree) and answers "
            "452 Insufficient system storage",
            name="queue.disk",
        )
    elif free < NEARLY_FULL * needed:
        yield Finding(
            Health.DEGRADED,
            f"the queue's disk is nearly full: {amount(free)} are free",
            folder,
            f"below {amount(needed)} Postfix takes no mail",
            name="queue.disk",
        )
    elif disk.f_files and not disk.f_favail:
        yield Finding(
            Health.DOWN,
            "the queue's disk has no inode left",
            folder,
            "no file can be made, whatever space is free",
            name="queue.disk",
        )


def _number(host: Host, name: str) -> int:
    try:
        value = host.postfix.setting(name)
    except HostError:
        return 0
    return int(value) if value.isdigit() else 0


def _seconds(host: Host, name: str, unit: str) -> float | None:
    """Return a time of Postfix's settings; *unit* is that of a number without one."""
    try:
        return seconds(host.postfix.setting(name), unit)
    except HostError:
        return None
