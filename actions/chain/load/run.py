"""The body of ``chain.load``: many sessions at once, followed from one place.

The sessions run in threads of this process: a milter's reply is waited for without holding the
interpreter, and every way to open a socket works as in ``chain.test``.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from actions.action import Cancelled
from actions.chain.load.report import LoadReport
from actions.chain.load.session import play
from actions.chain.load.tally import Tally
from actions.chain.run import chain_settings
from actions.chain.verdict import setting_of
from actions.record import Record

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from actions.action import Context
    from actions.chain.load.report import Ending, LoadProgress
    from actions.chain.load.session import Mail
    from actions.chain.request import TestRequest
    from actions.host.endpoint import Endpoint
    from actions.milter.link import Link
    from actions.milter.transport import Connector

TELL_EVERY = 0.25
"""Seconds between two reports of progress."""

FAREWELL = 0.9
"""Seconds that sessions have to close their sockets when the operator cancels."""

CONNECT_SLICE = 0.25
"""Seconds after which a wait for a full listener looks whether it was cancelled."""


class Load(Record):
    """How much is to be done."""

    sessions: int | None
    """None where only the duration limits them."""
    parallel: int
    messages: int
    """In each session."""
    duration: float | None
    """Seconds after which no further session is begun."""


def run_load(
    ctx: Context,
    links: tuple[Link, ...],
    request: TestRequest,
    mails: Sequence[Mail],
    load: Load,
) -> LoadReport:
    """Play the sessions of *load* through *links* and report what they came to.

    `LoadProgress` is told to the context about four times a second. Where the operator cancels,
    by the context or by an interrupt, the report says what was measured until then.
    """
    crew = _Crew(ctx, links, request, mails, load)
    ending: Ending = "all sessions done"
    crew.start()
    try:
        while not crew.is_done(TELL_EVERY):
            ctx.check()
            ctx.tell(crew.progress())
        if load.duration is not None and crew.tally.sessions != load.sessions:
            ending = "the duration is over"
    except (Cancelled, KeyboardInterrupt):
        ending = "cancelled"
        crew.stop()
        crew.is_done(FAREWELL)
    except BaseException:
        crew.stop()
        raise
    crew.raise_defect()
    ctx.tell(crew.progress())
    return crew.report(ending)


class _Crew:
    """The threads that play sessions, and what they have done so far."""

    def __init__(
        self,
        ctx: Context,
        links: tuple[Link, ...],
        request: TestRequest,
        mails: Sequence[Mail],
        load: Load,
    ) -> None:
        self.tally = Tally()
        self._stopped = threading.Event()
        self._links = tuple(
            link._replace(connector=_patient(link.connector, self._stopped)) for link in links
        )
        self._settings = chain_settings(ctx._replace(cancel=self._stopped), request)
        self._request = request
        self._mails = mails
        self._load = load
        self._lock = threading.Lock()
        self._begun = 0
        self._running = 0
        self._defect: BaseException | None = None
        workers = min(load.parallel, load.sessions or load.parallel)
        self._threads = [
            threading.Thread(target=self._work, name=f"load {number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start them all."""
        self._running = len(self._threads)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have every session end at its next look at the flag."""
        self._stopped.set()

    def is_done(self, patience: float) -> bool:
        """Wait for the threads to end, *patience* seconds at most; return whether they have."""
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def raise_defect(self) -> None:
        """Raise what ended a thread and should not have."""
        if self._defect:
            raise self._defect

    def progress(self) -> LoadProgress:
        """Return how far they are."""
        tally = self.tally
        return tally.progress(self._load.sessions, self._running)._replace(
            milters=tally.milters(self._links), verdicts=tally.verdicts(), failures=tally.errors()
        )

    def report(self, ending: Ending) -> LoadReport:
        """Return what all of it came to."""
        tally, load = self.tally, self._load
        seconds = tally.seconds
        return LoadReport(
            ending=ending,
            setting=setting_of(self._request),
            parallel=load.parallel,
            planned=load.sessions,
            sessions=tally.sessions,
            undecided=tally.undecided,
            messages=tally.messages,
            bytes=tally.bytes,
            seconds=seconds,
            sessions_per_second=tally.sessions / seconds,
            messages_per_second=tally.messages / seconds,
            megabytes_per_second=tally.bytes / seconds / 1e6,
            session=tally.session_times(),
            milters=tally.milters(self._links),
            verdicts=tally.verdicts(),
            errors=tally.errors(),
            notes=(),
        )

    def _work(self) -> None:
        try:
            while (mails := self._next_mails()) is not None:
                self.tally.count(play(self._links, self._settings, self._request, mails))
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001  (it is raised again by the caller)
            self._defect = error
            self.stop()
        finally:
            with self._lock:
                self._running -= 1

    def _next_mails(self) -> Sequence[Mail] | None:
        """Return what the next session sends, or None where there is none to begin."""
        load = self._load
        over = load.duration is not None and self.tally.seconds > load.duration
        with self._lock:
            if self._stopped.is_set() or over or self._begun == load.sessions:
                return None
            first = self._begun * load.messages
            self._begun += 1
        return [self._mails[(first + more) % len(self._mails)] for more in range(load.messages)]


def _patient(connector: Connector, stopped: threading.Event) -> Connector:
    """Return *connector* so that waiting for a busy listener on this host can be cancelled."""

    def connect(endpoint: Endpoint, timeout: float) -> socket.socket:
        if endpoint.family != "unix":  # an unanswered SYN is better not begun again
            return connector(endpoint, timeout)
        until = time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
            try:
                return connector(endpoint, max(min(left, CONNECT_SLICE), 0.001))
            except TimeoutError:
                if stopped.is_set():
                    raise Cancelled from None
                if left <= CONNECT_SLICE:
                    raise TimeoutError(
                        f"nobody accepted the connection within {timeout:g} s"
                    ) from None

    return connect
