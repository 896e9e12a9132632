"""`HostLook`: the one look at the host that all panes share, done anew when something changes.

While somebody looks at the overview it follows the services: a change of one is seen at once.
While nobody does, it looks only when it is told to.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from textual.message import Message

from actions.record import Record
from widgets.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from textual.app import App

    from actions.action import Context
    from actions.host.ports import Host
    from actions.mailhost.service import MailService
    from actions.overview.check import Overview
    from actions.overview.looks import Check
    from actions.overview.report import OverviewReport
    from actions.services.watch import Changed, Watch
    from widgets.fault import Fault

INTERVAL = 60.0
"""Seconds between two looks at what nothing tells of, such as the queue."""

UNTOLD_INTERVAL = 30.0
"""The same where nothing tells of the services either."""

SHARE = 500
"""How many times as long as a look took of the processor the next one is put off."""

WHOLE_INTERVAL = 900.0
"""Seconds after which the setup and the chains are looked at again too."""

STALE = 5.0
"""Seconds after which it is looked again when the overview comes into sight."""


class Wish(Record):
    """What is to be looked at."""

    whole: bool = False
    """Everything, the setup and the chains too."""
    quick: bool = False
    """All that is quickly done."""
    services: frozenset[str] = frozenset()
    """These services, where no more is wished."""

    def __bool__(self) -> bool:
        """Return whether anything is wished."""
        return self.whole or self.quick or bool(self.services)

    def and_also(self, other: Wish) -> Wish:
        """Return both wishes as one."""
        return Wish(
            self.whole or other.whole, self.quick or other.quick, self.services | other.services
        )

    def checks(self) -> Iterator[Check]:
        """Yield the looks that fulfil it."""
        from actions.overview.looks import known_checks, services_named

        if not self.whole and not self.quick:
            yield services_named(sorted(self.services))
            yield from (check for check in known_checks() if check.name == "sockets.check")
            return
        yield from (check for check in known_checks() if check.quick)


def slow_checks() -> Iterator[Check]:
    """Yield the looks that a whole look has besides: they may take long."""
    from actions.overview.looks import known_checks

    yield from (check for check in known_checks() if not check.quick)


WHOLE = Wish(whole=True)
QUICK = Wish(quick=True)


class HostLook:
    """The look at one host.

    Args:
        host: the host.
        app: gets `HostLook.News` whenever there is something new to show.
    """

    class News(Message):
        """More is known, or a look has begun or ended."""

    class Noticed(Message):
        """The services have changed."""

        def __init__(self, changed: Changed) -> None:
            super().__init__()
            self.changed = changed

    def __init__(self, host: Host, app: App[None]) -> None:
        self.report: OverviewReport | None = None
        self.ended = 0.0
        """When the last look ended, on `time.monotonic`."""
        self._host = host
        self._app = app
        self._known: Overview | None = None
        self._making = threading.Lock()
        self._job: Job | None = None
        self._slow: Job | None = None
        """What takes long, beside which the services are followed all the same."""
        self._is_slow_wished = False
        self._fault: Fault | None = None
        self._slow_fault: Fault | None = None
        self._wish = Wish()
        self._watchers: set[object] = set()
        self._watch: Watch | None = None
        self._followed: tuple[MailService, ...] = ()
        self._following = threading.Lock()
        self._whole = 0.0
        self._cost = 0.0
        """Seconds of the processor that the last look took, and the programs that it asked."""

    @property
    def is_under_way(self) -> bool:
        """Whether it is being looked at."""
        return self._job is not None or self._slow is not None

    @property
    def fault(self) -> Fault | None:
        """Why the last look told nothing, the quick one or that which takes long."""
        return self._fault or self._slow_fault

    def latest(self, name: str) -> object | None:
        """Return what the look called *name*, such as "setup.check", told last, or None."""
        return self._known.latest(name) if self._known else None

    def begin(self, wish: Wish) -> None:
        """Look; nothing waits for it. A look under way is followed by another one."""
        self._wish = self._wish.and_also(wish)
        self._is_slow_wished = self._is_slow_wished or wish.whole
        if self._job is None and self._wish:
            now, self._wish = self._wish, Wish()
            self._job = self._started(now.checks)
        if self._slow is None and self._is_slow_wished:
            self._is_slow_wished = False
            self._whole = time.monotonic()
            self._slow = self._started(slow_checks)

    def _started(self, checks: Callable[[], Iterable[Check]]) -> Job:
        job = Job(self._host, lambda ctx: self._look(ctx, checks()), self._app)
        job.start()
        self._app.post_message(self.News())
        return job

    def watch(self, who: object, *, watched: bool) -> None:
        """Follow the services as long as anybody watches.

        Args:
            who: the view that begins or ends to watch; of two, one may begin before the other ends.
            watched: whether it begins.
        """
        (self._watchers.add if watched else self._watchers.discard)(who)
        if not watched:
            if self._watch is not None:
                Job(self._host, lambda _: self._let_go(), self._app).start()
        elif self.report is not None and time.monotonic() - self.ended > STALE:
            self.begin(QUICK)
        elif self.report is not None:
            Job(self._host, lambda _: self._follow(), self._app).start()

    def tick(self) -> None:
        """Look at what nothing tells of, where it is time to."""
        usual = INTERVAL if self._watch and self._watch.is_told else UNTOLD_INTERVAL
        interval = max(usual, self._cost * SHARE)
        if self._watchers and self._job is None and time.monotonic() - self.ended >= interval:
            is_due = time.monotonic() - self._whole >= WHOLE_INTERVAL
            self.begin(WHOLE if is_due else QUICK)

    def notice(self, changed: Changed) -> None:
        """Look at the services that have *changed*."""
        if self._watchers:
            self.begin(Wish(whole=changed.settings, services=changed.services))

    def told(self, message: Job.Told) -> None:
        """Take what is known so far."""
        if message.job in {self._job, self._slow}:
            self._take()
            self._app.post_message(self.News())

    def took(self, message: Job.Ended) -> None:
        """Take what came of a look."""
        if message.job is self._job:
            self._job, self._fault = None, message.fault
        elif message.job is self._slow:
            self._slow, self._slow_fault = None, message.fault
        else:
            return
        self.ended = time.monotonic()
        if message.result is not None:
            self._take()
        self._app.post_message(self.News())
        self.begin(Wish())

    def _take(self) -> None:
        """Take the newest report: of two looks, one may tell an older one later."""
        self.report = self._known.newest if self._known else None

    # In the thread of a job, where also what is needed is imported: the screen does not wait

    def _look(self, ctx: Context, checks: Iterable[Check]) -> OverviewReport:
        from actions.overview.check import Overview

        began = _spent()
        with self._making:
            self._known = self._known or Overview(self._host)
        report = self._known.looked(ctx, checks)
        self._cost = _spent() - began
        self._follow(report)
        return report

    def _follow(self, report: OverviewReport | None = None) -> None:
        """Follow the services of *report*, where somebody looks."""
        from actions.services.watch import Changed, Watch

        seen = report or self.report
        services = tuple(one.service for one in seen.services) if seen else ()
        with self._following:
            if self._watch is not None and services == self._followed:
                return
            self._close()
            if self._watchers and services:
                self._followed = services
                self._watch = Watch(self._host, services, self._heard)
                # What changed between the look and the first mark of the watch is told by neither.
                self._heard(Changed(frozenset(one.name for one in services)))

    def _let_go(self) -> None:
        with self._following:
            if not self._watchers:
                self._close()

    def _close(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def _heard(self, changed: Changed) -> None:
        try:
            self._app.post_message(self.Noticed(changed))
        except RuntimeError:  # the screen is gone
            return


def _spent() -> float:
    """Return the seconds of the processor that this program and those it has asked took."""
    return sum(os.times()[:4])
