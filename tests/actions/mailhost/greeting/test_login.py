"""A test account: let in, refused, and never shown; certificates are looked at on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.finding import Health
from actions.mailhost.greeting.heard import Login
from tests.actions.services.looks.saying import asked, certificate, closing, play, saying, scripted
from tests.postfix.running import PASSWORD, USER

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from actions.mailhost.service import Speech
    from tests.milters.peer import Peers, Wire
    from tests.postfix.running import Postfix

SECRET = "s3cret-and-long"
DAY, HOUR = 86400, 3600


def encrypted(settings: ssl.SSLContext, *before: tuple[bytes, bytes]) -> Callable[[Wire], None]:
    """Return a peer that plays *before* (what it says first stands under b""), then begins TLS."""

    def behave(wire: Wire) -> None:
        for begins, answer in before:
            if begins:
                line = b""
                while not line.endswith(b"\n"):
                    line += wire.link.recv(1)
                assert line.startswith(begins), line
            wire.raw(answer)
        try:
            wire.link = settings.wrap_socket(wire.link, server_side=True)
        except OSError:
            return
        if before[-1][0].startswith(b"STARTTLS"):
            play(wire, ((b"EHLO", b"250 mx\r\n"), (b"QUIT", b"221 x\r\n")))
        elif not before[-1][0]:
            wire.raw(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
            wire.wait_for_close()
        else:
            wire.wait_for_close()
        wire.link.close()

    return behave


STARTED: list[tuple[Speech, tuple[tuple[bytes, bytes], ...]]] = [
    (
        "smtp",
        (
            (b"", b"220 mx\r\n"),
            (b"EHLO", b"250-mx\r\n250 STARTTLS\r\n"),
            (b"STARTTLS", b"220 go\r\n"),
        ),
    ),
    (
        "imap",
        ((b"", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n"), (b"b STARTTLS", b"b OK go\r\n")),
    ),
    ("pop3", ((b"", b"+OK\r\n"), (b"CAPA", b"+OK\r\nSTLS\r\n.\r\n"), (b"STLS", b"+OK\r\n"))),
]


@pytest.mark.parametrize(
    ("days", "health", "told"),
    [
        (100, Health.OK, "certificate until "),
        (15, Health.OK, "certificate until "),
        (13, Health.DEGRADED, "its certificate expires in 13 days"),
        (0, Health.DEGRADED, "its certificate expires today"),
        (-2, Health.DOWN, "its certificate expired on "),
    ],
)
@pytest.mark.parametrize(("speech", "before"), STARTED)
def test_a_certificate_is_told_by_its_end(
    peers: Peers,
    tmp_path: Path,
    speech: Speech,
    before: tuple[tuple[bytes, bytes], ...],
    days: int,
    health: Health,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, ends = certificate(tmp_path)
    peer = peers.start_tcp(encrypted(settings, *before))
    # openssl makes no certificate that has ended; so the clock goes on instead.
    monkeypatch.setattr("actions.mailhost.greeting.tls.time.time", lambda: ends - days * DAY - HOUR)
    heard = asked(peer.spec, speech).heard
    assert heard.health is health, heard
    assert told in heard.detail


def test_tls_from_the_first_byte(peers: Peers, tmp_path: Path) -> None:
    peer = peers.start_tcp(encrypted(certificate(tmp_path)[0], (b"", b"")))
    heard = asked(peer.spec, "imap", tls=True).heard
    assert "certificate until" in heard.detail


@pytest.mark.parametrize("peer", [closing, saying(b"* OK no TLS here\r\n" * 10)])
def test_no_handshake_is_down(peers: Peers, peer: Callable[[Wire], None]) -> None:
    heard = asked(peers.start_tcp(peer).spec, "imap", tls=True).heard
    assert heard.health is Health.DOWN
    assert "TLS handshake" in heard.detail


def test_a_refused_starttls_is_told(peers: Peers) -> None:
    turns = ((b"EHLO", b"250-mx\r\n250 STARTTLS\r\n"), (b"STARTTLS", b"454 no key\r\n"))
    heard = asked(peers.start(scripted(b"220 mx\r\n", *turns)).spec, "smtp").heard
    assert heard.health is Health.DEGRADED
    assert "454 no key" in heard.detail


LOGINS: list[tuple[Speech, bytes, tuple[tuple[bytes, bytes], ...], bytes, bytes]] = [
    (
        "imap",
        b"* OK [CAPABILITY IMAP4rev1] x\r\n",
        ((b"c AUTHENTICATE PLAIN", b"+ \r\n"),),
        b"c OK in\r\n",
        b"c NO [AUTHENTICATIONFAILED] no\r\n",
    ),
    (
        "pop3",
        b"+OK\r\n",
        ((b"CAPA", b"+OK\r\n.\r\n"), (b"AUTH PLAIN", b"+ \r\n")),
        b"+OK in\r\n",
        b"-ERR [AUTH] no\r\n",
    ),
]


@pytest.mark.parametrize(("speech", "first", "turns", "good", "bad"), LOGINS)
def test_a_login_is_let_in_or_refused(
    peers: Peers,
    speech: Speech,
    first: bytes,
    turns: tuple[tuple[bytes, bytes], ...],
    good: bytes,
    bad: bytes,
) -> None:
    login = Login("alice", SECRET)
    for answer, health, told in (
        (good, Health.OK, "logs in alice"),
        (bad, Health.DEGRADED, "refuses the login of alice"),
    ):
        peer = peers.start(scripted(first, *turns, (login.plain(), answer)))
        heard = asked(peer.spec, speech, login=login).heard
        assert heard.health is health, heard
        assert told in heard.detail


def test_a_password_is_not_sent_in_the_clear_to_another_host() -> None:
    import socket

    from actions.mailhost.greeting.heard import Talk
    from actions.mailhost.greeting.wire import Wire as Line
    from actions.mailhost.service import Listener

    one, other = socket.socketpair()
    with one, other:
        line = Line(one, 0.0, 1.0)
        for spec, may in {
            "unix:/run/x": True,
            "inet:127.0.0.1:143": True,
            "inet:192.0.2.1:143": False,
            "inet:mail.example.org:143": False,
        }.items():
            assert Talk(line, Listener(spec, "imap"), "x").may_log_in is may


def test_a_real_submission_lets_in_and_refuses(postfix: Postfix) -> None:
    spec = f"inet:127.0.0.1:{postfix.ports['submission']}"
    heard = asked(spec, "smtp", login=Login(USER, PASSWORD)).heard
    assert f"logs in {USER}" in heard.detail
    heard = asked(spec, "smtp", login=Login(USER, SECRET)).heard
    assert f"refuses the login of {USER}" in heard.detail
    assert SECRET not in heard.detail


def test_the_password_shows_nowhere() -> None:
    login = Login("alice", SECRET)
    assert SECRET not in f"{login} {login!r}"
