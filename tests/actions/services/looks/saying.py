"""Peers that speak from a script, and one look at a greeting."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

from actions.action import Context
from actions.host.system import SystemHost
from actions.mailhost.service import Listener, Speech
from actions.services.looks.greeting import Asking, Met, meet
from tests.programs import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from actions.mailhost.greeting.heard import Login
    from tests.milters.peer import Wire

TIMEOUT = 5.0
SHORT = 0.3
"""Seconds after which a peer that says nothing is given up."""


def asked(
    spec: str,
    speech: Speech,
    *,
    tls: bool = False,
    client: str = "",
    timeout: float = TIMEOUT,
    login: Login | None = None,
) -> Met:
    """Return what came of one greeting."""
    asking = Asking(Context(SystemHost()), timeout, "console.test", login)
    return meet(asking, Listener(spec, speech, "", tls), client)


def scripted(first: bytes, *turns: tuple[bytes, bytes]) -> Callable[[Wire], None]:
    """Return a peer that says *first*, then waits for each line that begins so, and answers."""

    def behave(wire: Wire) -> None:
        wire.raw(first)
        play(wire, turns)

    return behave


def play(wire: Wire, turns: Sequence[tuple[bytes, bytes]]) -> None:
    """Wait for each line that begins so, and answer it."""
    with wire.link.makefile("rb") as lines:
        for begins, answer in turns:
            line = lines.readline()
            if not line:
                return
            assert line.startswith(begins), line
            wire.raw(answer)
        lines.readline()


def saying(data: bytes) -> Callable[[Wire], None]:
    """Return a peer that says *data* whatever it hears, and waits."""

    def behave(wire: Wire) -> None:
        wire.raw(data)
        wire.wait_for_close()

    return behave


def silent(wire: Wire) -> None:
    """Say nothing."""
    wire.wait_for_close()


def closing(wire: Wire) -> None:
    """Close at once."""


def certificate(folder: Path) -> tuple[ssl.SSLContext, float]:
    """Return a server's TLS, and when its certificate ends, in seconds since the epoch."""
    (openssl,) = needs("openssl")
    key, chain = str(folder / "key"), str(folder / "chain")
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-batch", "-subj", "/CN=mx", "-days", "100"]
    command = [openssl, "req", *made, "-keyout", key, "-out", chain]
    subprocess.run(command, check=True, capture_output=True)
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(chain, key)
    told = subprocess.run(
        [openssl, "x509", "-enddate", "-noout", "-in", chain], check=True, capture_output=True
    )
    return settings, ssl.cert_time_to_seconds(told.stdout.decode().strip().partition("=")[2])
