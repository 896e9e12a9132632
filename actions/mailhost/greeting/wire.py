"""One conversation with a service: short, in lines or bytes, and over at its deadline."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    import socket
    from types import TracebackType

MOST = 64 << 10
"""Bytes that a greeting may have, all its lines together."""

AT_ONCE = 4096

GOODBYE = 0.3
"""Seconds for the answer to the last word."""


Ended = Literal["late", "closed", "reset"]
"""How a conversation ended: nothing came in time, or the other side closed, having read what it
was sent or not."""


class Silent(Exception):
    """The service said nothing in time, or closed.

    Args:
        text: which of them, in words.
        ended: the same as data.
    """

    def __init__(self, text: str, ended: Ended = "late") -> None:
        super().__init__(text)
        self.ended: Ended = ended


class Strange(Exception):
    """The service said what its protocol does not know."""


class Wire:
    """A connected socket.

    Args:
        link: owned from here on.
        deadline: on `time.monotonic`.
        timeout: the seconds that the deadline came from, for messages.
    """

    def __init__(self, link: socket.socket, deadline: float, timeout: float) -> None:
        self.link = link
        self.deadline = deadline
        self._timeout = timeout
        self._unread = b""
        self._room = MOST

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send *data*; raises `Silent`."""
        self._limit()
        try:
            self.link.sendall(data)
        except TimeoutError:
            raise Silent(f"does not read what it is sent within {self._timeout:g} s") from None
        except OSError as error:
            raise Silent("closes the connection", "reset") from error

    def line(self) -> str:
        """Return the next line without its end; raises `Silent` or `Strange`."""
        return self.until(b"\n").rstrip(b"\r\n").decode("utf-8", "backslashreplace")

    def until(self, end: bytes) -> bytes:
        """Return what comes up to *end*, which is included."""
        while end not in self._unread:
            self._more()
        found, mark, self._unread = self._unread.partition(end)
        return found + mark

    def exactly(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        while len(self._unread) < size:
            self._more()
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def reply(self) -> tuple[str, list[str]]:
        """Return the code and the lines of a reply as SMTP has them."""
        lines: list[str] = []
        while True:
            line = self.line()
            if not (line[:3].isascii() and line[:3].isdigit() and line[3:4] in {"", " ", "-"}):
                raise Strange(f"says {quoted(line)}, which is no reply of SMTP")
            lines.append(line[4:])
            if line[3:4] != "-":
                return line[:3], lines

    def leave(self, word: bytes) -> None:
        """Say *word* and wait a moment for the answer, on which nothing depends."""
        self.deadline = min(self.deadline, time.monotonic() + GOODBYE)
        with suppress(Silent):
            self.send(word)
            self.until(b"\n")

    def unread(self) -> bytes:
        """Return what came beyond what was asked for."""
        return self._unread

    def close(self) -> None:
        """Close the connection."""
        self.link.close()

    def _more(self) -> None:
        self._limit()
        try:
            came = self.link.recv(AT_ONCE)
        except TimeoutError:
            raise Silent(f"accepts, but does not answer within {self._timeout:g} s") from None
        except OSError as error:
            raise Silent("closes the connection without an answer", "reset") from error
        if not came:
            said = f" after {quoted(self._unread.decode('latin-1'))}" if self._unread else ""
            raise Silent(f"closes the connection without an answer{said}", "closed")
        self._room -= len(came)
        if self._room < 0:
            raise Strange(f"sends more than {MOST >> 10} KiB in place of a greeting")
        self._unread += came

    def _limit(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Silent(f"does not answer within {self._timeout:g} s")
        self.link.settimeout(left)


def quoted(line: str) -> str:
    """Return the beginning of what came, in quotes."""
    from actions.printable import printable

    return f'"{printable(line[:60])}"'
