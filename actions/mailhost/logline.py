"""One line of a mail log, in whichever format it was written.

Read are the traditional format (also Postfix's own ``maillog_file``), RFC 3339 times as rsyslog
writes them on Debian 12 and later, RFC 5424, and journald's JSON.
"""

from __future__ import annotations

import re

from actions.record import Record

_TAG = rb"(?P<program>[^\s\[\]]+?)(?:\[(?P<pid>\d+)\])?: (?P<text>.*)"
_FORMATS = (
    re.compile(rb"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<host>\S+) " + _TAG),
    re.compile(rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) (?P<host>\S+) " + _TAG),
    re.compile(
        rb"<\d{1,3}>1 (?P<time>\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ "
        rb"(?:-|\[.*?\])  ?(?P<text>.*)"
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

    @property
    def clock(self) -> str:
        """The time of day alone, to the second."""
        found = re.search(r"\d\d:\d\d:\d\d", self.time)
        return found[0] if found else self.time


def read_line(line: bytes) -> LogLine | None:
    """Return *line*, or None where it is in no known format; odd bytes are written out."""
    for form in _FORMATS:
        if found := form.fullmatch(line.rstrip(b"\r\n")):
            pid = found["pid"] or b""
            return LogLine(
                _text(found["time"]),
                _text(found["program"]),
                int(pid) if pid.isdigit() else 0,
                _text(found["text"]),
            )
    return None


def read_journal_entry(document: str) -> LogLine | None:
    """Return one line of ``journalctl -o json``, or None where it is no message.

    MESSAGE is an array of numbers where it is not UTF-8 (systemd.journal-fields(7)).
    """
    import json
    from datetime import UTC, datetime

    try:
        entry = json.loads(document)
        message = entry["MESSAGE"]
        text = message if isinstance(message, str) else _text(bytes(message))
        moment = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    except (ValueError, KeyError, TypeError):
        return None
    pid = str(entry.get("SYSLOG_PID") or entry.get("_PID") or "")
    return LogLine(
        moment.astimezone().isoformat(timespec="microseconds"),
        str(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or ""),
        int(pid) if pid.isdigit() else 0,
        text,
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
