"""Who opens which socket of a filter, and which groups that takes.

What stands on the host counts; where a socket is not there, what the settings will make of it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import Membership, UnitOperation
from actions.host.endpoint import real_path
from actions.host.errors import HostError, UnknownAccount
from actions.mailhost.managed import CONFIGURATION, PROGRAM
from actions.mailhost.roles.site import option_of
from actions.mailhost.socket_owners import CHROOTED_SPAMASS
from actions.record import Record
from actions.settings import greylist, shell
from actions.settings.directives import CLAMAV
from actions.settings.directives import OPENDKIM as OPENDKIM_LINES
from actions.setup.filters.daemons import (
    CLAMAV_MILTER,
    CLAMD,
    MILTER_GREYLIST,
    MILTER_MANAGER,
    OPENDKIM,
    SPAMASS_MILTER,
    Configuration,
    Daemon,
    read,
    read_file,
    real,
    unit_of,
)
from actions.setup.filters.passage import inherited
from actions.setup.looking import looking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.plan import Change

MILTERS = (MILTER_GREYLIST, CLAMAV_MILTER, SPAMASS_MILTER, OPENDKIM)
"""The milters that milter-manager finds by itself."""

_POSTFIX_OPTIONS = "/etc/sysconfig/spamass-milter-postfix"
"""What EPEL's spamass-milter-postfix sets beside /etc/sysconfig/spamass-milter."""


class Client(Record):
    """Who opens a filter's socket."""

    user: str
    daemon: Daemon | None
    """The daemon that runs with the user's rights; None for Postfix."""


class Socket(Record):
    """A filter's socket, as its settings make it."""

    daemon: Daemon
    path: str
    """Where it really is; empty where it listens on a port."""
    spec: str
    file: str
    line: int
    mode: int | None
    """None where the settings do not say."""
    owner: str
    group: str


def has_manager(host: Host) -> bool:
    """Return whether a milter-manager is installed here."""
    return any(os.path.exists(host.at(path)) for path in (PROGRAM, CONFIGURATION))


def manager_user(host: Host) -> str:
    """Return with whose rights milter-manager opens the sockets of its children."""
    conf = read(host, MILTER_MANAGER)
    return (shell.value(conf.text, "USER") if conf else "") or "milter-manager"


def needed_groups(host: Host, client: str, owner: str, group: str) -> tuple[str, ...]:
    """Return which group *client* lacks for what only *owner* and *group* may open.

    Args:
        host: the host.
        client: the user who opens it.
        owner: the user to whom it belongs.
        group: its group; the primary one of *owner* where empty.
    """
    try:
        account = host.accounts.user(client)
        if not group:
            group = host.accounts.group_name(host.accounts.user(owner).gid)
        missing = host.accounts.group_id(group) not in account.groups
    except UnknownAccount:
        return ()
    return (group,) if missing and client not in {owner, "root"} else ()


def clients_join(host: Host, conf: Configuration, owner: str, group: str) -> Iterator[Change]:
    """Yield what lets those who ask a milter open a socket that is for its group.

    It is asked by milter-manager where there is one, else by Postfix.

    Args:
        host: the host.
        conf: the file that says so.
        owner: the user to whom its socket belongs.
        group: its socket's group; the primary one of *owner* where empty.

    Raises:
        HostError: others than root can write *conf*.
    """
    require_roots(conf)
    client = Client(host.postfix.user(), None)
    if has_manager(host):
        client = Client(manager_user(host), MILTER_MANAGER)
    for one in needed_groups(host, client.user, owner, group):
        yield from joining(host, client, one)


def joining(host: Host, client: Client, group: str) -> Iterator[Change]:
    """Yield what puts *client* into *group*, up to the service that runs with its rights."""
    yield Membership.planned(host, client.user, group)
    units = client.daemon.units if client.daemon else ("postfix.service",)
    for unit in units:
        state = host.units.state(unit)
        if state.known and state.activity == "active":
            # Postfix's services come and go; a daemon has its groups from its start.
            yield UnitOperation.planned(host, "restart" if client.daemon else "reload", unit)
            return


def require_roots(conf: Configuration) -> None:
    """Refuse to let anybody into a group for what others than root can have written.

    Raises:
        HostError: they can.
    """
    if not conf.is_roots:
        raise HostError(
            f"{conf.path}: others than root can write it, so nobody joins a group for what it "
            "says; let it belong to root, and look who changed it"
        )


def clamd_socket(host: Host) -> Socket | None:
    """Return clamd's socket; everybody may open it where no mode is set (clamd.conf(5))."""
    conf = read(host, CLAMD)
    if conf is None or not CLAMAV.value(conf.text, "LocalSocket"):
        return None
    socket = _of_clamav(host, conf, "LocalSocket", usual=0o666)
    return socket if conf.is_roots else socket._replace(owner="", group="")


def milter_sockets(host: Host) -> tuple[Socket, ...]:
    """Return the sockets of the milters that are set up here; raises `HostError`."""
    return tuple(_milter_sockets(host))


