"""Many looks at the same time, each with its own limit; one that hangs or fails delays no other."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
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


class Together(Generic[K, V]):
    """Looks that go on side by side; more can be begun while others are under way.

    Args:
        ctx: its cancel and its deadline end the wait.
        limit: seconds for each look, from when it begins; each is to end within by itself.
    """

    def __init__(self, ctx: Context, limit: float) -> None:
        self._ctx = ctx
        self._limit = limit
        self._jobs: dict[K, Callable[[], V]] = {}
        self._open: set[K] = set()
        self._waiting: deque[K] = deque()
        self._done: queue.SimpleQueue[tuple[K, V | Failed]] = queue.SimpleQueue()
        self._begun: dict[K, float] = {}
        self._lock = threading.Lock()
        self._threads = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def begin(self, key: K, job: Callable[[], V]) -> None:
        """Do *job* too; what has been begun by the same *key* is not done again."""
        if key in self._jobs:
            return
        self._jobs[key] = job
        self._open.add(key)
        with self._lock:
            self._waiting.append(key)
            if self._threads < AT_ONCE:
                self._add_thread()

    def results(self) -> Iterator[tuple[K, V | Failed]]:
        """Yield what comes of each, in the order in which they end, until none is under way.

        Raises:
            Cancelled: the operator cancelled; what runs is left to end by itself.
        """
        try:
            while self._open:
                if self._ctx.cancel.is_set():
                    raise Cancelled
                try:
                    key, result = self._done.get(timeout=SLICE)
                except queue.Empty:
                    yield from self._overdue()
                    continue
                if key in self._open:
                    self._open.discard(key)
                    yield key, result
        finally:
            with self._lock:
                self._waiting.clear()

    def _add_thread(self) -> None:
        self._threads += 1
        # A thread that hangs in the system must not keep the program from its end.
        threading.Thread(target=self._work, name="look", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                key = self._waiting.popleft()
            self._begun[key] = started = time.monotonic()
            try:
                result: V | Failed = self._jobs[key]()
            except Exception as error:  # noqa: BLE001  (one look must not end the others)
                why = str(error) or type(error).__name__
                result = Failed(why, time.monotonic() - started)
            self._done.put((key, result))

    def _overdue(self) -> Iterator[tuple[K, Failed]]:
        now = time.monotonic()
        over = now > self._ctx.deadline
        for key in tuple(self._open):
            begun = self._begun.get(key)
            if over or (begun is not None and now - begun > self._limit + GRACE):
                self._open.discard(key)
                with self._lock:
                    self._add_thread()  # in place of the one that hangs
                yield key, Failed(f"not ended within {self._limit:g} s", now - (begun or now))


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
    run: Together[K, V] = Together(ctx, limit)
    for key, job in jobs.items():
        run.begin(key, job)
    yield from run.results()
