"""Edges made by hand, for what the lab does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Finding, Health, Remedy
from actions.mailhost.edges import Edge
from actions.milter.session import Trouble
from actions.sockets.path import Step
from actions.sockets.report import EdgeState
from actions.sockets.ways.way import Way

if TYPE_CHECKING:
    from actions.sockets.report import Cause

SOCKET = "/run/milter-manager/milter-manager.sock"

WALK = (
    Step("/", "folder", "root", "root", 0o755, "x", granted=True),
    Step("/run", "folder", "root", "root", 0o755, "x", granted=True),
    Step(
        "/run/milter-manager",
        "folder",
        "milter-manager",
        "milter-manager",
        0o755,
        "x",
        granted=True,
    ),
    Step(
        SOCKET,
        "socket",
        "milter-manager",
        "milter-manager",
        0o660,
        "w",
        granted=False,
        note="others have ---",
    ),
)


def edge(
    name: str = "smtpd:milter-manager", spec: str = f"unix:{SOCKET}", chroot: str = ""
) -> Edge:
    """Return an edge called *name* from Postfix to a milter."""
    client, _, service = name.partition(":")
    return Edge(
        name,
        client.partition("@")[0],
        "postfix",
        service,
        "postfix",
        "milter",
        spec,
        spec,
        chroot,
        "main.cf: smtpd_milters",
        effect="mail is deferred (451)",
    )


def works(name: str) -> EdgeState:
    """Return an edge that works."""
    one = edge(name, "inet:127.0.0.1:11332")
    told = Finding(Health.OK, f"{name} works", one.endpoint, name=f"sockets.{name}")
    return EdgeState(one, told, "", (), None, 0.0008)


def closed(
    name: str = "smtpd:milter-manager",
    *,
    cause: Cause = "group",
    steps: tuple[Step, ...] = WALK,
    health: Health = Health.DOWN,
    chroot: str = "",
) -> EdgeState:
    """Return an edge that does not work."""
    one = edge(name, chroot=chroot)
    remedy = Remedy("sockets.fix", (("edge", name),), "let postfix open it")
    told = Finding(
        health,
        f"{name.replace(':', ' → ')}: permission denied",
        one.endpoint,
        "why it is so",
        remedy,
        f"sockets.{name}",
    )
    trouble = Trouble("connection", "Permission denied")
    line = f"warning: connect to Milter service {one.spec}: Permission denied"
    return EdgeState(one, told, cause, steps, trouble, 0.0012, line)


WAYS = (
    Way(
        "setting",
        "the daemon's own setting",
        lasting=True,
        does=("SOCKET_GROUP=postfix in /etc/sysconfig/milter-manager", "restart milter-manager"),
        risk="mail is not filtered while it restarts",
        recommended=True,
    ),
    Way(
        "now",
        "the modes as they are now",
        lasting=False,
        does=(f"chgrp postfix {SOCKET}",),
        risk="gone when the daemon restarts",
    ),
)
