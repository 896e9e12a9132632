"""Every greeting: of a healthy peer, one that refuses, one that is another, closes or is silent."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, get_args

import pytest

from actions.finding import Health
from actions.mailhost.service import Speech
from tests.actions.services.looks.saying import (
    SHORT,
    asked,
    closing,
    saying,
    scripted,
    silent,
)
from tests.milters.running import Milters, eventually

if TYPE_CHECKING:
    from tests.filters.daemons import Daemon
    from tests.milters.peer import Peers
    from tests.postfix.running import Postfix

SPOKEN: tuple[Speech, ...] = tuple(speech for speech in get_args(Speech) if speech)

HANDSHAKE = b"\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\0" + bytes(60)


def packet(payload: bytes) -> bytes:
    return struct.pack("<I", len(payload)) + payload


HEALTHY: list[tuple[Speech, bytes, tuple[tuple[bytes, bytes], ...], str]] = [
    (
        "smtp",
        b"220-mx\r\n220 mx ESMTP\r\n",
        ((b"EHLO ", b"250 mx\r\n"), (b"QUIT", b"221 x\r\n")),
        "220 mx",
    ),
    (
        "lmtp",
        b"220 mx LMTP\r\n",
        ((b"LHLO ", b"250-mx\r\n250 PIPELINING\r\n"), (b"QUIT", b"221 \r\n")),
        "220 mx LMTP",
    ),
    (
        "imap",
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
        ((b"d LOGOUT", b"* BYE\r\n"),),
        "* OK",
    ),
    (
        "imap",
        b"* OK hi\r\n",
        ((b"a CAPABILITY", b"* CAPABILITY IMAP4rev1\r\na OK\r\n"), (b"d LOGOUT", b"* BYE\r\n")),
        "* OK",
    ),
    ("pop3", b"+OK hi\r\n", ((b"CAPA", b"+OK\r\nUSER\r\n.\r\n"), (b"QUIT", b"+OK\r\n")), "+OK"),
    (
        "managesieve",
        b'"SIEVE" "fileinto"\r\n"VERSION" "1.0"\r\nOK "ready"\r\n',
        ((b"LOGOUT", b"OK\r\n"),),
        "OK",
    ),
    (
        "dovecot-auth",
        b"",
        (
            (b"VERSION\t1\t", b""),
            (b"CPID\t", b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\nSPID\t7\nDONE\n"),
        ),
        "PLAIN, LOGIN",
    ),
    ("mysql", packet(HANDSHAKE), (), "10.11.6-MariaDB"),
    (
        "mysql",
        packet(b"\xff" + struct.pack("<H", 1130) + b"Host is not allowed"),
        (),
        "may not log in",
    ),
    ("http", b"", ((b"HEAD / HTTP/1.0", b"HTTP/1.1 302 Found\r\n\r\n"),), "302"),
    ("spamd", b"", ((b"PING SPAMC", b"SPAMD/1.5 0 PONG\r\n"),), "PONG"),
    ("clamd", b"1: PONG\x002: ClamAV 1.4.3/27712/Sun Aug  3 08:33:39 2025\0", (), "ClamAV 1.4.3"),
]


@pytest.mark.parametrize(("speech", "first", "turns", "told"), HEALTHY)
def test_a_healthy_peer_is_ok(
    peers: Peers,
    speech: Speech,
    first: bytes,
    turns: tuple[tuple[bytes, bytes], ...],
    told: str,
) -> None:
    met = asked(peers.start_tcp(scripted(first, *turns)).spec, speech)
    assert met.heard.health is Health.OK, met
    assert told in met.heard.detail
    assert met.proved


REFUSING: list[tuple[Speech, bytes, Health, str]] = [
    ("smtp", b"421 4.3.2 too busy\r\n", Health.DEGRADED, "421 4.3.2 too busy"),
    ("smtp", b"554 no service\r\n", Health.DOWN, "554 no service"),
    ("smtp", b"220 mx\r\n451 4.3.0 lookup error\r\n", Health.DEGRADED, "451 4.3.0"),
    ("lmtp", b"421 later\r\n", Health.DEGRADED, "421 later"),
    ("imap", b"* BYE out of memory\r\n", Health.DOWN, "out of memory"),
    ("imap", b"* OK hi\r\na BAD what\r\n", Health.DEGRADED, "a BAD what"),
    ("pop3", b"-ERR [SYS/TEMP] later\r\n", Health.DOWN, "SYS/TEMP"),
    ("managesieve", b'BYE "too many"\r\n', Health.DOWN, "too many"),
    ("dovecot-auth", b"VERSION\t1\t1\nSPID\t1\nDONE\n", Health.DEGRADED, "no mechanism"),
    (
        "mysql",
        packet(b"\xff" + struct.pack("<H", 1040) + b"Too many connections"),
        Health.DEGRADED,
        "1040",
    ),
    (
        "mysql",
        packet(b"\xff" + struct.pack("<H", 1129) + b"Host is blocked"),
        Health.DOWN,
        "blocked",
    ),
    ("mysql", packet(b"\x09old\0"), Health.DOWN, "protocol 9"),
    ("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Health.DEGRADED, "503"),
]


@pytest.mark.parametrize(("speech", "said", "health", "told"), REFUSING)
def test_what_a_peer_refuses_with_is_told(
    peers: Peers, speech: Speech, said: bytes, health: Health, told: str
) -> None:
    heard = asked(peers.start(saying(said)).spec, speech).heard
    assert heard.health is health
    assert told in heard.detail


@pytest.mark.parametrize("speech", SPOKEN)
def test_another_protocol_is_down(peers: Peers, speech: Speech) -> None:
    met = asked(peers.start(saying(b"SSH-2.0-OpenSSH_9.2\r\n\0" + bytes(40))).spec, speech)
    assert met.heard.health is Health.DOWN, met
    assert met.seconds < 2


@pytest.mark.parametrize("speech", SPOKEN)
def test_noise_without_an_end_is_down(peers: Peers, speech: Speech) -> None:
    met = asked(peers.start(saying(b"220-x\r\n" * 20_000)).spec, speech)
    assert met.heard.health is Health.DOWN, met


@pytest.mark.parametrize("speech", SPOKEN)
def test_a_peer_that_closes_is_down(peers: Peers, speech: Speech) -> None:
    met = asked(peers.start(closing).spec, speech)
    assert met.heard.health is Health.DOWN, met
    assert "close" in met.heard.detail


@pytest.mark.parametrize("speech", SPOKEN)
def test_a_silent_peer_is_given_up_in_time(peers: Peers, speech: Speech) -> None:
    met = asked(peers.start(silent).spec, speech, timeout=SHORT)
    assert met.heard.health is Health.DOWN, met
    assert "does not answer within 0.3 s" in met.heard.detail
    assert SHORT <= met.seconds < SHORT + 0.6


def test_control_characters_of_a_peer_are_not_passed_on(peers: Peers) -> None:
    heard = asked(peers.start(saying(b"\x1b]0;owned\x07\r\n")).spec, "pop3").heard
    assert "\x1b" not in heard.detail


def test_clamds_signatures_tell_their_time(peers: Peers) -> None:
    said = b"1: PONG\x002: ClamAV 1.4.3/27712/Sun Aug  3 08:33:39 2025\0"
    heard = asked(peers.start(saying(said)).spec, "clamd").heard
    assert heard.signed is not None
    import time

    assert time.localtime(heard.signed)[:6] == (2025, 8, 3, 8, 33, 39)


@pytest.mark.parametrize("version", ["ClamAV 1.4.3", "ClamAV 1.4.3/27712/some day"])
def test_a_version_without_a_time_has_none(peers: Peers, version: str) -> None:
    said = f"1: PONG\x002: {version}\0".encode()
    assert asked(peers.start(saying(said)).spec, "clamd").heard.signed is None


def test_a_real_clamd_answers(clamd: Daemon) -> None:
    heard = asked(clamd.spec, "clamd").heard
    assert heard.health is Health.OK
    assert heard.detail.startswith("PONG; ClamAV ")


def test_a_real_spamd_answers(spamd: Daemon) -> None:
    assert asked(spamd.spec, "spamd").heard.detail == "PONG"


@pytest.mark.parametrize("filter_name", ["clamav_milter", "spamass_milter"])
def test_real_filters_negotiate(filter_name: str, request: pytest.FixtureRequest) -> None:
    milter: Daemon = request.getfixturevalue(filter_name)
    heard = asked(milter.spec, "milter").heard
    assert heard.health is Health.OK
    assert heard.detail.startswith("negotiates")


def test_a_milter_is_left_as_postfix_leaves_it(milters: Milters) -> None:
    milter = milters.start()
    assert asked(milter.spec, "milter").heard.health is Health.OK
    eventually(lambda: [seen.event for seen in milter.seen()] == ["negotiate", "close"])


def test_a_real_postfix_greets_and_begins_tls(postfix: Postfix) -> None:
    heard = asked(f"inet:127.0.0.1:{postfix.ports['plain']}", "smtp").heard
    assert heard.health is Health.OK
    assert heard.detail == "greets: 220 mx.test.example ESMTP Postfix"
    heard = asked(f"inet:127.0.0.1:{postfix.ports['submission']}", "smtp").heard
    assert "its certificate expires in 1 day" in heard.detail
    assert heard.health is Health.DEGRADED
    heard = asked(f"inet:127.0.0.1:{postfix.ports['wrapped']}", "smtp", tls=True).heard
    assert "its certificate expires in 1 day" in heard.detail


def test_a_real_postfix_shakes_hands_with_what_we_ask(postfix: Postfix) -> None:
    heard = asked(f"unix:{postfix.root}/auth", "dovecot-auth").heard
    assert heard.health is Health.OK
    assert heard.detail == "shakes hands; mechanisms PLAIN, LOGIN"
