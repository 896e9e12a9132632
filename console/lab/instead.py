"""A run of one of the lab's programs in its unit's place, for a client that looks on."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.lab.control import Client

_PIECE = 65536


class Run:
    """One run, with what it writes on its way to the client.

    Args:
        client: who looks on.
        seconds: the longest that it may take.
    """

    def __init__(self, client: Client, seconds: float) -> None:
        self.output, self.given = os.pipe()
        """What the program writes comes out of the first."""
        self._client = client
        self.closed = False
        self._until = time.monotonic() + seconds
        self._rest = b""

    @property
    def why_over(self) -> str:
        """Why it is to end; empty where it is not."""
        if self._client.ends:
            return "stopped by the operator"
        if self._client.gone:
            return "nobody looks on any more"
        return "stopped, its time was over" if time.monotonic() > self._until else ""

    def started(self) -> None:
        """Take note that the program has its end of the pipe."""
        os.close(self.given)

    def hear(self) -> bool:
        """Pass on what was written; return whether more may come."""
        piece = os.read(self.output, _PIECE)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self.tell(line)
        if not piece and self._rest:
            self.tell(self._rest)
        return bool(piece)

    def tell(self, line: bytes) -> None:
        """Pass on one line."""
        self._client.answer({"line": line.decode("utf-8", "replace"), "when": time.time()})

    def flush(self) -> None:
        """Pass on what the client could not take until now."""
        self._client.flush()

    def close(self) -> None:
        """Let go of the pipe."""
        self.closed = True
        os.close(self.output)
