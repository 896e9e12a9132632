"""The plan that lets Postfix open a milter's socket, by the setting that makes it last."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit, Membership, UnitOperation
from actions.finding import Health
from actions.plan import Plan, Proof
from actions.record import Record
from actions.sockets.check import check_sockets
from actions.sockets.path import Step, failing
from actions.sockets.settings import SOCKET_OWNERS, Setting, SocketOwner, value_of, with_setting

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import Account, Host
    from actions.plan import Change
    from actions.sockets.report import Edge


class _Found(Record):
    """The daemon behind a socket, and the file that tells it so."""

    owner: SocketOwner
    file: str
    text: str
    socket: str


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
    if step is None or step.kind == "missing":
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
    for owner in SOCKET_OWNERS:
        for candidate in owner.files:
            file = host.at(candidate)
            if not os.path.exists(file):
                continue
            text = host.files.read(file).decode("utf-8", "surrogateescape")
            named = value_of(text, owner.path)
            if named and os.path.realpath(named) == os.path.realpath(path):
                return _Found(owner, file, text, named)
    raise ActionError(
        f"no known daemon's settings name the socket {path}",
        Exit.PROBLEM,
        "find the daemon that makes it, and let its own setting give postfix write access",
    )


def _changes(host: Host, found: _Found, step: Step, client: Account) -> tuple[Change, ...]:
    """Return the edits, what they need besides, and the restart that takes them up."""
    owner = found.owner
    edits: list[tuple[Setting, str]] = []
    further: list[Change] = []
    if owner.mode:
        edits.append((owner.mode, owner.open_to_group))
    if not _is_owner_or_member(host, step, client):
        if owner.group:
            edits.append((owner.group, host.accounts.group_name(client.gid)))
        else:
            further += [
                Membership.planned(host, client.name, step.group),
                UnitOperation.planned(host, "reload", "postfix.service"),
            ]
    text = found.text
    for setting, value in edits:
        text = with_setting(text, setting, value, found.socket)
    changes: list[Change] = []
    if text != found.text:
        content = text.encode("utf-8", "surrogateescape")
        changes.append(FileEdit.planned(host, found.file, content))
    restart = UnitOperation.planned(
        host, "restart", f"{owner.unit}.service", note="mail is not filtered while it restarts"
    )
    return (*changes, restart, *further)


def _is_owner_or_member(host: Host, step: Step, client: Account) -> bool:
    return step.owner == client.name or step.group in {
        host.accounts.group_name(gid) for gid in client.groups
    }
