"""What systemd tells on the system bus, as it happens: which units have changed.

A thread of its own runs the connection, and sleeps until something comes. Any user may listen
(systemd's policy for the bus, org.freedesktop.systemd1.conf, allows Subscribe to everybody).
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from dbus_fast import DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError

from actions.host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
"""Not taken from the environment: a user's variable must not choose whom root listens to."""

PATIENCE = 5.0
"""Seconds for connecting and for each answer."""

GATHERED = 0.05
"""Seconds in which changes are gathered: a start alone is told of some ten times."""

PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before each attempt to connect again; the last one goes on."""

_SYSTEMD = "org.freedesktop.systemd1"
_MANAGER = f"{_SYSTEMD}.Manager"
_MANAGERS_PATH = "/org/freedesktop/systemd1"
_UNITS_PATH = f"{_MANAGERS_PATH}/unit"
_SUFFIX = ".service"

_RULES = (
    f"type='signal',sender='{_SYSTEMD}',member='PropertiesChanged',path_namespace='{_UNITS_PATH}'",
    f"type='signal',sender='{_SYSTEMD}',interface='{_MANAGER}',path='{_MANAGERS_PATH}'",
    f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{_SYSTEMD}'",
)

_ANY = {"UnitFilesChanged", "StartupFinished"}
"""Signals of the manager after which any unit may be another.

UnitNew and UnitRemoved are left out: asking for the state of a unit that is not loaded loads it
and lets it go again, so whoever asks after each of them would never come to rest.
"""


def watch_units(changed: Callable[[str], None], address: str = SYSTEM_BUS) -> BusWatch:
    """Call *changed* with a unit's name, from another thread, whenever its state changes.

    An empty name says that any may have changed: units were loaded anew, or the bus was away.

    Args:
        changed: is called.
        address: the bus.

    Raises:
        HostError: there is no bus, or systemd does not answer on it.
    """
    return BusWatch(changed, address)


class BusWatch:
    """A look-out on a bus; see `watch_units`."""

    def __init__(self, changed: Callable[[str], None], address: str) -> None:
        self._changed = changed
        self._address = address
        self._ready = threading.Event()
        self._failure = "it did not start"
        self._bus: MessageBus | None = None
        self._closed = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._names: set[str] = set()
        self._values: dict[tuple[str, str], dict[str, object]] = {}
        """What systemd told last of each service, by path and interface."""
        self._thread = threading.Thread(target=self._run, name="units", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise HostError(f"nothing tells of changes: {self._failure}")

    def close(self) -> None:
        """Look no more; returns when no further call will be made."""
        self._closed.set()
        if self._loop and self._stop:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        bus: MessageBus | None = None
        try:
            bus = await self._connected()
            self._failure = ""
        except _Refused as error:
            self._failure = str(error)
        finally:
            self._ready.set()
        while bus:
            await self._until_gone(bus, self._stop)
            bus = await self._connected_again(self._stop)

    async def _connected_again(self, stop: asyncio.Event) -> MessageBus | None:
        """Return a new connection as soon as there is one; None where this watch is closed."""
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            if stop.is_set():
                break
            with suppress(_Refused):
                bus = await self._connected()
                self._note("")
                return bus
        return None

    async def _connected(self) -> MessageBus:
        bus = MessageBus(bus_address=self._address)
        try:
            await asyncio.wait_for(bus.connect(), PATIENCE)
        except TimeoutError:
            raise _Refused(f"the bus does not answer within {PATIENCE:g} s") from None
        except OSError as error:
            raise _Refused(f"{self._address}: {error.strerror or error}") from error
        except (AuthError, DBusError, EOFError) as error:
            raise _Refused(f"{self._address}: {error}") from error
        bus.add_message_handler(self._take)
        try:
            for rule in _RULES:
                await _call(bus, "org.freedesktop.DBus", "AddMatch", rule)
            await _call(bus, _SYSTEMD, "Subscribe")
        except _Refused:
            bus.disconnect()
            await _gone(bus)
            raise
        return bus

    async def _until_gone(self, bus: MessageBus, stop: asyncio.Event) -> None:
        """Wait until the bus is gone or this watch is closed."""
        self._bus = bus
        gone = asyncio.ensure_future(_gone(bus))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((gone, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        bus.disconnect()
        await gone

    def _take(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "PropertiesChanged":
            unit = _unit_at(message.path or "")
            if unit.endswith(_SUFFIX) and self._is_new(message):
                self._note(unit)
        elif message.member == "JobRemoved":
            # id, job, unit, result; before systemd 230 too.
            self._note_service(str(message.body[2]))
        elif message.member in _ANY or (message.member == "Reloading" and not message.body[0]):
            self._note("")
        elif message.member == "NameOwnerChanged" and message.body[2] and self._bus:
            # systemd came anew, and may not know its listeners any more: begin again.
            self._bus.disconnect()

    def _is_new(self, message: Message) -> bool:
        """Return whether *message* tells other values than were told before.

        systemd tells a unit's properties again, all as they were, when a unit that refers to it
        is loaded. A look asks for units that are not loaded, and would ask for the next look.
        """
        interface, changed = message.body[0], message.body[1]
        known = self._values.setdefault((message.path or "", interface), {})
        values = {name: variant.value for name, variant in changed.items()}
        is_new = any(name not in known or known[name] != now for name, now in values.items())
        known.update(values)
        return is_new or not values

    def _note_service(self, name: str) -> None:
        if name.endswith(_SUFFIX):
            self._note(name)

    def _note(self, name: str) -> None:
        """Tell of *name* soon, once, whatever else comes of it until then."""
        assert self._loop is not None
        if not self._names:
            self._loop.call_later(GATHERED, self._tell)
        self._names.add(name)

    def _tell(self) -> None:
        names, self._names = self._names, set()
        for name in ("",) if "" in names else sorted(names):
            if not self._closed.is_set():
                self._changed(name)


class _Refused(Exception):
    """Why there is no connection."""


async def _call(bus: MessageBus, service: str, member: str, *words: str) -> None:
    is_systemd = service == _SYSTEMD
    message = Message(
        destination=service,
        path=_MANAGERS_PATH if is_systemd else "/org/freedesktop/DBus",
        interface=_MANAGER if is_systemd else service,
        member=member,
        signature="s" * len(words),
        body=list(words),
    )
    try:
        reply = await asyncio.wait_for(bus.call(message), PATIENCE)
    except TimeoutError:
        raise _Refused(f"{service} does not answer {member} within {PATIENCE:g} s") from None
    except (OSError, EOFError) as error:
        raise _Refused(f"the bus has ended: {error}") from error
    if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
        told = reply.body[0] if reply and reply.body else "refused"
        raise _Refused(f"{service}: {member}: {told}")


async def _gone(bus: MessageBus) -> None:
    """Wait until *bus* has ended, for whatever reason."""
    with suppress(Exception):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def _unit_at(path: str) -> str:
    """Return the unit whose object is at *path*, in which ``_2e`` stands for a dot."""
    escaped = path.removeprefix(f"{_UNITS_PATH}/")
    first, *rest = escaped.split("_")
    with suppress(ValueError):
        return first + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest)
    return ""
