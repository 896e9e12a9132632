"""The plan that lets Postfix open a milter's socket, by the setting that makes it last."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit, Membership, UnitOperation
from actions.finding import Health
from actions.host.endpoint import real_path
from actions.host.errors import HostError
from actions.mailhost.socket_owners import (
    SOCKET_OWNERS,
    Setting,
    SocketOwner,
    socket_path,
    with_setting,
)
from actions.plan import Plan, Proof
from actions.record import Record
from actions.sockets.check import check_sockets
from actions.sockets.path import Step, failing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.kept import Kept
    from actions.host.ports import Account, Host
    from actions.plan import Change
    from actions.sockets.report import Edge


class _Found(Record):
    """The daemon behind a socket, and the file that tells it so."""

    owner: SocketOwner
    file: str
    kept: Kept
    socket: str

    @property
    def text(self) -> str:
        """What the file says."""
        return _text(self.kept)


def plan_fix(ctx: Context, milter: str) -> Plan:
    """Return the plan that lets Postfix's user open the socket of *milter*.

    Raises:
        ActionError: the socket is not what stands in the way, or nobody knows whose it is.
    """
    edge = check_sockets(ctx, (milter,)).edges[0]
    title = f"Let Postfix open {edge.name}'s socket"
    arguments = {"milter": milter}
    if edge.finding.health is Health.OK:
        return Plan(title, "sockets.fix", arguments, "it is open already: nothing to do", ())
    if edge.finding.health is Health.UNKNOWN:
        raise ActionError(
            f"{edge.finding.what}: {edge.finding.why}", Exit.NOT_PERMITTED, "run it as root"
        )
    step = _denied_at(edge)
    found = _daemon_behind(ctx.host, step.path)
    changes = _changes(ctx.host, found, step, ctx.host.accounts.user(edge.client))
    proof = Proof(
        f"connect and negotiate with {edge.name} as {edge.client}, after the restart",
        "sockets.check",
        {"milter": (milter,)},
    )
    return Plan(title, "sockets.fix", arguments, edge.finding.why, changes, proof)


def _denied_at(edge: Edge) -> Step:
    step = failing(edge.steps)
    if step is None or not step.needs:
        raise ActionError(
            f"{edge.finding.what}: permissions are not what stands in the way",
            Exit.PROBLEM,
            _next_step(edge),
        )
    if step.kind != "socket":
        raise ActionError(
            f"{edge.client} can't pass {step.path} (needs {step.needs}, {step.note})",
            Exit.PROBLEM,
            "open that folder to the client's group; only sockets are mended here",
        )
    return step


def _next_step(edge: Edge) -> str:
    step = failing(edge.steps)
    if step:
        return f"start the service that makes {step.path}"
    return f"test it by itself: console run chain.test --milter {edge.endpoint}"


def _daemon_behind(host: Host, path: str) -> _Found:
    """Return the daemon whose settings name the socket at *path*.

    Raises:
        ActionError: none does, or a link stands where the socket should be.
    """
    for one in (told for owner in SOCKET_OWNERS for told in _told_by(host, owner)):
        if os.path.realpath(one.socket) != os.path.realpath(path):
            continue
        # A link of root's own, such as /var/run, is gone from this; one that is left is another's.
        own = real_path(one.socket)
        if own != os.path.realpath(own) or os.path.islink(one.socket):
            raise ActionError(
                f"{one.socket} is a link to {path}, not the daemon's own socket",
                Exit.PROBLEM,
                "find out who made it; a milter's user can put one there",
            )
        return one
    raise ActionError(
        f"no known daemon's settings name the socket {path}",
        Exit.PROBLEM,
        "find the daemon that makes it, and let its own setting give postfix write access",
    )


def _told_by(host: Host, owner: SocketOwner) -> Iterator[_Found]:
    """Yield what the settings of *owner* say; a file that can't be read says nothing."""
    for candidate in owner.files:
        try:
            file = host.files.resolve(host.at(candidate))
            kept = host.files.keep(file)
        except HostError:
            continue
        named = socket_path(_text(kept), owner) if kept else ""
        if kept and named:
            yield _Found(owner, file, kept, named)
            return


def _text(kept: Kept) -> str:
    return kept.content.decode("utf-8", "surrogateescape")


def _changes(host: Host, found: _Found, step: Step, client: Account) -> tuple[Change, ...]:
    """Return the edits, what they need besides, and the restart that takes them up."""
    owner = found.owner
    edits: list[tuple[Setting, str]] = []
    further: list[Change] = []
    if owner.mode:
        edits.append((owner.mode, owner.open_to_group))
    # Where no setting gives the mode, the group is all that a setting can mend.
    if not owner.mode or not _is_owner_or_member(host, step, client):
        if owner.group:
            edits.append((owner.group, host.accounts.group_name(client.gid)))
        else:
            _require_own_group(host, step)
            further += [
                Membership.planned(host, client.name, step.group),
                UnitOperation.planned(host, "reload", "postfix.service"),
            ]
    text = found.text
    for setting, value in edits:
        text = with_setting(text, setting, value)
    changes: list[Change] = []
    if text != found.text:
        content = text.encode("utf-8", "surrogateescape")
        after = found.kept._replace(content=content)
        changes.append(FileEdit(found.file, found.kept, after))
    restart = UnitOperation.planned(
        host, "restart", f"{owner.unit}.service", note="mail is not filtered while it restarts"
    )
    return (*changes, restart, *further)


def _require_own_group(host: Host, step: Step) -> None:
    """Refuse to put anybody into a group that is more than the daemon's own."""
    owner = host.accounts.user(step.owner)
    if owner.uid == 0 or host.accounts.group_name(owner.gid) != step.group:
        raise ActionError(
            f"{step.path} belongs to {step.owner}:{step.group}, which is not a group of the "
            "daemon's own; joining it would open more than this socket",
            Exit.PROBLEM,
            "let the daemon make its socket with a group of its own, then try again",
        )


def _is_owner_or_member(host: Host, step: Step, client: Account) -> bool:
    return step.owner == client.name or step.group in {
        host.accounts.group_name(gid) for gid in client.groups
    }
