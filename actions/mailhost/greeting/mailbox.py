"""IMAP (RFC 9051), POP3 (RFC 1939) and ManageSieve (RFC 5804): greeted, and left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.greeting.heard import Heard, refused_login
from actions.mailhost.greeting.tls import encrypt, judged
from actions.mailhost.greeting.wire import Silent, Strange, quoted

if TYPE_CHECKING:
    from actions.mailhost.greeting.heard import Talk

LINES = 100
"""Lines after which an answer is no answer any more."""


def imap(talk: Talk) -> Heard:
    """Ask what it can do, begin TLS where it is offered, log in where there is an account."""
    line = talk.wire.line()
    if line.upper().startswith("* BYE"):
        return Heard(f"refuses: {quoted(line)}", Health.DOWN)
    if not line.startswith("* OK"):
        raise Strange(f"says {quoted(line)}, which is no greeting of IMAP")
    told = line if "[CAPABILITY" in line.upper() else _tagged(talk, "a", "CAPABILITY")
    if "IMAP4" not in told.upper():
        return Heard(f"does not say what it can do: {quoted(told)}", Health.DEGRADED)
    heard = Heard("greets: * OK")
    if "STARTTLS" in told.upper().split() or "STARTTLS]" in told.upper():
        heard = _starttls(talk, heard, _tagged(talk, "b", "STARTTLS"), "b OK")
    heard = judged(heard, talk.wire)
    if talk.login and talk.may_log_in:
        talk.wire.send(b"c AUTHENTICATE PLAIN\r\n")
        heard = _logged_in(talk, heard, "c OK")
    talk.wire.leave(b"d LOGOUT\r\n")
    return heard


def pop3(talk: Talk) -> Heard:
    """Greet, begin TLS where it is offered, log in where there is an account, and QUIT."""
    line = talk.wire.line()
    if line.startswith("-ERR"):
        return Heard(f"refuses: {quoted(line)}", Health.DOWN)
    if not line.startswith("+OK"):
        raise Strange(f"says {quoted(line)}, which is no greeting of POP3")
    heard = Heard("greets: +OK")
    if not talk.listener.tls and "STLS" in _capabilities(talk):
        talk.wire.send(b"STLS\r\n")
        heard = _starttls(talk, heard, talk.wire.line(), "+OK")
    heard = judged(heard, talk.wire)
    if talk.login and talk.may_log_in:
        talk.wire.send(b"AUTH PLAIN\r\n")
        heard = _logged_in(talk, heard, "+OK")
    talk.wire.leave(b"QUIT\r\n")
    return heard


def managesieve(talk: Talk) -> Heard:
    """Read the capabilities that it begins with."""
    for _ in range(LINES):
        line = talk.wire.line()
        if line.upper().startswith(("NO", "BYE")):
            return Heard(f"refuses: {quoted(line)}", Health.DOWN)
        if line.upper().startswith("OK"):
            talk.wire.leave(b"LOGOUT\r\n")
            return judged(Heard("greets: OK"), talk.wire)
        if not line.startswith('"'):
            break
    raise Strange(f"says {quoted(line)}, which is no greeting of ManageSieve")


def _tagged(talk: Talk, tag: str, command: str) -> str:
    """Give a command of IMAP and return all that comes up to its completion."""
    talk.wire.send(f"{tag} {command}\r\n".encode())
    told = []
    for _ in range(LINES):
        told.append(talk.wire.line())
        if told[-1].startswith(f"{tag} "):
            return " ".join(told)
    raise Strange(f"does not come to an end in its answer to {command}")


def _capabilities(talk: Talk) -> set[str]:
    talk.wire.send(b"CAPA\r\n")
    found: set[str] = set()
    line = talk.wire.line()
    if not line.startswith("+OK"):
        return found
    for _ in range(LINES):
        line = talk.wire.line()
        if line == ".":
            return found
        found.add(line.partition(" ")[0].upper())
    raise Strange("does not come to an end in its answer to CAPA")


def _starttls(talk: Talk, heard: Heard, answer: str, good: str) -> Heard:
    if good not in answer:
        return heard.worse(Health.DEGRADED, f"offers TLS, and refuses it: {quoted(answer)}")
    if talk.wire.unread():
        raise Strange("says more before TLS than it was asked")
    try:
        encrypt(talk.wire)
    except Silent as error:
        return heard.worse(Health.DEGRADED, f"STARTTLS: {error}")
    return heard


def _logged_in(talk: Talk, heard: Heard, good: str) -> Heard:
    """Give the account where it is asked for, and read what comes of it."""
    assert talk.login is not None
    said = talk.wire.line()
    if said.startswith("+") and not said.startswith("+OK"):
        talk.wire.send(talk.login.plain() + b"\r\n")
        said = talk.wire.line()
        for _ in range(LINES):
            if not said.startswith("* "):
                break
            said = talk.wire.line()
    if said.startswith(good):
        return heard._replace(detail=f"{heard.detail}; logs in {talk.login.user}")
    return refused_login(talk, heard, said)
