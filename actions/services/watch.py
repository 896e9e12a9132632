"""Which services need a new look: told by the service manager, and seen at files and processes.

The signals of the service manager tell of units. What they can't tell is seen twice a second:
sockets, settings, ports, and the processes themselves. Where there are no signals, units are
asked for too. What that costs is measured, and the pauses are so long that it stays small.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from actions.host import processes
from actions.host.errors import HostError
from actions.host.listening import read_ports
from actions.record import Record
from actions.services.looks.greeting import reachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from actions.host.ports import Host, UnitState, UnitWatch
    from actions.mailhost.service import MailService

PAUSE = 0.5
"""Seconds between two looks at the files."""

SHARE = 500
"""How many times as long as such a look took the next one is put off."""

LONGEST = 0.7
"""Seconds to which a look at the files is put off at most: what they tell is told in a second."""

SETTLING = 0.05
"""Seconds in which the signals of one change are taken together."""

AFTERWARDS = (1.0, 4.0, 12.0, 35.0)
"""Seconds after a change at which it is told again: a daemon answers later than it starts.

The last is after the 30 seconds that Postfix waits for a milter that hangs.
"""


class Changed(Record):
    """What may be another than before."""

    services: frozenset[str]
    """Names; with those that need one of them, as they may fare otherwise now."""
    settings: bool = False
    """Whether a configuration file was changed, by which there may be other services now."""


class _Mark(Record):
    """What a service looks like from outside; another mark asks for a new look."""

    settings: tuple[object, ...]
    rest: tuple[object, ...]


class Watch:
    """A look-out over *services*, which goes on until it is closed.

    What is there when it has been made is what later changes are told against.

    Args:
        host: the host they are on.
        services: all of the host.
        changed: is called from a thread of this object's own.
        afterwards: seconds after a change at which it is told again, in order.
    """

    def __init__(
        self,
        host: Host,
        services: Sequence[MailService],
        changed: Callable[[Changed], None],
        afterwards: Sequence[float] = AFTERWARDS,
    ) -> None:
        self._host = host
        self._services = tuple(services)
        self._changed = changed
        self._afterwards = tuple(afterwards)
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._told: set[str] = set()
        """Units of which the service manager told something; "" for any."""
        self._lock = threading.Lock()
        self._units: UnitWatch | None = None
        try:
            self._units = host.units.watch(self._tell)
        except HostError:
            self._units = None
        self._states: dict[str, UnitState] = {}
        self._ports = _Paced(PAUSE)
        self._ask_states()
        self._seen = self._marks()
        self._thread = threading.Thread(target=self._go_on, name="services", daemon=True)
        self._thread.start()

    @property
    def is_told(self) -> bool:
        """Whether the service manager tells of changes; else they are looked for."""
        return self._units is not None

    def close(self) -> None:
        """Look no more; returns when no further call will be made."""
        self._closed.set()
        self._wake.set()
        if self._units is not None:
            self._units.close()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _tell(self, unit: str) -> None:
        with self._lock:
            self._told.add(unit)
        self._wake.set()

    def _go_on(self) -> None:
        states = _Paced(1.0)
        again: list[tuple[float, frozenset[str]]] = []
        pause = PAUSE
        while not self._closed.is_set():
            woken = self._wake.wait(_until(pause, again))
            if self._closed.is_set():
                return
            if woken:
                self._closed.wait(SETTLING)
            names = self._named_by_signals()
            if names or (self._units is None and states.is_due()):
                with states:
                    names |= self._ask_states()
            began = time.thread_time()
            marks, self._seen = self._seen, self._marks()
            differ = {name for name, mark in marks.items() if mark != self._seen[name]}
            settings = any(marks[name].settings != self._seen[name].settings for name in differ)
            names |= differ
            pause = min(max(PAUSE, (time.thread_time() - began) * SHARE), LONGEST)
            now = time.monotonic()
            late = frozenset(name for at, those in again for name in those if at <= now)
            again = [(at, those) for at, those in again if at > now]
            if names:
                again += [(now + later, frozenset(names)) for later in self._afterwards]
            if (names or late) and not self._closed.is_set():
                self._changed(Changed(affected(self._services, names | late), settings))

    def _named_by_signals(self) -> set[str]:
        self._wake.clear()
        with self._lock:
            told, self._told = self._told, set()
        return {
            service.name for service in self._services if "" in told or service.seen_unit in told
        }

    def _ask_states(self) -> set[str]:
        """Ask for the states of all units; returns the services whose state is another."""
        units = [service.seen_unit for service in self._services if service.unit]
        if not units or self._host.units.absent():
            return set()
        before = self._states
        self._states = dict(zip(units, self._host.units.states(units), strict=True))
        return {
            service.name
            for service in self._services
            if service.seen_unit in before
            and _of_note(before[service.seen_unit]) != _of_note(self._states.get(service.seen_unit))
        }

    def _marks(self) -> dict[str, _Mark]:
        if self._ports.is_due():
            with self._ports:
                self._ports.kept = frozenset(read_ports())
        ports = self._ports.kept
        return {service.name: self._mark(service, ports) for service in self._services}

    def _mark(self, service: MailService, ports: object) -> _Mark:
        settings = tuple(_stamp(self._host.at(path)) for path in service.configuration)
        # Where the service manager tells of changes, it does so when a process ends.
        state = None if self.is_told else self._states.get(service.seen_unit)
        rest = (*_at_sockets(service, ports), *_of_processes(state))
        return _Mark(settings, rest)


class _Paced:
    """Something that is done the more seldom the longer it takes."""

    def __init__(self, pause: float) -> None:
        self.kept: object = frozenset()
        self._pause = pause
        self._due = 0.0
        self._began = 0.0

    def is_due(self) -> bool:
        return time.monotonic() >= self._due

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        now = time.monotonic()
        self._due = now + max(self._pause, (now - self._began) * SHARE)


def affected(services: Iterable[MailService], names: Iterable[str]) -> frozenset[str]:
    """Return *names* and the services that need one of them."""
    changed = set(names)
    needing = {
        service.name
        for service in services
        if any(need.service in changed for need in service.needs)
    }
    return frozenset(changed | needing)


def _until(pause: float, again: list[tuple[float, frozenset[str]]]) -> float:
    first = min((at for at, _ in again), default=float("inf"))
    return max(min(pause, first - time.monotonic()), 0.0)


def _of_note(state: UnitState | None) -> object:
    if state is None:
        return None
    return (state.activity, state.enabled, state.masked, state.invocation, state.main_pid)


def _at_sockets(service: MailService, ports: object) -> Iterator[object]:
    assert isinstance(ports, frozenset)
    for listener in service.listeners:
        try:
            endpoint = reachable(listener.spec)
        except ValueError:
            continue
        if endpoint.family == "unix":
            yield _stamp(endpoint.place)
        else:
            yield any(port == endpoint.port for _, port in ports)


def _of_processes(state: UnitState | None) -> Iterator[object]:
    if state is None:
        return
    yield processes.has_process(state.group)
    if state.main_pid:
        yield processes.is_alive(state.main_pid)


def _stamp(path: str) -> object:
    """Return what is another where a file was replaced, written, given away or removed."""
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid, found.st_gid
