"""The lines of an SMTP server, read within limits: of lines, of bytes and of time."""

from __future__ import annotations

import smtplib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

LINES = 100
"""Lines of one reply; Postfix's longest, to EHLO, has some fifteen."""

BYTES = 64 << 10
"""Bytes of one reply."""

AT_ONCE = 4096


class TooLong(OSError):
    """A reply that has no end."""


class Wire(smtplib.SMTP):
    """smtplib's client with replies that end.

    Args:
        helo: the name in EHLO.
    """

    def __init__(self, helo: str) -> None:
        super().__init__(local_hostname=helo)
        self.command_encoding = "utf-8"
        self.until = 0.0
        """When the step at hand is over, on `time.monotonic`."""
        self._unread = b""

    def speak_on(self, connected: socket.socket) -> None:
        """Use *connected* from now on."""
        self.sock = connected

    def fall_silent(self) -> None:
        """Say nothing more until `speak_on`: a handshake begins.

        Raises:
            OSError: the server said more than it was asked; before a handshake that may be
                anybody's (RFC 3207, 6).
        """
        if self._unread:
            raise OSError("the server said more before TLS than it was asked")
        self.sock = None

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply's code and text; -1 where what came is no reply."""
        lines: list[bytes] = []
        room = BYTES
        while True:
            line = self._line(room)
            room -= len(line)
            code, text = line[:3], line[4:].strip(b" \t\r\n")
            lines.append(text)
            if not (code.isascii() and code.isdigit()):
                return -1, b"\n".join(lines)
            if line[3:4] != b"-":
                return int(code), b"\n".join(lines)
            if len(lines) >= LINES:
                raise TooLong(f"a reply of more than {LINES} lines")

    def _line(self, room: int) -> bytes:
        while b"\n" not in self._unread:
            if len(self._unread) > room:
                raise TooLong(f"a reply of more than {BYTES >> 10} KiB")
            left = self.until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            held = self.sock
            if held is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            held.settimeout(left)
            came = held.recv(AT_ONCE)
            if not came:
                self.close()
                raise smtplib.SMTPServerDisconnected("closed")
            self._unread += came
        line, _, self._unread = self._unread.partition(b"\n")
        if len(line) > room:
            raise TooLong(f"a reply of more than {BYTES >> 10} KiB")
        return line + b"\n"
