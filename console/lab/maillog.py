"""The lab's syslog: services send datagrams to dev/log, the supervisor writes the mail log.

Lines are written as rsyslog writes them on Debian 12 and later: an RFC 3339 time with
microseconds, the host, the tag, the text, control characters as octal numbers.
"""

from __future__ import annotations

import os
import re
import socket
from datetime import datetime
from typing import TYPE_CHECKING

from console.lab.layout import MAIL_LOG, SYSLOG

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

DATAGRAM_LIMIT = 8192
"""Bytes of a message that are kept, as in rsyslog's default."""

MAIL_DEBUG, MAIL_INFO, MAIL_WARNING = 23, 22, 20
"""Facility mail with severity debug, info and warning (RFC 3164)."""

_LINE = re.compile(rb"(?:<\d{1,3}>)?([^\s:\[]+\[\d+\]: .*)", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Syslog:
    """A service's side: sends lines under a tag.

    Args:
        root: the lab's folder.
        tag: the program's name in the log.
    """

    def __init__(self, root: str, tag: str) -> None:
        self._tag = tag
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(1.0)
        self._socket.connect(root + SYSLOG)

    def write(self, text: str, *, tag: str = "", priority: int = MAIL_INFO) -> None:
        """Log *text*; a supervisor that is gone or too slow loses the line, as syslog does."""
        line = f"<{priority}>{tag or self._tag}[{os.getpid()}]: {text}"
        try:
            self._socket.send(line.encode("utf-8", "surrogateescape")[:DATAGRAM_LIMIT])
        except OSError:
            return


class MailLog:
    """The supervisor's side: takes datagrams and appends to the log.

    Args:
        root: the lab's folder.
        host: the name that every line carries.
        heard: is told each line too, with the process that wrote it.
    """

    def __init__(self, root: str, host: str, heard: Callable[[int, bytes], None]) -> None:
        self._heard = heard
        self._path = root + MAIL_LOG
        self._host = host.encode()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)  # noqa: FBT003 - the standard library's own switch
        self.socket.bind(root + SYSLOG)
        os.chmod(root + SYSLOG, 0o666)  # noqa: S103 - every service's user writes to it
        with self._open():
            pass

    def drain(self) -> None:
        """Write what has arrived."""
        lines = []
        while True:
            try:
                datagram = self.socket.recv(DATAGRAM_LIMIT)
            except BlockingIOError:
                break
            if found := _LINE.fullmatch(datagram):
                lines.append(self._line(found[1]))
                self._pass_on(found[1])
        if lines:
            with self._open() as file:
                file.write(b"".join(lines))

    def write(self, tag: str, text: str) -> None:
        """Log *text* in the name of the supervisor itself."""
        with self._open() as file:
            file.write(self._line(f"{tag}[{os.getpid()}]: {text}".encode()))

    def _pass_on(self, message: bytes) -> None:
        head, _, text = message.partition(b": ")
        number = head.rpartition(b"[")[2].rstrip(b"]")
        if number.isdigit():
            self._heard(int(number), text.rstrip(b"\n\0"))

    def _open(self) -> BinaryIO:
        # Opened for each write, so that the log may be renamed or truncated at any time.
        number = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        return os.fdopen(number, "ab")

    def _line(self, message: bytes) -> bytes:
        time = datetime.now().astimezone().isoformat(timespec="microseconds").encode()
        shown = _CONTROL.sub(lambda found: b"#%03o" % found[0][0], message.rstrip(b"\n\0"))
        return b"%s %s %s\n" % (time, self._host, shown)
