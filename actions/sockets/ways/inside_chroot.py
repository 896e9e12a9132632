"""The socket in a folder of its own below Postfix's queue directory, by a relative path.

``unix:NAME/NAME.sock`` is right for services of Postfix in its chroot and for others. The folder
belongs to the daemon and gives Postfix's group to the socket that is made in it (its group bit).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import Folder, Ownership
from actions.host.endpoint import UNIX_PATH_LIMIT, real_path, same_socket
from actions.settings import ruby
from actions.sockets.ways.daemons.manager import check_of, own_file
from actions.sockets.ways.draft import Draft
from actions.sockets.ways.groups import clients_of, common_group, daemon_users
from actions.sockets.ways.postfix import exchanged, place_of, proof_at
from actions.sockets.ways.setting import opener_of
from actions.sockets.ways.settled import moved, require_unit, restarted, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Account
    from actions.mailhost.edges import Edge
    from actions.plan import Change
    from actions.sockets.ways.case import Case

NAME = "chroot"

_CAUSES = {"chroot", "group", "write", "folder", "no-transport"}
_MODE = 0o2750


def offer(case: Case) -> Offer | None:
    """Return what moves the socket to the queue directory, and tells both its ends.

    Raises:
        Declined: the daemon's settings are not known here, or another client could not follow.
    """
    edge, service = case.edge, case.service
    if not case.is_postfix or edge.speech != "milter" or case.state.cause not in _CAUSES:
        return None
    old = _own_socket(case)
    queue = case.host.postfix.setting("queue_directory").rstrip("/")
    is_inside = real_path(old).startswith(f"{real_path(queue)}/")
    if service is None or case.client is None or not old or is_inside:
        return None
    require_unit(case)
    name = service.name
    path, spec = f"{queue}/{name}/{name}.sock", f"unix:{name}/{name}.sock"
    if len(path.encode()) > UNIX_PATH_LIMIT:
        raise Declined(f"{path} is too long for a socket")
    others = _others(case, old)
    clients = clients_of(case, others)
    managers = _managers(edge, others)
    group = common_group(case, clients)
    draft = _told_of(case, path, group, clients, managers)
    edits, does = exchanged(case, lambda one: _is_old(one, edge, old, queue), spec)
    changes = (
        *_folder(case, f"{queue}/{name}", group),
        *moved(case, (*draft.changes(), *edits), f"unix:{path}", joined=draft.joined),
        *(change for one in managers for change in _asked_again(case, one)),
    )
    way = Way(
        NAME,
        f"the socket at {spec}, which Postfix sees in its chroot too",
        lasting=True,
        does=(f"folder {queue}/{name} for {name}", *draft.does, *does, *_services(changes)),
        risk=f"what else connects to {old} must be told of the new place",
    )
    return Offer(way, changes, proof_at(case, f"unix:{path}", name))


def _told_of(
    case: Case,
    path: str,
    group: str,
    clients: tuple[Account, ...],
    managers: tuple[Edge, ...],
) -> Draft:
    """Return the edits by which the daemon and the managers that ask it know of *path*."""
    opener = opener_of(case)
    if opener.moves is None:
        raise Declined(f"no setting of {opener.name} moves its socket")
    draft = Draft(case)
    opener.moves(draft, path, group)
    if opener.keeps_own_group:
        _let_in(case, draft, clients)
    for manager in managers:
        _follow(draft, manager, path)
    return draft


def _services(changes: tuple[Change, ...]) -> tuple[str, ...]:
    """Return what *changes* do to services; who joins which group is told already."""
    return told(tuple(one for one in changes if one.kind != "join"))


def _own_socket(case: Case) -> str:
    """Return the path that the daemon's own settings give its socket; empty for a port."""
    for listener in case.service.listeners if case.service else ():
        if listener.speech == "milter" and not listener.source.endswith("_milters"):
            return listener.spec.removeprefix("unix:") if listener.spec[:5] == "unix:" else ""
    return ""


def _is_old(spec: str, edge: Edge, old: str, queue: str) -> bool:
    """Return whether *spec* of Postfix's names the socket as it was."""
    if spec == edge.spec:
        return True
    place = place_of(spec, queue, chroot=False)
    return bool(place) and same_socket(f"unix:{place}", f"unix:{old}")


def _folder(case: Case, path: str, group: str) -> Iterator[Change]:
    """Yield what makes the folder be the daemon's, for *group*."""
    owner = next(iter(daemon_users(case)), "root")
    accounts = case.host.accounts
    there = case.host.files.state(path)
    if there.kind == "absent":
        yield Folder.planned(case.host, path, mode=_MODE, owner=owner, group=group)
        return
    if there.kind != "folder":
        raise Declined(f"{path} is there already, and is no folder")
    wanted = (_MODE, accounts.user(owner).uid, accounts.group_id(group))
    if (there.mode, there.uid, there.gid) != wanted:
        yield Ownership.planned(case.host, path, owner=owner, group=group, mode=_MODE)


def _others(case: Case, old: str) -> tuple[Edge, ...]:
    """Return the other edges to the socket: at its place, and where this client looks for it."""
    at = (one for one in case.edges if one.endpoint and same_socket(one.endpoint, f"unix:{old}"))
    return tuple(dict.fromkeys(one for one in (*case.beside, *at) if one.name != case.edge.name))


def _let_in(case: Case, draft: Draft, clients: tuple[Account, ...]) -> None:
    """Let the clients into the daemon's own group, where it gives its socket that anyhow."""
    users = daemon_users(case)
    if users:
        accounts = case.host.accounts
        group = accounts.group_name(accounts.user(users[0]).gid)
        for client in clients:
            draft.join(client.name, group)


def _managers(edge: Edge, others: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Return the edges of a milter-manager that asks the socket too; raises `Declined`."""
    found = tuple(one for one in others if one.client_service != edge.client_service)
    strange = next((one for one in found if one.client_service != "milter-manager"), None)
    if strange is not None:
        raise Declined(f"{strange.client} connects to it too, and where is not told from here")
    return found


def _follow(draft: Draft, manager: Edge, path: str) -> None:
    """Tell a milter-manager of the new place.

    Raises:
        Declined: its own file does not name the old one, so it would go on asking there.
    """
    file = own_file(draft)
    text = before = draft.text(file) or ""
    for block in ruby.blocks(text):
        named = ruby.value(text, block.name, "connection_spec")
        if named and same_socket(named, manager.endpoint):
            after = ruby.with_value(text, block.name, "connection_spec", f"unix:{path}")
            draft.edit(file, after, f'connection_spec = "unix:{path}" of {block.name}')
            text = after
    if text == before:
        raise Declined(
            f"{manager.client} asks it too, and {file} does not say where",
            f"tell {manager.client} the new place where its configuration names the old one",
        )
    draft.check(check_of(draft.host, manager.user))


def _asked_again(case: Case, manager: Edge) -> Iterator[Change]:
    service = case.named(manager.client_service)
    if service is not None:
        yield from restarted(case, service)
