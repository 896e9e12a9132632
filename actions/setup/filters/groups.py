"""The checks of group memberships: who has to open a filter's socket, and lacks its group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.errors import HostError, UnknownAccount
from actions.settings.directives import CLAMAV
from actions.settings.text import text_of
from actions.setup.check import Result
from actions.setup.filters.daemons import CLAMAV_MILTER, MILTER_MANAGER, read
from actions.setup.filters.passage import NoGroup, NotTold, closed_groups
from actions.setup.filters.reach import (
    Client,
    asked_by_postfix,
    clamd_socket,
    has_manager,
    is_wanted,
    joining,
    manager_user,
    milter_sockets,
    needed_groups,
    require_roots,
)
from actions.setup.found import Found, FoundCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.setup.filters.reach import Socket


def of_clamav_milter(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether clamav-milter can open clamd's socket."""
    conf, socket = read(ctx.host, CLAMAV_MILTER), clamd_socket(ctx.host)
    if conf is None or socket is None:
        return
    asked = CLAMAV.all_of(conf.text, "ClamdSocket")
    user = CLAMAV.value(conf.text, "User")
    if user and not any(one.value.startswith("tcp:") for one in asked):
        require_roots(conf)
        client = Client(user, CLAMAV_MILTER)
        effect = "mail can't be scanned, and is deferred"
        yield from _edge(ctx.host, name, client, socket, effect, set())


def of_milter_manager(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether milter-manager can open the sockets of the milters behind it."""
    if not has_manager(ctx.host):
        return
    client = Client(manager_user(ctx.host), MILTER_MANAGER)
    asked = asked_by_postfix(ctx)
    told: set[str] = set()
    for socket in milter_sockets(ctx.host):
        if socket.path not in asked and is_wanted(ctx.host, socket.daemon) is not False:
            effect = f"{socket.daemon.name} is passed over, and mail goes unfiltered"
            yield from _edge(ctx.host, name, client, socket, effect, told)


def of_postfix(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether Postfix can open the sockets of the filters that it asks itself."""
    sockets = [one for one in milter_sockets(ctx.host) if one.path]
    asked = asked_by_postfix(ctx) if sockets else frozenset()
    client = Client(ctx.host.postfix.user() if asked else "", None)
    told: set[str] = set()
    for socket in sockets:
        if socket.path in asked:
            effect = f"Postfix gets Permission denied, and {socket.daemon.name} is not asked"
            yield from _edge(ctx.host, name, client, socket, effect, told)


def _edge(
    host: Host, name: str, client: Client, socket: Socket, effect: str, told: set[str]
) -> Iterator[Found]:
    """Yield what *client* lacks for *socket*; a group is told once (*told*)."""
    try:
        host.accounts.user(client.user)
    except UnknownAccount:
        return
    if not socket.path:
        return
    try:
        needed = closed_groups(host, socket, client.user)
    except FileNotFoundError:
        if socket.mode is None:
            return
        needed = _by_settings(host, client, socket)
    except NoGroup as error:
        step = f"let {socket.daemon.name}'s own settings open it: its checks tell how"
        yield _closed(name, socket, f"{client.user} can't open it: {error}: {effect}", step)
        return
    except NotTold as error:
        why = f"{error}: {client.user} is put into no group for it, or {socket.daemon.name}'s user "
        yield _closed(name, socket, f"{why}could choose any", error.step)
        return
    if not needed:
        wanted = f"{client.user} can open {socket.path}"
        yield Found(Result(name, "as wanted", socket.file, socket.line, wanted))
    for group, place in needed:
        if group not in told:
            told.add(group)
            yield _lacking(host, name, client, group, place, effect)


def _closed(name: str, socket: Socket, why: str, step: str) -> Found:
    wanted = "open to its group"
    result = Result(name, "deviates", socket.file, socket.line, socket.path, wanted, why)
    return Found(result._replace(unfixable=step, severe=True, about=socket.path))


def _by_settings(host: Host, client: Client, socket: Socket) -> tuple[tuple[str, str], ...]:
    """Return what *client* will lack, from the settings of a daemon that does not run."""
    if (socket.mode or 0) & 0o002:
        return ()
    groups = needed_groups(host, client.user, socket.owner, socket.group)
    return tuple((group, socket.path) for group in groups)


def _lacking(host: Host, name: str, client: Client, group: str, place: str, effect: str) -> Found:
    why = f"{client.user} can't open {place}, which is for group {group}: {effect}"
    file, line, found = _entry(host, group)
    result = Result(
        name,
        "deviates",
        file,
        line,
        found,
        f"{client.user} in group {group}",
        why,
        advice="it is taken up when the daemon starts",
        severe=True,
        about=group,
    )
    return Found(result, lambda ctx: tuple(joining(ctx.host, client, group)))


def _entry(host: Host, group: str) -> tuple[str, int, str]:
    """Return where /etc/group has *group*, and whom it has in it."""
    path = host.at("/etc/group")
    members = ", ".join(host.accounts.members(group)) or "nobody"
    try:
        lines = text_of(host.files.read(path)).split("\n")
    except HostError:
        lines = []
    line = next((at for at, one in enumerate(lines, 1) if one.startswith(f"{group}:")), 0)
    return (path if line else "", line, f"in group {group}: {members}")


CHECKS = (
    FoundCheck("postfix.groups", "Postfix may open its milters' sockets", of_postfix),
    FoundCheck("clamav-milter.groups", "clamav-milter may open clamd's socket", of_clamav_milter),
    FoundCheck(
        "milter-manager.groups",
        "milter-manager may open its milters' sockets",
        of_milter_manager,
    ),
)
