"""One line of a mail log, in whichever format it was written.

Read are the traditional format (also Postfix's own ``maillog_file``), RFC 3339 times as rsyslog
writes them on Debian 12 and later, RFC 5424, and journald's JSON.
"""

from __future__ import annotations

import re

from actions.record import Record

LONGEST = 4096
"""Bytes of a line that are read; what follows is cut."""

_TAG = rb"(?P<program>[^\s\[\]]+?)(?:\[(?P<pid>\d{1,10})\])?: (?P<text>.*)"
_FORMATS = (
    re.compile(rb"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<host>\S+) " + _TAG),
    re.compile(rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) (?P<host>\S+) " + _TAG),
    re.compile(
        rb"<\d{1,3}>1 (?P<time>\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ "
        rb"(?:-|\[[^\]]*\])  ?(?P<text>.*)"
    ),
)


class LogLine(Record):
    """What one program said."""

    time: str
    """As the log has it."""
    program: str
    """The whole tag without the process, such as "postfix/submission/smtpd"."""
    pid: int
    """0 where the log doesn't tell."""
    text: str

    @property
    def daemon(self) -> str:
        """The program alone, such as "smtpd"."""
        return self.program.rpartition("/")[2]

    def is_from(self, name: str) -> bool:
        """Return whether it says to be from the Postfix called *name* (syslog_name).

        Other instances have names that begin alike (postmulti(1)).
        """
        return self.program.startswith(name) and "/" in self.program

    @property
    def clock(self) -> str:
        """The time of day alone, to the second."""
        found = re.search(r"\d\d:\d\d:\d\d", self.time)
        return found[0] if found else self.time


def read_line(line: bytes) -> LogLine | None:
    """Return *line*, or None where it is in no known format; odd bytes are written out."""
    for form in _FORMATS:
        if found := form.fullmatch(line.rstrip(b"\r\n")[:LONGEST]):
            return LogLine(
                _text(found["time"]),
                _text(found["program"]),
                _number(_text(found["pid"] or b"")),
                _text(found["text"]),
            )
    return None


def read_journal_entry(document: str, authors: frozenset[str] = frozenset()) -> LogLine | None:
    """Return one line of ``journalctl -o json``, or None where it is no message.

    MESSAGE is an array of numbers where it is not UTF-8; fields that begin with "_" are the
    kernel's word, the others the writer's own (systemd.journal-fields(7)).

    Args:
        document: one entry.
        authors: user numbers that may speak as Postfix; empty where they are not known.
    """
    import json
    from datetime import UTC, datetime

    try:
        entry = json.loads(document)
        message = entry["MESSAGE"]
        text = message if isinstance(message, str) else _text(bytes([*message]))
        moment = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
        time = moment.astimezone().isoformat(timespec="microseconds")
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None
    line = LogLine(
        time,
        str(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or ""),
        _number(str(entry.get("SYSLOG_PID") or entry.get("_PID") or "")),
        text[:LONGEST],
    )
    # A name with a slash is how Postfix's programs are called, whatever its syslog_name is.
    forged = "/" in line.program and authors and str(entry.get("_UID", "")) not in authors
    return None if forged else line


def _number(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else 0


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
