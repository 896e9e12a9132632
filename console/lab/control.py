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
    return UnitState(unit, **{**told, "command": tuple(told["command"])})


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
        self._received = b""
        link.setblocking(False)  # noqa: FBT003 - the standard library's own switch

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the orders that have arrived whole; None where the client is gone."""
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
        try:
            self.link.send(json.dumps(message).encode() + b"\n")
        except OSError:
            return
