"""What all sessions of a load come to: counts and times, but nothing of any one session."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from actions.chain.load.report import (
    ErrorCount,
    LoadProgress,
    MilterLoad,
    StageTimes,
    VerdictCount,
)
from actions.chain.load.times import Times
from actions.chain.verdict import trouble_in
from actions.milter.session import Exchange, Negotiated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.chain.load.report import LoadStage
    from actions.chain.load.session import SessionResult
    from actions.chain.load.times import Spread
    from actions.chain.report import Verdict
    from actions.milter.chain import ChainEvent
    from actions.milter.link import Link
    from actions.milter.session import Trouble
    from actions.milter.transport import TroubleKind

MOST_ERRORS = 100
"""Kinds of failure told apart; a milter's words may differ each time."""

_STAGES: tuple[LoadStage, ...] = (
    "negotiate",
    "connect",
    "unknown",
    "helo",
    "mail",
    "rcpt",
    "data",
    "header",
    "eoh",
    "body",
    "end",
)


class Tally:
    """Counts sessions as they end; several threads may, while another reads."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.sessions = 0
        self.undecided = 0
        self.messages = 0
        self.bytes = 0
        self._lock = threading.Lock()
        self._session = Times()
        self._stages: defaultdict[tuple[str, LoadStage], Times] = defaultdict(Times)
        self._milters: defaultdict[str, Times] = defaultdict(Times)
        self._verdicts: Counter[tuple[int, Verdict]] = Counter()
        self._errors: dict[tuple[str, LoadStage, TroubleKind, str], tuple[int, float]] = {}

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self.started

    def count(self, result: SessionResult) -> None:
        """Count one session that has ended."""
        with self._lock:
            self.sessions += 1
            self._session.add(result.seconds)
            for size, verdict in result.verdicts:
                if verdict != "undecided":
                    self.messages += 1
                    self.bytes += size
                self._verdicts[size, verdict] += 1
            self.undecided += any(verdict == "undecided" for _, verdict in result.verdicts)
            self._count_events(result.events)

    def _count_events(self, events: Sequence[ChainEvent]) -> None:
        waited: dict[str, float] = {}
        for event in events:
            if isinstance(event, Exchange):
                if event.withheld:
                    continue
                stage: LoadStage = event.stage.value
                trouble = trouble_in(event)
            elif isinstance(event, Negotiated):
                stage, trouble = "negotiate", event.trouble
            else:
                continue
            name, seconds = event.milter, event.seconds
            waited[name] = waited.get(name, 0.0) + seconds
            self._stages[name, stage].add(seconds)
            if trouble:
                self._count_error(name, stage, trouble)
        for name, seconds in waited.items():
            self._milters[name].add(seconds)

    def _count_error(self, milter: str, stage: LoadStage, trouble: Trouble) -> None:
        key = milter, stage, trouble.kind, trouble.text
        if key not in self._errors and len(self._errors) >= MOST_ERRORS:
            key = milter, stage, trouble.kind, "(other texts)"
        count, first = self._errors.get(key, (0, self.seconds))
        self._errors[key] = count + 1, first

    def progress(self, total: int | None, running: int) -> LoadProgress:
        """Return how far it is."""
        with self._lock:
            seconds = self.seconds
            return LoadProgress(
                self.sessions,
                total,
                running,
                seconds,
                self.sessions / seconds,
                self.messages / seconds,
                sum(count for count, _ in self._errors.values()),
                self._session.spread(),
            )

    def session_times(self) -> Spread:
        """Return how long whole sessions took."""
        with self._lock:
            return self._session.spread()

    def milters(self, links: tuple[Link, ...]) -> tuple[MilterLoad, ...]:
        """Return what each milter took."""
        with self._lock:
            return tuple(
                MilterLoad(
                    link.name,
                    link.endpoint.spec,
                    tuple(
                        StageTimes(stage, self._stages[link.name, stage].spread())
                        for stage in _STAGES
                        if (link.name, stage) in self._stages
                    ),
                    self._milters[link.name].spread(),
                )
                for link in links
            )

    def verdicts(self) -> tuple[VerdictCount, ...]:
        """Return the verdicts, by size, the most frequent first."""
        with self._lock:
            found = [VerdictCount(*key, count) for key, count in self._verdicts.items()]
        return tuple(sorted(found, key=lambda one: (one.size, -one.messages)))

    def errors(self) -> tuple[ErrorCount, ...]:
        """Return the failures in the order in which they were first seen."""
        with self._lock:
            found = [ErrorCount(*key, *seen) for key, seen in self._errors.items()]
        return tuple(sorted(found, key=lambda one: one.first))