def _milter_sockets(host: Host) -> Iterator[Socket]:
    for daemon in MILTERS:
        conf = read(host, daemon)
        if conf is None:
            continue
        for socket in _sockets_of(host, daemon, conf):
            yield socket if conf.is_roots else socket._replace(owner="", group="")


def _sockets_of(host: Host, daemon: Daemon, conf: Configuration) -> Iterator[Socket]:
    if daemon is MILTER_GREYLIST:
        yield from _of_greylist(host, conf)
    elif daemon is CLAMAV_MILTER and CLAMAV.value(conf.text, "MilterSocket"):
        yield _of_clamav(host, conf, "MilterSocket", usual=None)
    elif daemon is SPAMASS_MILTER:
        yield from _of_spamass(host, conf)
    elif daemon is OPENDKIM:
        yield from _of_opendkim(host, conf)


def _of_clamav(host: Host, conf: Configuration, name: str, usual: int | None) -> Socket:
    found = CLAMAV.in_force(conf.text, name)
    value, line = (found.value, found.line) if found else ("", 0)
    mode = CLAMAV.value(conf.text, f"{name}Mode")
    return Socket(
        conf.daemon,
        _path(host, value),
        _spec(value),
        conf.path,
        line,
        _octal(mode) if mode else usual,
        CLAMAV.value(conf.text, "User"),
        CLAMAV.value(conf.text, f"{name}Group"),
    )


def _of_greylist(host: Host, conf: Configuration) -> Iterator[Socket]:
    found = greylist.in_force(conf.text, "socket")
    if found is not None and found.argument(1):
        owner, _, group = greylist.value(conf.text, "user").partition(":")
        value, mode = found.argument(1), _octal(found.argument(2))
        place = _path(host, value)
        group = inherited(host, place) or group
        yield Socket(conf.daemon, place, _spec(value), conf.path, found.line, mode, owner, group)


def _of_spamass(host: Host, conf: Configuration) -> Iterator[Socket]:
    further = read_file(host, SPAMASS_MILTER, _POSTFIX_OPTIONS)
    found = next(
        (
            (one, setting)
            for one in (further, conf)
            if one and (setting := shell.in_force(one.text, "SOCKET")) and setting.value
        ),
        None,
    )
    if found:
        one, setting = found
        value, file, line = setting.value, one.path, setting.line
    elif "/default/" in conf.path:
        value, file, line = host.at(CHROOTED_SPAMASS), conf.path, 0
    else:
        return
    owner, _, group = (shell.value(conf.text, "SOCKETOWNER") or "postfix:postfix").partition(":")
    mode = _octal(shell.value(conf.text, "SOCKETMODE") or "0660")
    if "/sysconfig/" in conf.path:
        # spamass-milter -g GROUP makes the socket 0660 for the group (spamass-milter(1)).
        options = f"{shell.value(further.text, 'SOCKET_OPTIONS') if further else ''} "
        words = shell.words(options + shell.value(conf.text, "EXTRA_FLAGS"))
        group = option_of(words, "-g")
        owner, mode = "sa-milt", 0o660 if group else None
    yield Socket(conf.daemon, _path(host, value), _spec(value), file, line, mode, owner, group)


def _of_opendkim(host: Host, conf: Configuration) -> Iterator[Socket]:
    found = OPENDKIM_LINES.in_force(conf.text, "Socket")
    if found is not None and found.value:
        mask = _octal(OPENDKIM_LINES.value(conf.text, "UMask"))
        owner, _, group = OPENDKIM_LINES.value(conf.text, "UserID").partition(":")
        mode = 0o777 & ~mask if mask is not None else None
        place, spec = _path(host, found.value), _spec(found.value)
        group = inherited(host, place) or group
        yield Socket(conf.daemon, place, spec, conf.path, found.line, mode, owner, group)


def asked_by_postfix(ctx: Context) -> frozenset[str]:
    """Return the sockets that Postfix's own chains name, where they really are."""
    chains = looking(ctx).discovery().chains
    endpoints = (link.endpoint for chain in chains for link in chain.chain.links)
    return frozenset(real_path(one.place) for one in endpoints if one.family == "unix")


def is_wanted(host: Host, daemon: Daemon) -> bool | None:
    """Return whether *daemon* runs or starts at boot; None where that can't be told."""
    state = unit_of(host, daemon)
    if state is None:
        return None
    return state.activity in {"active", "changing"} or bool(state.enabled)


def _octal(text: str) -> int | None:
    try:
        return int(text, 8) if text else None
    except ValueError:
        return None


def _path(host: Host, value: str) -> str:
    for prefix in ("unix:", "local:"):
        value = value.removeprefix(prefix)
    return real(host, value) if value.startswith("/") else ""


def _spec(value: str) -> str:
    value = value.removeprefix("local:")
    return f"unix:{value}" if value.startswith("/") else value
