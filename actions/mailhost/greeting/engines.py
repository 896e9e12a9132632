"""What milters ask: clamd (clamd(8), COMMANDS) and spamd (spamd/PROTOCOL in SpamAssassin)."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.mailhost.greeting.heard import Heard
from actions.mailhost.greeting.wire import Silent, Strange, quoted

if TYPE_CHECKING:
    from actions.mailhost.greeting.heard import Talk


def clamd(talk: Talk) -> Heard:
    """Ask PING and VERSION, which tells when the signatures were made."""
    talk.wire.send(b"zIDSESSION\0zPING\0zVERSION\0zEND\0")
    answer = _answer(talk)
    if answer.partition(": ")[2] != "PONG":
        raise Strange(f"says {quoted(answer)} to PING")
    version = ""
    with suppress(Silent):
        version = _answer(talk).partition(": ")[2]
    return Heard(f"PONG; {version}" if version else "PONG", signed=_signed(version))


def spamd(talk: Talk) -> Heard:
    """Ask PING."""
    talk.wire.send(b"PING SPAMC/1.2\r\n\r\n")
    line = talk.wire.line()
    if not (line.startswith("SPAMD/") and line.endswith("PONG")):
        raise Strange(f"says {quoted(line)} to PING")
    return Heard("PONG")


def _answer(talk: Talk) -> str:
    return talk.wire.until(b"\0").rstrip(b"\0").decode("utf-8", "backslashreplace")


def _signed(version: str) -> float | None:
    """Return the time in ``ClamAV 1.4.3/27712/Sun Aug  3 08:33:39 2026``, where it is there."""
    parts = version.split("/", 2)
    if len(parts) < 3:
        return None
    with suppress(ValueError, OverflowError):
        # clamd writes it as ctime(3) does, in local time.
        return time.mktime(time.strptime(parts[2].strip(), "%a %b %d %H:%M:%S %Y"))
    return None
