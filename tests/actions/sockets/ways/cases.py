"""Closed edges in a folder: real files, real sockets, and a table of services."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actions.finding import Finding, Health
from actions.mailhost.edges import Edge
from actions.mailhost.service import Listener, MailService
from actions.sockets.path import walk
from actions.sockets.report import EdgeState
from actions.sockets.ways.case import Case
from tests.actions.setup.filters.tree import TreeHost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from actions.mailhost.service import Speech
    from actions.sockets.report import Cause
    from actions.sockets.ways.way import Offer

USERS = {"postfix": 13001, "filter": 13002, "manager": 13003, "stranger": 13004}


def tree(folder: Path) -> TreeHost:
    """Return a host in *folder*, with Postfix, a filter's user, and a milter-manager's."""
    numbers = {"root": 0, "mail": 13009, **USERS}
    etc = folder / "etc"
    etc.mkdir()
    (etc / "passwd").write_text(
        "".join(f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in numbers.items())
    )
    (etc / "group").write_text("".join(f"{name}:x:{gid}:\n" for name, gid in numbers.items()))
    return TreeHost(str(folder), "rhel")


def write(host: TreeHost, path: str, text: str) -> None:
    """Put *text* into the file *path*, with the folder of the host for ``@ROOT@``."""
    file = host.path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("@ROOT@", host.root))


@contextmanager
def listening(
    host: TreeHost, path: str, mode: int, owner: str = "filter", group: str = ""
) -> Iterator[None]:
    """Have a socket at *path*, in a folder that everybody may pass."""
    place = host.path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        place.chmod(mode)
        os.chown(place, USERS[owner], host.accounts.group_id(group or owner))
        yield


def case_at(
    host: TreeHost,
    service: str,
    path: str,
    *,
    cause: Cause = "write",
    user: str = "postfix",
    speech: Speech = "milter",
    configuration: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
    runs_as: str = "filter",
) -> Case:
    """Return the edge from *user* to the socket of *service* at *path*, as it is now.

    Args:
        host: the folder.
        service: who makes the socket; empty for nobody knows.
        path: of the socket.
        cause: what the look told.
        user: who connects.
        speech: what is spoken there.
        configuration: the files that the service's unit names.
        beside: users who connect there too.
        runs_as: the service's user.
    """
    spec = f"unix:{host.at(path)}"
    postfix = user == "postfix"
    client = "postfix" if postfix else "milter-manager"
    name = f"{'smtpd' if postfix else client}:{service}"
    edge = Edge(name, name.partition(":")[0], client, service, user, speech, spec, spec)
    others = tuple(edge._replace(name=f"{one}:{service}", user=one) for one in beside)
    steps = walk(host.accounts, host.at(path), host.accounts.user(user))
    finding = Finding(Health.DOWN, f"{name}: permission denied", spec)
    state = EdgeState(edge, finding, cause, steps, None, 0.0)
    unit = f"{service}.service"
    host.services.table[unit] = ("active", True)
    made = MailService(
        service,
        "milter",
        unit,
        user=runs_as,
        listeners=(Listener(spec, speech, client=user, source="its own"),),
        configuration=configuration,
    )
    mta = MailService("postfix", "MTA", "postfix.service", user="postfix")
    services = (mta, made) if service else (mta,)
    account = host.accounts.user(user)
    known = made if service else None
    state_of_unit = host.units.state(unit) if service else None
    return Case(host, state, account, known, state_of_unit, services, (edge, *others))


def changed(offer: Offer | None) -> list[str]:
    """Return the lines that an offer adds and takes away, and what it does besides, in short."""
    assert offer is not None
    told = []
    for change in offer.changes:
        if change.kind in {"edit", "create"}:
            told += [f"{line.sign}{line.text}" for line in change.lines() if line.sign in "+-"]
        elif change.kind != "wait":
            told.append(f"{change.kind} {change.target}")
    return [line for line in told if not line.startswith("+(mode")]
