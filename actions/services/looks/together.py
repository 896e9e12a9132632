"""Many looks at the same time, each with its own limit; one that hangs or fails delays no other."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from actions.action import Cancelled
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from actions.action import Context

AT_ONCE = 24
"""Threads; a look mostly waits for an answer, and there are a few dozen of them."""

GRACE = 0.3
"""Seconds beyond its limit after which a look that should end by itself is given up."""

SLICE = 0.1
"""Seconds after which the wait looks at the operator and at the clock."""

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class Failed(Record):
    """A look that came to no end of its own."""

    why: str
    seconds: float


class _Run(Generic[K, V]):
    """The threads and what they share."""

    def __init__(self, jobs: Mapping[K, Callable[[], V]]) -> None:
        self.jobs = jobs
        self.waiting: queue.SimpleQueue[K] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[tuple[K, V | Failed]] = queue.SimpleQueue()
        self.begun: dict[K, float] = {}
        for key in jobs:
            self.waiting.put(key)
        for _ in range(min(AT_ONCE, len(jobs))):
            self.add_thread()

    def add_thread(self) -> None:
        # A thread that hangs in the system must not keep the program from its end.
        threading.Thread(target=self._work, name="look", daemon=True).start()

    def empty(self) -> None:
        """Take away what nobody has begun."""
        while not self.waiting.empty():
            try:
                self.waiting.get_nowait()
            except queue.Empty:
                return

    def _work(self) -> None:
        while True:
            try:
                key = self.waiting.get_nowait()
            except queue.Empty:
                return
            self.begun[key] = started = time.monotonic()
            try:
                result: V | Failed = self.jobs[key]()
            except Exception as error:  # noqa: BLE001  (one look must not end the others)
                why = str(error) or type(error).__name__
                result = Failed(why, time.monotonic() - started)
            self.done.put((key, result))


def together(
    ctx: Context, jobs: Mapping[K, Callable[[], V]], limit: float
) -> Iterator[tuple[K, V | Failed]]:
    """Do all *jobs* and yield what comes of each, in the order in which they end.

    Args:
        ctx: its cancel and its deadline end the wait.
        jobs: each is to end within *limit* by itself.
        limit: seconds for each, from when it begins.

    Raises:
        Cancelled: the operator cancelled; what runs is left to end by itself.
    """
    run = _Run(jobs)
    open_jobs = set(jobs)
    try:
        while open_jobs:
            if ctx.cancel.is_set():
                raise Cancelled
            try:
                key, result = run.done.get(timeout=SLICE)
            except queue.Empty:
                yield from _overdue(ctx, run, open_jobs, limit)
                continue
            if key in open_jobs:
                open_jobs.discard(key)
                yield key, result
    finally:
        run.empty()


def _overdue(
    ctx: Context, run: _Run[K, V], open_jobs: set[K], limit: float
) -> Iterator[tuple[K, Failed]]:
    now = time.monotonic()
    over = now > ctx.deadline
    for key in tuple(open_jobs):
        begun = run.begun.get(key)
        if over or (begun is not None and now - begun > limit + GRACE):
            open_jobs.discard(key)
            run.add_thread()  # in place of the one that hangs
            yield key, Failed(f"not ended within {limit:g} s", now - (begun or now))
