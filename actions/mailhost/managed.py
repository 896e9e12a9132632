"""A milter-manager as discovery tells it: the milter of a chain, and the milters behind it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from actions.finding import Finding
    from actions.host.endpoint import Endpoint
    from actions.host.ports import Host
    from actions.milter.link import Link

PROGRAM = "/usr/sbin/milter-manager"
CONFIGURATION = "/etc/milter-manager/milter-manager.conf"
LOCAL = "/etc/milter-manager/milter-manager.local.conf"
"""The file for an operator's own settings, which the other one loads (its guide)."""


class Child(Record):
    """One milter behind a milter-manager."""

    link: Link
    """Named as the manager's configuration names it."""
    enabled: bool
    conditions: tuple[str, ...] = ()
    """Its applicable conditions, by name: the manager asks it only where all of them hold."""
    note: str = ""
    """What else an operator should know, such as a specification that can't be read."""


class Manager(Record):
    """A link of a chain that is a milter-manager, and the milters behind it."""

    milter: str
    """The name of the chain's link."""
    source: str
    """Where the children were read: a command, or a file."""
    children: tuple[Child, ...] = ()
    trouble: str = ""
    """Why the children are not known, or not all of them; empty where they are."""
    user: str = ""
    """With whose rights it opens its children's sockets."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with its configuration, or why it can't be seen."""

    @property
    def needs_root(self) -> bool:
        """Whether its children are not known for want of rights."""
        return any(one.needs_root for one in self.findings)


def program_of(host: Host) -> str:
    """Return milter-manager's program: its usual path, or its name where it is elsewhere."""
    path = host.at(PROGRAM)
    return path if os.path.exists(path) else "milter-manager"


def is_called_manager(endpoint: Endpoint) -> bool:
    """Return whether the socket's own name says that a milter-manager listens on it."""
    return endpoint.family == "unix" and "milter-manager" in endpoint.place
