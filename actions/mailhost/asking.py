"""What a connection that did not come about tells of the other side, and how a milter is asked."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from actions.milter.link import ChainSettings, open_session

if TYPE_CHECKING:
    from actions.action import Cancel
    from actions.milter.link import Link
    from actions.milter.session import Negotiated

_REFUSED = {
    errno.ENOENT: "there is no such socket",
    errno.ENOTDIR: "there is no such socket",
    errno.ELOOP: "there is no such socket",
    errno.ECONNREFUSED: "nobody listens there",
    errno.ECONNRESET: "closes the connection",
    errno.ETIMEDOUT: "accepts no connection in time",
    errno.EPROTOTYPE: "is a socket of another type",
    errno.ENOTSOCK: "is no socket",
    errno.EHOSTUNREACH: "can't be reached",
    errno.ENETUNREACH: "can't be reached",
    socket.EAI_NONAME: "has a host name that nobody knows",
}
"""What a service's own trouble looks like to who connects."""


def refusal(error: OSError) -> str:
    """Return what *error*, met by a connection, says of the service.

    Empty where it says nothing of it: for want of rights, or of something that this program
    needs, such as a free descriptor.
    """
    number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
    return _REFUSED.get(number or 0, "")


def negotiate(link: Link, connection: socket.socket, until: float, cancel: Cancel) -> Negotiated:
    """Negotiate on *connection* as Postfix does with the milter of *link*, and quit.

    Args:
        link: the milter; its limits hold.
        connection: to it, which is closed in the end.
        until: on `time.monotonic`, for all of it.
        cancel: ends it.
    """
    opened_link = link._replace(connector=lambda _endpoint, _timeout: connection)
    session, opened = open_session(opened_link, ChainSettings({}, cancel=cancel), until)
    if session:
        session.quit()
    return opened
