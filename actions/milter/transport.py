"""A blocking socket to one milter, with a limit on every wait and on the whole session.

Reading and writing wait in short slices, so that cancelling and the deadline are obeyed by
a peer that is silent, slow, or sends for ever.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import TYPE_CHECKING, Literal

from actions.action import Cancelled
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from actions.action import Cancel
    from actions.host.endpoint import Endpoint

    Buffer = bytes | memoryview
    Connector = Callable[[Endpoint, float], socket.socket]

READ_SIZE = 65536
SLICE = 0.25
"""Seconds after which a wait looks at the clock and at the operator."""

TroubleKind = Literal["connection", "timeout", "closed", "protocol"]


class MilterTrouble(Exception):
    """A milter that could not be asked, or did not answer as one.

    Args:
        kind: what sort of trouble.
        text: what happened, in words for the operator.
    """

    def __init__(self, kind: TroubleKind, text: str) -> None:
        super().__init__(text)
        self.kind: TroubleKind = kind


class Timeouts(Record):
    """How long each wait may last, in seconds; the defaults are Postfix's."""

    connect: float = 30.0
    """milter_connect_timeout."""
    write: float = 30.0
    reply: float = 30.0
    """milter_command_timeout: replies up to DATA."""
    content: float = 300.0
    """milter_content_timeout: replies to headers and body."""
    end: float = 300.0
    """The reply to end of message; milter_content_timeout too."""


def connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    """Connect to *endpoint* as this process, within *timeout* seconds.

    Raises:
        OSError: what the connection met.
    """
    if endpoint.family == "unix":
        return _connect_unix(endpoint.place, timeout)
    try:
        link = socket.create_connection((endpoint.place, endpoint.port), timeout)
    except UnicodeError as error:
        why = f"{endpoint.place!r} can't be the name of a host"
        raise socket.gaierror(socket.EAI_NONAME, why) from error
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def _connect_unix(path: str, timeout: float) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    try:
        # Without blocking, a listener whose queue is full would refuse at once.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _interval(timeout))
        link.connect(os.fsencode(path))
    except BlockingIOError as error:
        link.close()
        raise TimeoutError(f"nobody accepted the connection within {timeout:.3g} s") from error
    except BaseException:
        link.close()
        raise
    return link


class Transport:
    """Bytes to and from a milter.

    Args:
        link: a connected stream socket; owned from here on.
        deadline: on `time.monotonic`; no wait goes past it.
        cancel: set when the operator cancels.
        trace: is given every piece that was sent (">") or received ("<").
    """

    def __init__(
        self,
        link: socket.socket,
        deadline: float,
        cancel: Cancel,
        trace: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self._link = link
        self._deadline = deadline
        self._cancelled = cancel.is_set
        self._trace = trace
        if link.gettimeout() is not None:
            link.setblocking(True)  # noqa: FBT003
        interval = _interval(SLICE)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)

    def send(self, data: bytes, timeout: float) -> None:
        """Send all of *data*; one system call where the socket takes it at once.

        Raises:
            MilterTrouble: the milter closed, or did not read within *timeout* seconds.
            Cancelled: the operator cancelled.
        """
        if self._trace:
            self._trace(">", data)
        now = time.monotonic()
        if now > self._deadline or self._cancelled():
            self._end()
        try:
            sent = self._link.send(data)
        except OSError as error:
            sent = _none_taken(error)
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], now + timeout)

    def send_two(self, head: bytes, data: Buffer, timeout: float) -> None:
        """Do the same with *head* and *data*, which is too large to be copied behind it."""
        if self._trace:
            self._trace(">", head + data)
        now = time.monotonic()
        if now > self._deadline or self._cancelled():
            self._end()
        try:
            sent = self._link.sendmsg((head, data))
        except OSError as error:
            sent = _none_taken(error)
        if sent < len(head) + len(data):
            self._send_rest(memoryview(head + data)[sent:], now + timeout)

    def _send_rest(self, rest: memoryview, until: float) -> None:
        while rest:
            self._go_on(until, "the milter does not read what it is sent")
            try:
                rest = rest[self._link.send(rest) :]
            except OSError as error:
                _none_taken(error)

    def receive(self, timeout: float) -> bytes:
        """Return what the milter sent; never empty.

        Raises:
            MilterTrouble: the milter closed, or sent nothing for *timeout* seconds.
            Cancelled: the operator cancelled.
        """
        now = time.monotonic()
        if now > self._deadline or self._cancelled():
            self._end()
        while True:
            try:
                data = self._link.recv(READ_SIZE)
            except BlockingIOError:
                self._go_on(now + timeout, f"no reply within {timeout:g} s")
                continue
            except OSError as error:
                raise MilterTrouble("closed", _closed(error)) from error
            if not data:
                raise MilterTrouble("closed", "the milter closed the connection")
            if self._trace:
                self._trace("<", data)
            return data

    def close(self) -> None:
        """Close the socket."""
        self._link.close()

    def _go_on(self, until: float, late: str) -> None:
        now = time.monotonic()
        if now > self._deadline or self._cancelled():
            self._end()
        if now > until:
            raise MilterTrouble("timeout", late)

    def _end(self) -> NoReturn:
        if self._cancelled():
            raise Cancelled
        raise MilterTrouble("timeout", "the time allowed for the whole test is over")


def _interval(seconds: float) -> bytes:
    """Return *seconds* as the system takes it for SO_SNDTIMEO and SO_RCVTIMEO."""
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))


def _none_taken(error: OSError) -> int:
    """Return 0 where the socket had no room in time; any other error is trouble."""
    if isinstance(error, BlockingIOError):
        return 0
    raise MilterTrouble("closed", _closed(error)) from error


def _closed(error: OSError) -> str:
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "the milter closed the connection"
    return f"the connection failed: {error.strerror or error}"
