"""The look at a listener: does its socket exist, and does somebody listen on it?"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host.endpoint import BadEndpoint
from actions.host.errors import AS_ROOT
from actions.mailhost.asking import refusal
from actions.mailhost.service import Look
from actions.milter.transport import connect
from actions.record import Record
from actions.services.looks.greeting import reachable

if TYPE_CHECKING:
    from actions.host.endpoint import Endpoint
    from actions.host.listening import Table
    from actions.mailhost.service import Cause, Listener


class _Seen(Record):
    health: Health
    detail: str
    next_step: str = ""
    cause: Cause = ""


_LISTENS = _Seen(Health.OK, "somebody listens")


def look_at_listener(listener: Listener, table: Table, timeout: float) -> Look:
    """Look at *listener*; the *table* tells most, a connection of *timeout* seconds the rest."""
    began = time.monotonic()
    try:
        endpoint = reachable(listener.spec)
        if endpoint.family == "unix":
            seen = _unix(endpoint, table, timeout)
        else:
            seen = _port(endpoint, table, timeout)
    except BadEndpoint as error:
        seen = _Seen(Health.UNKNOWN, str(error))
    seconds = time.monotonic() - began
    target = shown(listener)
    return Look("listener", seen.health, seen.detail, seconds, target, seen.next_step, seen.cause)


def shown(listener: Listener) -> str:
    """Return what people call *listener*."""
    return listener.label or listener.spec


def _unix(endpoint: Endpoint, table: Table, timeout: float) -> _Seen:
    path = endpoint.place
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            return _Seen(Health.DOWN, f"{path} is a link to what does not exist")
        return _Seen(Health.DOWN, f"{path} does not exist", "start the service that makes it")
    except PermissionError:
        if table.at_path(path):
            return _LISTENS
        return _Seen(Health.UNKNOWN, f"{path} may not be looked at", AS_ROOT, "rights")
    except OSError as error:
        return _Seen(Health.DOWN, f"{path}: {error.strerror}")
    if not stat.S_ISSOCK(found.st_mode):
        kind = "a regular file" if stat.S_ISREG(found.st_mode) else "no socket"
        return _Seen(Health.DOWN, f"{path} is {kind}", f"move {path} away and restart the service")
    if table.at_path(path):
        return _LISTENS
    # In another network namespace it is not in the table.
    stale = f"nobody listens on {path}, which is left over"
    closed = _Seen(Health.DOWN, stale, "restart the service that makes it")
    return _by_connecting(endpoint, timeout, closed)


def _port(endpoint: Endpoint, table: Table, timeout: float) -> _Seen:
    if table.at_port(endpoint.place, endpoint.port):
        return _LISTENS
    nobody = f"nobody listens on port {endpoint.port} of {endpoint.place}"
    closed = _Seen(Health.DOWN, nobody, "start the service that listens there")
    return _by_connecting(endpoint, timeout, closed)


def _by_connecting(endpoint: Endpoint, timeout: float, closed: _Seen) -> _Seen:
    """Return what a connection tells; *closed* where nobody takes it."""
    try:
        connect(endpoint, timeout).close()
    except PermissionError:
        unseen = f"nobody is seen to listen on {endpoint.place}"
        return _Seen(Health.UNKNOWN, unseen, AS_ROOT, "rights")
    except OSError as error:
        if error.errno in {errno.ECONNREFUSED, errno.ENOENT}:
            return closed
        if told := refusal(error):
            return _Seen(Health.DOWN, told)
        return _Seen(Health.UNKNOWN, f"{endpoint.place}: {error.strerror or error}")
    return _LISTENS
