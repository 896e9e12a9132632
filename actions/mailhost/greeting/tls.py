"""The encrypted part of a greeting: begun on a connection, and its certificate looked at."""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.greeting.wire import Silent

if TYPE_CHECKING:
    from actions.mailhost.greeting.heard import Heard
    from actions.mailhost.greeting.wire import Wire

SOON = 14
"""Days before its end from which on a certificate is told."""

DAY = 86400.0
RENEW = "renew the certificate, and reload the service"


def encrypt(wire: Wire) -> None:
    """Begin TLS on *wire*; who the server is is not asked here, only that it can be spoken to.

    Raises:
        Silent: there was no handshake.
    """
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = False
    settings.verify_mode = ssl.CERT_NONE
    wire.link.settimeout(max(wire.deadline - time.monotonic(), 0.01))
    try:
        wire.link = settings.wrap_socket(wire.link)
    except TimeoutError:
        raise Silent("accepts, but gives no TLS handshake in time") from None
    except OSError as error:  # SSLError is one
        reason = getattr(error, "reason", "") or error.strerror or error
        raise Silent(f"no TLS handshake: {reason}", "reset") from error


def judged(heard: Heard, wire: Wire) -> Heard:
    """Return *heard* with what the certificate of *wire* comes to, where there is one."""
    ends = _end(wire)
    if ends is None:
        return heard
    days = (ends - time.time()) / DAY
    day = time.strftime("%Y-%m-%d", time.gmtime(ends))
    if days < 0:
        return heard.worse(Health.DOWN, f"its certificate expired on {day}", RENEW)
    if days < SOON:
        left = "today" if days < 1 else f"in {int(days)} day{'s' if days >= 2 else ''}"
        return heard.worse(Health.DEGRADED, f"its certificate expires {left} ({day})", RENEW)
    return heard._replace(detail=f"{heard.detail}; certificate until {day}")


def _end(wire: Wire) -> float | None:
    if not isinstance(wire.link, ssl.SSLSocket):
        return None
    # The certificate is only taken apart where it was asked for; after the handshake the
    # setting has no other effect.
    wire.link.context.verify_mode = ssl.CERT_REQUIRED
    certificate = wire.link.getpeercert() or {}
    with suppress(ValueError):
        return float(ssl.cert_time_to_seconds(str(certificate.get("notAfter", ""))))
    return None
