"""Orders to the lab's supervisor: one line of JSON each way, over a socket in the folder."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.ports import UnitState
from console.lab.layout import CONTROL

if TYPE_CHECKING:
    from typing import Any

    from actions.host.ports import Operation

LINE_LIMIT = 4096
STATE_TIMEOUT = 5.0


class LabUnits:
    """The console's end: the lab's services, as a service manager shows them.

    Args:
        root: the lab's folder.
    """

    def __init__(self, root: str) -> None:
        self._path = root + CONTROL

    def state(self, unit: str) -> UnitState:
        """Return the state of *unit*; activity is "unknown" where the lab does not answer."""
        try:
            told = self._ask({"do": "state", "unit": unit}, STATE_TIMEOUT)
        except HostError as error:
            return UnitState(unit, "unknown", None, 0, "", str(error))
        if "absent" in told:
            return UnitState(unit, "inactive", None, 0, "", "this host has no such unit")
        return UnitState(unit, **told)

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        """Do *operation* on *unit* and wait until it has ended.

        Raises:
            HostError: the lab refused, the unit failed, or it took too long.
        """
        told = self._ask({"do": operation, "unit": unit}, timeout)
        if "error" in told:
            raise HostError(f"cannot {operation} {unit}: {told['error']}")

    def _ask(self, order: dict[str, str], timeout: float) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            try:
                link.connect(self._path)
                link.sendall(json.dumps(order).encode() + b"\n")
                answer = link.makefile("rb").readline(LINE_LIMIT)
            except TimeoutError:
                unit = order["unit"]
                raise HostError(
                    f"cannot {order['do']} {unit}: not ended in {timeout:g} s"
                ) from None
            except OSError as error:
                raise HostError(f"the lab does not answer: {error.strerror}") from error
        if not answer:
            raise HostError("the lab has ended")
        told: dict[str, Any] = json.loads(answer)
        return told


class Client:
    """The supervisor's end of one connection."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self._received = b""
        link.setblocking(False)  # noqa: FBT003 - the standard library's own switch

    def receive(self) -> list[dict[str, str]] | None:
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
