"""The look at a greeting: connect with the client's rights, and say the first words.

The same is done for a listener of a service and for the edge from a service to what it needs.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import AS_ROOT, HostError, NotPermitted
from actions.mailhost.asking import negotiate, refusal
from actions.mailhost.greeting import speaker
from actions.mailhost.greeting.heard import Heard, Talk
from actions.mailhost.greeting.wire import Silent, Strange, Wire
from actions.milter.link import Link
from actions.milter.transport import Timeouts, connect
from actions.record import Record

if TYPE_CHECKING:
    import socket

    from actions.action import Context
    from actions.host.endpoint import Endpoint
    from actions.mailhost.greeting.heard import Login
    from actions.mailhost.service import Listener

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Addresses to listen on, and where to connect to then."""


OPEN_IT = "see which bit is missing: console run sockets.check"
"""The next step where a client may not open a milter's socket."""


class Asking(Record):
    """How greetings are asked for."""

    ctx: Context
    timeout: float
    """Seconds for each."""
    hostname: str = "localhost"
    login: Login | None = None


class Met(Record):
    """What came of asking at one socket, with the rights of one user."""

    heard: Heard
    seconds: float
    proved: bool = True
    """Whether it was asked with the client's own rights."""


class _Closed(Exception):
    """No connection came about; what it comes to is told."""

    def __init__(self, heard: Heard) -> None:
        super().__init__(heard.detail)
        self.heard = heard


def meet(asking: Asking, listener: Listener, client: str) -> Met:
    """Ask at *listener* with the rights of *client*; empty for this process's own."""
    started = time.monotonic()
    proved = True
    try:
        endpoint = reachable(listener.spec)
        link, proved = _open(asking, endpoint, client)
        heard = _greeted(asking, listener, endpoint, link, started + asking.timeout)
    except _Closed as closed:
        heard = closed.heard
    except Silent as trouble:
        heard = Heard(str(trouble), Health.DOWN, cause="silent")
    except Strange as trouble:
        heard = Heard(str(trouble), Health.DOWN)
    except BadEndpoint as error:
        heard = Heard(f"can't be asked: {error}", Health.UNKNOWN)
    return Met(heard, time.monotonic() - started, proved)


def reachable(spec: str) -> Endpoint:
    """Return where to connect to for what listens on *spec*; raises `BadEndpoint`."""
    endpoint = parse_endpoint(spec)
    if endpoint.family == "unix":
        return endpoint
    return endpoint._replace(place=EVERYWHERE.get(endpoint.place, endpoint.place))


def _open(asking: Asking, endpoint: Endpoint, client: str) -> tuple[socket.socket, bool]:
    """Return a connection, and whether it was made with the rights that count."""
    host = asking.ctx.host
    as_client = bool(client) and endpoint.family == "unix"
    try:
        if as_client:
            try:
                return host.connect_as(client, endpoint, asking.timeout), True
            except NotPermitted:
                as_client = False
        return connect(endpoint, asking.timeout), not client or endpoint.family != "unix"
    except HostError as error:
        raise _Closed(Heard(str(error), Health.UNKNOWN)) from error
    except OSError as error:
        raise _Closed(_met(error, client, asked_as=client if as_client else "")) from error


def _met(error: OSError, client: str, *, asked_as: str) -> Heard:
    if isinstance(error, PermissionError):
        if asked_as:
            detail = f"{asked_as} may not open its socket"
            return Heard(detail, Health.DOWN, OPEN_IT, cause="closed")
        who = f"; whether {client} may, root would see" if client else ""
        detail = f"not asked: this user may not open its socket{who}"
        step = AS_ROOT if os.geteuid() else ""
        return Heard(detail, Health.UNKNOWN, step, cause="rights" if step else "")
    if told := refusal(error):
        return Heard(told, Health.DOWN)
    return Heard(f"not asked: {error.strerror or error}", Health.UNKNOWN)


def _greeted(
    asking: Asking, listener: Listener, endpoint: Endpoint, link: socket.socket, until: float
) -> Heard:
    if listener.speech == "milter":
        return _negotiated(asking, endpoint, link, until)
    with Wire(link, until, asking.timeout) as wire:
        if listener.tls:
            from actions.mailhost.greeting.tls import encrypt

            encrypt(wire)
        if not listener.speech:
            return Heard("accepts connections")
        return speaker(listener.speech)(Talk(wire, listener, asking.hostname, asking.login))


def _negotiated(asking: Asking, endpoint: Endpoint, link: socket.socket, until: float) -> Heard:
    milter = Link("milter", endpoint, timeouts=Timeouts(*(asking.timeout,) * 5))
    opened = negotiate(milter, link, until, asking.ctx.cancel)
    trouble = opened.trouble
    if trouble is None:
        chosen = opened.chosen
        return Heard(f"negotiates; version {chosen.version}" if chosen else "negotiates")
    if trouble.kind == "timeout":
        detail = f"accepts, but does not answer within {asking.timeout:g} s"
        return Heard(detail, Health.DOWN, cause="silent")
    return Heard(trouble.text, Health.DOWN)
