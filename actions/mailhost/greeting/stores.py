"""What others look things up in: Dovecot's auth, MySQL or MariaDB, and HTTP."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.greeting.heard import Heard
from actions.mailhost.greeting.tls import judged
from actions.mailhost.greeting.wire import Strange, quoted

if TYPE_CHECKING:
    from actions.mailhost.greeting.heard import Talk

LINES = 100


def dovecot_auth(talk: Talk) -> Heard:
    """Shake hands as Postfix does (xsasl_dovecot_server.c), and ask for nobody."""
    talk.wire.send(f"VERSION\t1\t1\nCPID\t{os.getpid()}\n".encode())
    mechanisms, spoke = [], False
    for _ in range(LINES):
        word, _, rest = talk.wire.line().partition("\t")
        if word == "VERSION":
            spoke = True
        elif word == "MECH":
            mechanisms.append(rest.partition("\t")[0])
        elif word == "DONE" and spoke:
            return _offered(mechanisms)
        elif not spoke:
            raise Strange(f"says {quoted(word)}, which is no handshake of Dovecot's auth")
    raise Strange("does not come to an end in its handshake")


def _offered(mechanisms: list[str]) -> Heard:
    if mechanisms:
        return Heard(f"shakes hands; mechanisms {', '.join(mechanisms)}")
    return Heard("shakes hands, but offers no mechanism", Health.DEGRADED)


ERROR = 0xFF
TOO_MANY = 1040
NOT_ALLOWED = 1130
"""Error codes of the server (mysqld_error.h)."""


def mysql(talk: Talk) -> Heard:
    """Read the handshake packet with which the server begins; nobody logs in."""
    head = talk.wire.exactly(4)
    size = int.from_bytes(head[:3], "little")
    if not 3 <= size <= 4096:
        raise Strange(f"says {quoted(head.decode('latin-1'))}, which is no packet of MySQL")
    packet = talk.wire.exactly(size)
    if packet[0] == ERROR:
        return _error(packet)
    version, end, _ = packet[1:].partition(b"\0")
    if packet[0] != 10 or not end:
        raise Strange(f"speaks protocol {packet[0]}, not 10")
    # MariaDB puts this before its own version, for old replicas.
    return Heard(f"shakes hands; {version.decode('latin-1').removeprefix('5.5.5-')}")


def _error(packet: bytes) -> Heard:
    (code,) = struct.unpack_from("<H", packet, 1)
    text = packet[3:].decode("utf-8", "backslashreplace").lstrip("#")
    if code == NOT_ALLOWED:
        return Heard("answers; this host may not log in by TCP")
    health = Health.DEGRADED if code == TOO_MANY else Health.DOWN
    return Heard(f"refuses: {code} {quoted(text)}", health)


def http(talk: Talk) -> Heard:
    """Ask for the head of the first page."""
    talk.wire.send(b"HEAD / HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    line = talk.wire.line()
    if not line.startswith("HTTP/"):
        raise Strange(f"says {quoted(line)}, which is no answer of HTTP")
    status = [*line.split(" ", 2), ""][1]
    if status.startswith("5"):
        return judged(Heard(f"answers {quoted(line)}", Health.DEGRADED), talk.wire)
    return judged(Heard(f"answers {line[:60]}"), talk.wire)
