"""The host's mail log from now on: the file that Postfix or syslog writes, or the journal.

Only what is written after it was opened is read.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from actions.host.errors import HostError, NotPermitted
from actions.mailhost.logline import read_journal_entry, read_line
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Commands, Host
    from actions.mailhost.logline import LogLine

FILES = ("/var/log/mail.log", "/var/log/maillog")
"""Where syslog keeps it: Debian-like, RHEL-like."""

AT_ONCE = 1 << 20
"""Bytes of a file that are read in one look; the rest is for the next one."""

FILES_KEPT = 3
"""Files of one log that are read at a time: the present one, and those that it was."""

LONGEST_LINE = 64 << 10
"""Bytes; what is longer without an end is no line of a log, and is dropped."""


class MailLog(Protocol):
    """A mail log that is open at its end."""

    name: str
    """The file's path, or "journal"."""
    pause: float
    """Seconds that a reader should wait before it looks again."""

    def read(self) -> list[LogLine]:
        """Return what was written since the last look; raises `HostError`."""

    def close(self) -> None:
        """Let go of the log."""


def open_log(host: Host) -> MailLog:
    """Open the mail log of *host* at its end.

    Raises:
        NotPermitted: it may not be read; the text names the group that may.
        HostError: there is no log that could be read.
    """
    path = _own_file(host) or next(_syslog_files(host), "")
    return LogFile(host, path) if path else Journal(host.commands, _postfix_users(host))


def _postfix_users(host: Host) -> frozenset[str]:
    """Return the numbers of the users as whom Postfix logs; none where that can't be seen."""
    try:
        return frozenset({"0", str(host.accounts.user(host.postfix.user()).uid)})
    except (HostError, KeyError):
        return frozenset()


def _own_file(host: Host) -> str:
    """Return Postfix's ``maillog_file``, or nothing where it logs through syslog."""
    try:
        path = host.postfix.setting("maillog_file")
    except HostError:
        return ""
    return host.at(path) if path and not path.startswith("/dev/") else ""


def _syslog_files(host: Host) -> Iterator[str]:
    """Yield the files that syslog writes; one from before Postfix's start is not in use.

    Postfix logs its start, so a log in use is younger than the pid file of its master.
    """
    started = 0.0
    with suppress(HostError, OSError):
        queue = host.postfix.setting("queue_directory")
        started = os.stat(f"{queue}/pid/master.pid").st_mtime
    for path in map(host.at, FILES):
        with suppress(OSError):
            if os.stat(path).st_mtime >= started - 1:
                yield path


class _Opened(Record):
    """One file of a log, old or new."""

    number: int
    inode: int


class LogFile:
    """A log that is a file: followed through renaming, new files and truncation.

    Args:
        host: whose log it is.
        path: where it is.

    Raises:
        NotPermitted: it may not be read.
        HostError: it can't be opened.
    """

    pause = 0.05

    def __init__(self, host: Host, path: str) -> None:
        self.name = path
        try:
            self._opened = [self._open()]
        except PermissionError as error:
            raise NotPermitted(_closed(host, path)) from error
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}") from error
        number, inode = self._opened[0]
        self._at = {inode: os.fstat(number).st_size}
        self._rest = {inode: b""}

    def read(self) -> list[LogLine]:
        """Return what was written since the last look.

        A file that was renamed is read on: its writer may not know of it yet.
        """
        lines = [line for opened in self._opened for line in self._new_lines(opened)]
        with suppress(OSError):  # between two files of a rotation there is none for a moment
            if os.stat(self.name).st_ino not in self._at:
                fresh = self._open()
                self._opened.append(fresh)
                self._at[fresh.inode], self._rest[fresh.inode] = 0, b""
                lines += self._new_lines(fresh)
        while len(self._opened) > FILES_KEPT:
            self._let_go(self._opened.pop(0))
        return lines

    def close(self) -> None:
        """Close the file."""
        for opened in self._opened:
            os.close(opened.number)
        self._opened = []

    def _open(self) -> _Opened:
        number = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            os.close(number)
            raise OSError(0, "no regular file")
        return _Opened(number, found.st_ino)

    def _let_go(self, opened: _Opened) -> None:
        os.close(opened.number)
        del self._at[opened.inode], self._rest[opened.inode]

    def _new_lines(self, opened: _Opened) -> Iterator[LogLine]:
        number, inode = opened
        if os.fstat(number).st_size < self._at[inode]:
            self._at[inode], self._rest[inode] = 0, b""
        if data := os.pread(number, AT_ONCE, self._at[inode]):
            self._at[inode] += len(data)
            *whole, rest = (self._rest[inode] + data).split(b"\n")
            self._rest[inode] = rest if len(rest) <= LONGEST_LINE else b""
            yield from filter(None, map(read_line, whole))


def _closed(host: Host, path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:  # the folder is closed
        found = os.stat_result((0,) * 10)
    readers = bool(found.st_mode & stat.S_IRGRP and found.st_gid)
    joining = f", or join group {host.accounts.group_name(found.st_gid)}" if readers else ""
    return f"{path} may not be read: run it as root{joining}"


class Journal:
    """A log that is in systemd's journal.

    Args:
        commands: runs journalctl.
        authors: the numbers of the users as whom Postfix logs; of others its name is no proof.

    Raises:
        NotPermitted: only this user's own entries may be seen.
        HostError: there is no journal.
    """

    name = "journal"
    pause = 0.5

    def __init__(self, commands: Commands, authors: frozenset[str] = frozenset()) -> None:
        self._commands = commands
        self._authors = authors
        _, self._cursor = self._ask("--lines=1")
        if not self._cursor:
            raise HostError("no mail log was found: neither a file nor a journal")

    def read(self) -> list[LogLine]:
        """Return what was written since the last look."""
        # Facility mail (RFC 3164); the milters' lines are in it too.
        documents, cursor = self._ask(f"--after-cursor={self._cursor}", "SYSLOG_FACILITY=2")
        self._cursor = cursor or self._cursor
        lines = (read_journal_entry(document, self._authors) for document in documents)
        return [line for line in lines if line]

    def close(self) -> None:
        """Nothing is held."""

    def _ask(self, *arguments: str) -> tuple[list[str], str]:
        """Return the entries, each a document, and the cursor of the last."""
        command = ["journalctl", "--output=json", "--no-pager", "--show-cursor", *arguments]
        asked = self._commands.run(command)
        if "not seeing messages from other users" in asked.stderr:
            raise NotPermitted(
                "the journal may not be read: run it as root, or join group systemd-journal"
            )
        if asked.exit_code:
            told = asked.stderr.strip() or "there is none"
            raise HostError(f"no log file, and the journal can't be read: {told}")
        # Not splitlines: within a document there may be what Unicode calls a line's end.
        *before, last = asked.stdout.removesuffix("\n").split("\n")
        if last.startswith("-- cursor: "):
            return before, last.removeprefix("-- cursor: ")
        return [*before, last], ""
