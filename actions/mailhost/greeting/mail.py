"""SMTP (RFC 5321) and LMTP (RFC 2033): greeted, and left without a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.greeting.heard import Heard, refused_login
from actions.mailhost.greeting.tls import encrypt, judged
from actions.mailhost.greeting.wire import Silent, Strange

if TYPE_CHECKING:
    from actions.mailhost.greeting.heard import Talk


def smtp(talk: Talk) -> Heard:
    """Say EHLO, begin TLS where it is offered, log in where there is an account, and QUIT."""
    heard, offered = _hello(talk, "EHLO")
    if heard.health is Health.OK and "STARTTLS" in offered:
        heard, offered = _encrypted(talk, heard)
    heard = judged(heard, talk.wire)
    if talk.login and "AUTH" in offered and talk.may_log_in:
        heard = _logged_in(talk, heard)
    talk.wire.leave(b"QUIT\r\n")
    return heard


def lmtp(talk: Talk) -> Heard:
    """Say LHLO and QUIT."""
    heard, _ = _hello(talk, "LHLO")
    talk.wire.leave(b"QUIT\r\n")
    return heard


def _hello(talk: Talk, word: str) -> tuple[Heard, set[str]]:
    """Read the greeting and answer it; returns the extensions that are offered."""
    code, lines = talk.wire.reply()
    if code != "220":
        return _refusal(code, lines), set()
    talk.wire.send(f"{word} {talk.hostname}\r\n".encode("ascii", "replace"))
    answer, extensions = talk.wire.reply()
    if answer != "250":
        return _refusal(answer, extensions), set()
    return Heard(f"greets: {code} {lines[0]}"), _words(extensions)


def _words(extensions: list[str]) -> set[str]:
    return {line.partition(" ")[0].partition("=")[0].upper() for line in extensions[1:]}


def _refusal(code: str, lines: list[str]) -> Heard:
    health = Health.DEGRADED if code.startswith("4") else Health.DOWN
    return Heard(f"refuses: {code} {' '.join(lines)}", health, "see the mail log for the reason")


def _encrypted(talk: Talk, heard: Heard) -> tuple[Heard, set[str]]:
    talk.wire.send(b"STARTTLS\r\n")
    code, lines = talk.wire.reply()
    if code != "220":
        said = f"offers STARTTLS, and refuses it: {code} {' '.join(lines)}"
        return heard.worse(Health.DEGRADED, said, "see the mail log for the reason"), set()
    if talk.wire.unread():
        raise Strange("says more before TLS than it was asked")
    try:
        encrypt(talk.wire)
    except Silent as error:
        return heard.worse(Health.DEGRADED, f"STARTTLS: {error}"), set()
    talk.wire.send(f"EHLO {talk.hostname}\r\n".encode("ascii", "replace"))
    code, lines = talk.wire.reply()
    return heard, _words(lines) if code == "250" else set()


def _logged_in(talk: Talk, heard: Heard) -> Heard:
    assert talk.login is not None
    talk.wire.send(b"AUTH PLAIN " + talk.login.plain() + b"\r\n")
    code, lines = talk.wire.reply()
    if code == "235":
        return heard._replace(detail=f"{heard.detail}; logs in {talk.login.user}")
    return refused_login(talk, heard, f"{code} {' '.join(lines)}")
