"""Orders to the lab's supervisor: one line of JSON each way, over a socket in the folder."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.ports import UnitState
from console.lab.layout import CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from actions.host.ports import Operation, UnitWatch

LINE_LIMIT = 4096
ANSWER_LIMIT = 65536
STATE_TIMEOUT = 5.0
ASKED_EVERY = 0.1
"""Seconds between two questions whether a run in the foreground is to be ended."""

UNSENT_LIMIT = 1 << 20
"""Bytes that are kept for a client who reads too slowly; more goes without."""


class LabUnits:
    """The console's end: the lab's services, as a service manager shows them.

    Args:
        root: the lab's folder.
    """

    def __init__(self, root: str) -> None:
        self._path = root + CONTROL

    def absent(self) -> str:
        """Return why the lab can't be asked, or nothing where it can."""
        try:
            self._ask({"do": "names"}, STATE_TIMEOUT)
        except HostError as error:
            return str(error)
        return ""

    def names(self) -> tuple[str, ...]:
        """Return the lab's services; raises `HostError`."""
        return tuple(self._ask({"do": "names"}, STATE_TIMEOUT)["names"])

    def state(self, unit: str) -> UnitState:
        """Return the state of *unit*; activity is "unknown" where the lab does not answer."""
        return self.states((unit,))[0]

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        """Return the states of *units*, in their order, by one question for all."""
        try:
            told = self._ask({"do": "states", "units": list(units)}, STATE_TIMEOUT)["states"]
        except HostError as error:
            return tuple(UnitState(unit, "unknown", None, 0, "", str(error)) for unit in units)
        return tuple(map(_read, units, told))

    def watch(self, changed: Callable[[str], None]) -> UnitWatch:
        """Call *changed* with a unit's name, from another thread, whenever its state changes.

        Raises:
            HostError: the lab does not answer.
        """
        link = self._connected(STATE_TIMEOUT)
        try:
            self._say(link, {"do": "watch"})
        except OSError as error:
            link.close()
            raise HostError(f"the lab does not answer: {error.strerror}") from error
        return _Watch(link, changed)

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        """Do *operation* on *unit* and wait until it has ended.

        Raises:
            HostError: the lab refused, the unit failed, or it took too long.
        """
        told = self._ask({"do": operation, "unit": unit}, timeout)
        if "error" in told:
            raise HostError(f"cannot {operation} {unit}: {told['error']}")

    def reread(self) -> None:
        """Take up the drop-ins of the lab's units; raises `HostError`."""
        self.ask({"do": "reread"})

    def run_instead(
        self,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
        seconds: float,
    ) -> str:
        """Run the lab's program for *unit* with the options of *argv*; see `Units.run_instead`.

        The supervisor ends it, and brings the unit back, when this connection is gone.

        Raises:
            HostError: the lab refused, it ended by a fault, or the unit did not come back.
        """
        order = {"do": "run", "unit": unit, "argv": list(argv), "seconds": seconds}
        with self._connected(STATE_TIMEOUT) as link:
            self._say(link, order)
            told = self._followed(link, take, is_cancelled)
        if "error" in told:
            raise HostError(f"cannot run {unit} in the foreground: {told['error']}")
        return str(told["ended"])

    def _followed(
        self,
        link: socket.socket,
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
    ) -> dict[str, Any]:
        """Hand on each line of a run; return how it ended."""
        rest, told_to_end = b"", False
        link.settimeout(ASKED_EVERY)
        while True:
            if not told_to_end and is_cancelled():
                self._say(link, {"do": "end"})
                told_to_end = True
            try:
                piece = link.recv(ANSWER_LIMIT)
            except TimeoutError:
                continue
            except OSError as error:
                raise HostError(f"the lab does not answer: {error.strerror}") from error
            if not piece:
                raise HostError("the lab has ended")
            *lines, rest = (rest + piece).split(b"\n")
            for message in map(json.loads, lines):
                if "line" not in message:
                    ended: dict[str, Any] = message
                    return ended
                take(message["line"], message["when"])

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the supervisor's answer to *order*; raises `HostError`."""
        return self._ask(order, STATE_TIMEOUT)

    def _ask(self, order: dict[str, Any], timeout: float) -> dict[str, Any]:
        with self._connected(timeout) as link:
            try:
                self._say(link, order)
                answer = link.makefile("rb").readline(ANSWER_LIMIT)
            except TimeoutError:
                what = " ".join(filter(None, (order["do"], order.get("unit"))))
                raise HostError(f"cannot {what}: not ended in {timeout:g} s") from None
            except OSError as error:
                raise HostError(f"the lab does not answer: {error.strerror}") from error
        if not answer:
            raise HostError("the lab has ended")
        told: dict[str, Any] = json.loads(answer)
        return told

    def _connected(self, timeout: float) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(timeout)
        try:
            link.connect(self._path)
        except OSError as error:
            link.close()
            raise HostError(f"the lab does not answer: {error.strerror or error}") from error
        return link

    def _say(self, link: socket.socket, order: dict[str, Any]) -> None:
        link.sendall(json.dumps(order).encode() + b"\n")


def _read(unit: str, told: dict[str, Any]) -> UnitState:
    if not told:
        detail = "this host has no such unit"
        return UnitState(unit, "inactive", None, 0, "", detail, known=False)
    lists = {name: tuple(told[name]) for name in ("command", "files")}
    return UnitState(unit, **{**told, **lists})


class _Watch:
    """A subscription, read by a thread of its own."""

    def __init__(self, link: socket.socket, changed: Callable[[str], None]) -> None:
        self._link = link
        self._changed = changed
        link.settimeout(None)
        self._thread = threading.Thread(target=self._follow, name="lab units", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more; returns when no further call will be made."""
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._link.close()

    def _follow(self) -> None:
        with self._link.makefile("rb") as lines, suppress(OSError):
            for line in lines:
                self._changed(json.loads(line)["changed"])


class Client:
    """The supervisor's end of one connection."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.gone = False
        self.ends = False
        """Whether the client wants its run to end, which may not have begun yet."""
        self._received = b""
        self._unsent = b""
        link.setblocking(False)  # noqa: FBT003 - the standard library's own switch

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the orders that have arrived whole; None where the client is gone."""
        orders = self._orders()
        self.gone = orders is None
        return orders

    def _orders(self) -> list[dict[str, Any]] | None:
        try:
            piece = self.link.recv(LINE_LIMIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not piece:
            return None
        *lines, self._received = (self._received + piece).split(b"\n")
        try:
            return (
                [json.loads(line) for line in lines] if len(self._received) < LINE_LIMIT else None
            )
        except ValueError:
            return None

    def answer(self, message: dict[str, object]) -> None:
        """Send *message*; a client that is gone or does not read goes without."""
        if len(self._unsent) < UNSENT_LIMIT:
            self._unsent += json.dumps(message).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what the client could not take until now."""
        if not self._unsent:
            return
        try:
            sent = self.link.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""
            return
        self._unsent = self._unsent[sent:]
