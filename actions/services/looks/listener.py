"""The look at a listener: does its socket exist, and does somebody listen on it?"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host.endpoint import BadEndpoint
from actions.mailhost.service import Look
from actions.milter.transport import connect
from actions.services.looks.greeting import reachable
from actions.services.report import ROOT_SEES

if TYPE_CHECKING:
    from actions.host.endpoint import Endpoint
    from actions.mailhost.service import Listener
    from actions.services.looks.listening import Table

_REFUSED = (errno.ECONNREFUSED, errno.ENOENT)

_Seen = tuple[Health, str, str]


def look_at_listener(listener: Listener, table: Table, timeout: float) -> Look:
    """Look at *listener*; the *table* tells most, a connection of *timeout* seconds the rest."""
    began = time.monotonic()
    try:
        endpoint = reachable(listener.spec)
        if endpoint.family == "unix":
            health, detail, step = _unix(endpoint, table, timeout)
        else:
            health, detail, step = _port(endpoint, table, timeout)
    except BadEndpoint as error:
        health, detail, step = Health.UNKNOWN, str(error), ""
    seconds = time.monotonic() - began
    return Look("listener", health, detail, seconds, shown(listener), step)


def shown(listener: Listener) -> str:
    """Return what people call *listener*."""
    return listener.label or listener.spec


def _unix(endpoint: Endpoint, table: Table, timeout: float) -> _Seen:
    path = endpoint.place
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            return Health.DOWN, f"{path} is a link to what does not exist", ""
        return Health.DOWN, f"{path} does not exist", "start the service that makes it"
    except PermissionError:
        if table.has_path(path):
            return Health.OK, "somebody listens", ""
        return Health.UNKNOWN, f"{path} may not be looked at", ROOT_SEES
    except OSError as error:
        return Health.DOWN, f"{path}: {error.strerror}", ""
    if not stat.S_ISSOCK(found.st_mode):
        kind = "a regular file" if stat.S_ISREG(found.st_mode) else "no socket"
        return Health.DOWN, f"{path} is {kind}", f"move {path} away and restart the service"
    if table.has_path(path):
        return Health.OK, "somebody listens", ""
    # In another network namespace it is not in the table.
    stale = f"nobody listens on {path}, which is left over", "restart the service that makes it"
    return _by_connecting(endpoint, timeout, *stale)


def _port(endpoint: Endpoint, table: Table, timeout: float) -> _Seen:
    if table.has_port(endpoint.place, endpoint.port):
        return Health.OK, "somebody listens", ""
    closed = f"nobody listens on port {endpoint.port} of {endpoint.place}"
    return _by_connecting(endpoint, timeout, closed, "start the service that listens there")


def _by_connecting(endpoint: Endpoint, timeout: float, closed: str, step: str) -> _Seen:
    try:
        connect(endpoint, timeout).close()
    except PermissionError:
        return Health.UNKNOWN, f"nobody is seen to listen on {endpoint.place}", ROOT_SEES
    except TimeoutError:
        return Health.DOWN, "accepts no connection in time", ""
    except OSError as error:
        if error.errno in _REFUSED:
            return Health.DOWN, closed, step
        return Health.UNKNOWN, f"{endpoint.place}: {error.strerror or error}", ""
    return Health.OK, "somebody listens", ""
