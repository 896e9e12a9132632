"""The mail on its way: the log read until every recipient has an end, or the time is over."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.action import Cancelled
from actions.chain.send.fate import Ends
from actions.chain.send.report import StoryLine
from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Context
    from actions.chain.send.trace import Trace
    from actions.mailhost.logline import LogLine
    from actions.mailhost.maillog import MailLog

SETTLING = 0.3
"""Seconds that are given to the lines about a refusal, which may come after the reply."""


class Seen(Record):
    """What following came to."""

    seconds: float
    trouble: str = ""
    """Why the log could not be read to the end."""


def follow(
    ctx: Context,
    log: MailLog,
    read: Callable[[], list[LogLine]],
    trace: Trace,
    allowed: float,
    *,
    taken: bool,
    refusals: int,
) -> Seen:
    """Read *log* into *trace* until the mail's end is seen; each new line is told.

    Args:
        ctx: how to tell, cancel, and end.
        log: open since before the mail was sent.
        read: reads its new lines.
        trace: takes the lines.
        allowed: seconds at most.
        taken: whether the server took the mail, or may have; else only refusals are to be found.
        refusals: how many replies refused.

    Raises:
        Cancelled: the operator cancelled.
    """
    started = time.monotonic()
    until = min(started + allowed, ctx.deadline)
    over = not taken
    if over:
        until = min(until, started + SETTLING + log.pause)
    while True:
        if ctx.cancel.is_set():
            raise Cancelled
        try:
            fresh = trace.add(read())
        except (HostError, OSError) as error:
            return Seen(time.monotonic() - started, str(error))
        for fact in fresh:
            ctx.tell(StoryLine(fact.line, fact.queue_id))
        now = time.monotonic()
        if not over and trace.ids and Ends(trace.story).over(trace.ids[0]):
            over, until = True, min(until, now + SETTLING + log.pause)
        if now >= until or (over and _seen(trace) >= refusals):
            return Seen(now - started)
        time.sleep(min(log.pause, max(0.0, until - now)))


def _seen(trace: Trace) -> int:
    return sum(fact.judged is not None and fact.judged.action == "reject" for fact in trace.story)


def close_quietly(log: MailLog | None) -> None:
    """Let go of *log*, whatever state it is in."""
    if log is not None:
        with suppress(OSError):
            log.close()
