"""What Postfix asks who a client is (the protocol of Dovecot's authentication): everyone may."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING

from tests.milters.peer import Peer

if TYPE_CHECKING:
    from tests.milters.peer import Wire

_GREETING = (
    "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
    "COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n"
)


class Logins:
    """A server on the loopback that takes every name with every password."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self._peer = Peer(listener, "", _serve)

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Postfix's settings for an smtpd that offers AUTH."""
        return (
            ("smtpd_sasl_auth_enable", "yes"),
            ("smtpd_sasl_type", "dovecot"),
            ("smtpd_sasl_path", f"inet:127.0.0.1:{self.port}"),
            ("smtpd_sasl_security_options", ""),
        )

    def end(self) -> None:
        """Close everything."""
        self._peer.end()


def _serve(wire: Wire) -> None:
    wire.raw(_GREETING.encode())
    with wire.link.makefile("r") as lines:
        for line in lines:
            command, *arguments = line.rstrip("\n").split("\t")
            if command == "AUTH":
                secret = next(one[5:] for one in arguments if one.startswith("resp="))
                name = base64.b64decode(secret).split(b"\0")[1].decode()
                wire.raw(f"OK\t{arguments[0]}\tuser={name}\n".encode())
