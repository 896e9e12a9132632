"""The last line that each service logged as an error: one question to the journal for all.

Where there is no service manager, the end of the mail log is read.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actions.host.ports import Host, UnitState
    from actions.mailhost.service import MailService

MOST = 400
"""Entries that are read, the latest ones."""

SPAN = "-7d"
"""How far back is looked; an older error of a service that runs on is no news."""

TAIL = 1 << 18
"""Bytes of the mail log that are read, the latest ones."""

LATELY = 3600.0
"""Seconds in which what made a program give up may still be why nobody answers now."""

ERRORS = ("fatal:", "error:", "panic:")
"""How a line begins that tells of an error (msg_output(3) of Postfix, and others)."""

FIELDS = "MESSAGE,_PID,_SYSTEMD_UNIT,UNIT,_SYSTEMD_INVOCATION_ID,INVOCATION_ID"

TOO_LONG = "(too long a line: journalctl -o cat shows it)"
"""For a message of more than 4096 bytes, which journalctl leaves out of its JSON."""


class Line(Record):
    """One line that a unit logged as an error."""

    unit: str
    """The unit, or in the mail log the service's name."""
    invocation: str
    """Of the unit's start that it belongs to."""
    at: float
    """Seconds since the epoch."""
    text: str
    is_own: bool = True
    """Whether the service wrote it; else the service manager did, about it."""


def error_lines(
    host: Host, units: Iterable[str], timeout: float, priority: str = "err"
) -> tuple[Line, ...]:
    """Return what *units* logged as errors, or with another *priority*, the latest first.

    Raises:
        NotPermitted: the journal may not be read.
        HostError: there is none, or it does not answer.
    """
    named = [word for unit in units for word in ("-u", unit)]
    asked = host.commands.run(
        [
            "journalctl",
            *named,
            f"--priority={priority}",
            "--reverse",
            f"--lines={MOST}",
            f"--since={SPAN}",
            "--output=json",
            f"--output-fields={FIELDS}",
            "--no-pager",
            "--quiet",
        ],
        timeout=timeout,
    )
    if "not seeing messages" in asked.stderr or "insufficient permissions" in asked.stderr:
        raise NotPermitted("the journal may not be read")
    if asked.exit_code:
        told = asked.stderr.strip() or asked.exit_code
        raise HostError(f"journalctl: {told}")
    return tuple(line for text in asked.stdout.split("\n") if (line := _line(text)))


def _line(document: str) -> Line | None:
    import json

    from actions.mailhost.logline import LONGEST

    try:
        entry: Mapping[str, object] = json.loads(document)
        message = entry["MESSAGE"]
        at = int(str(entry["__REALTIME_TIMESTAMP"])) / 1e6
        if isinstance(message, list):  # what is not UTF-8
            message = bytes(message).decode("utf-8", "backslashreplace")
    except (ValueError, KeyError, TypeError):
        return None
    # Of what the service manager says about a unit, the unit is in UNIT; in anybody else's
    # entry that is whatever the sender made it. Only the journal itself sets _PID.
    is_managers = entry.get("_PID") == "1" and "UNIT" in entry
    unit, invocation = (
        ("UNIT", "INVOCATION_ID") if is_managers else ("_SYSTEMD_UNIT", "_SYSTEMD_INVOCATION_ID")
    )
    text = TOO_LONG if message is None else str(message)[:LONGEST]
    return Line(
        str(entry.get(unit) or ""), str(entry.get(invocation) or ""), at, text, not is_managers
    )


def last_words(host: Host, units: Iterable[str], timeout: float) -> tuple[Line, ...]:
    """Return what *units* said before they ended, the latest first, what tells of errors first.

    What a daemon writes to its standard error has the priority of any other line.

    Raises:
        HostError: the journal can't be read.
    """
    said = [line for line in error_lines(host, units, timeout, "info") if line.is_own]
    return tuple(sorted(said, key=lambda line: not tells_of_errors(line.text)))


def _tells_of_a_start(text: str) -> bool:
    """Return whether *text* is no error, as whom spamass-milter and milter-greylist log it."""
    return "starting" in text.lower() and not tells_of_errors(text)


def tells_of_errors(text: str) -> bool:
    """Return whether *text* sounds like an error."""
    return any(word in text.lower() for word in ("error", "fatal", "fail", "unknown", "can't"))


def log_lines(host: Host, services: Sequence[MailService]) -> tuple[Line, ...]:
    """Return what *services* wrote as errors at the end of the mail log, the latest first.

    Raises:
        NotPermitted: it may not be read.
        HostError: there is none.
    """
    from actions.mailhost.logline import read_line
    from actions.mailhost.maillog import open_log

    log = open_log(host)
    log.close()
    found = []
    for raw in reversed(_tail(log.name)):
        line = read_line(raw)
        if line is None or not line.text.lower().startswith(ERRORS):
            continue
        for service in services:
            ours = line.daemon in {service.program, service.name}
            if ours or (service.role == "MTA" and line.program.startswith("postfix/")):
                found.append(Line(service.name, "", _moment(line.time), line.text))
    return tuple(found)


def _tail(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL, 0))
            return file.read(TAIL).split(b"\n")
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error


def _moment(text: str) -> float:
    """Return a log's time in seconds since the epoch; 0 where it can't be read."""
    from datetime import datetime

    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    with suppress(ValueError, OverflowError):
        # The traditional format has no year: it is this one, or the last.
        year = time.localtime().tm_year
        moment = time.mktime(time.strptime(f"{year} {text[:15]}", "%Y %b %d %H:%M:%S"))
        return moment if moment < time.time() + 86400 else moment - 365 * 86400
    return 0.0


def last_error(
    lines: Iterable[Line], service: MailService, state: UnitState | None, since: float | None
) -> str:
    """Return the latest of *lines* that *service* logged since its last start.

    What the service manager says about it, such as that it failed, counts where the service
    itself said nothing.

    Args:
        lines: the latest first.
        service: whose they are to be.
        state: of its unit, where that is known.
        since: when it was started, where that is known.
    """
    found = _of_service(lines, service, state, since)
    own = [line for line in found if line.is_own and not _tells_of_a_start(line.text)]
    return next((line.text for line in own or found), "")


def last_fatal(
    lines: Iterable[Line], service: MailService, state: UnitState | None, since: float | None
) -> str:
    """Return the line of `LATELY` with which a program of *service* gave up; "" where none did.

    The arguments are those of `last_error`.
    """
    from_then = time.time() - LATELY
    return next(
        (
            line.text
            for line in _of_service(lines, service, state, since)
            if line.is_own and line.text.startswith("fatal: ") and line.at >= from_then
        ),
        "",
    )


def tells_itself(
    lines: Iterable[Line], service: MailService, state: UnitState | None, since: float | None
) -> bool:
    """Return whether one of *lines* is *service*'s own, since its last start."""
    return any(line.is_own for line in _of_service(lines, service, state, since))


def _of_service(
    lines: Iterable[Line], service: MailService, state: UnitState | None, since: float | None
) -> list[Line]:
    names = {service.name, service.unit, service.seen_unit} - {""}
    return [line for line in lines if line.unit in names and _is_recent(line, state, since)]


def _is_recent(line: Line, state: UnitState | None, since: float | None) -> bool:
    if state is not None and state.invocation and line.invocation:
        return line.invocation == state.invocation
    runs = state is None or state.activity == "active"
    return not runs or since is None or line.at >= since
