"""The programs of the lab: each module has ``prepare``, which returns the loop that serves.

``prepare`` runs with the rights of who started the lab, as a daemon does before it drops
them: it reads the configuration, imports all that will be needed, and opens the socket. The
loop that it returns runs as the service's own user and never returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from actions.host.ports import Accounts

    Serve = Callable[[], None]


class Site(Record):
    """What a program of the lab is given."""

    root: str
    accounts: Accounts
    listener: socket.socket | None = None
    """The SMTP front's own socket, already listening, where it was opened beforehand."""
    arguments: tuple[str, ...] = ()
    """The options that its unit gives it."""
