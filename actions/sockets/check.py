"""The look at each edge from Postfix to a milter: walk its path, then prove it by asking.

The proof is a connection and a negotiation with the rights of the client user; the walk only
explains what the proof met.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.finding import Finding, Health, Remedy
from actions.host.endpoint import BadEndpoint
from actions.host.errors import HostError, NotPermitted
from actions.mailhost.asking import negotiate, refusal
from actions.mailhost.chain import connector_as, links
from actions.mailhost.discovery import discover, find_chain
from actions.milter.session import Trouble, trouble_of
from actions.milter.transport import Timeouts
from actions.record import Record
from actions.sockets.path import Step, failing, walk
from actions.sockets.report import Edge, SocketsReport

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import Account
    from actions.milter.link import Link
    from actions.milter.transport import Connector

PATIENCE = 5.0
"""Seconds that a healthy milter has for connecting and negotiating."""


def check_sockets(ctx: Context, milters: tuple[str, ...]) -> SocketsReport:
    """Look at the edge from Postfix to each of *milters*, or of its configured chain.

    Raises:
        ActionError: a specification names no endpoint, or the chain can't be read.
    """
    user = ctx.host.postfix.user()
    timeouts = Timeouts(*(PATIENCE,) * 5)
    connector = connector_as(ctx.host, user)
    try:
        chain = links(milters, connector) if milters else _configured(ctx, connector)
    except BadEndpoint as error:
        raise ActionError(f"--milter {error}", Exit.USAGE) from error
    account = ctx.host.accounts.user(user)
    edges = []
    for link in chain:
        ctx.check()
        edges.append(look_at(ctx, link._replace(timeouts=timeouts), account))
    return SocketsReport(tuple(edges))


def look_at(ctx: Context, link: Link, account: Account) -> Edge:
    """Look at one edge."""
    steps: tuple[Step, ...] = ()
    if link.endpoint.family == "unix":
        steps = walk(ctx.host.accounts, link.endpoint.place, account)
    started = time.monotonic()
    proof = _proof(ctx, link)
    finding = _finding(link, account, proof, steps)
    return Edge(
        link.name,
        link.endpoint.spec,
        account.name,
        finding,
        steps,
        proof.trouble,
        time.monotonic() - started,
    )


def _configured(ctx: Context, connector: Connector) -> tuple[Link, ...]:
    """Return the milters of mail from outside, each where a chrooted smtpd has its socket."""
    found = find_chain(discover(ctx.host, connector, only=""))
    if found is None or not found.chain.links:
        raise ActionError(
            "Postfix on this host uses no milter (smtpd_milters is empty)",
            Exit.USAGE,
            "name one with --milter unix:/path/to/socket",
        )
    return found.chain.links


class _Proof(Record):
    trouble: Trouble | None
    health: Health
    needs_root: bool = False


def _proof(ctx: Context, link: Link) -> _Proof:
    """Connect and negotiate; not being allowed to become the client is no fault of the edge."""
    try:
        socket = link.connector(link.endpoint, PATIENCE)
    except HostError as error:
        needs_root = isinstance(error, NotPermitted)
        return _Proof(Trouble("connection", str(error)), Health.UNKNOWN, needs_root)
    except OSError as error:
        is_edges = isinstance(error, PermissionError) or bool(refusal(error))
        return _Proof(trouble_of(error), Health.DOWN if is_edges else Health.UNKNOWN)
    opened = negotiate(link, socket, time.monotonic() + 2 * PATIENCE, ctx.cancel)
    return _Proof(opened.trouble, Health.DOWN if opened.trouble else Health.OK)


def _finding(link: Link, account: Account, proof: _Proof, steps: tuple[Step, ...]) -> Finding:
    trouble, health = proof.trouble, proof.health
    edge = f"{account.name} → {link.name}"
    name = f"sockets.{account.name}.{link.name}"
    if trouble is None:
        return Finding(Health.OK, f"{edge} works", link.endpoint.spec, name=name)
    broken = failing(steps)
    if health is Health.UNKNOWN:
        seen = f"; by its modes {broken.path} would stop it ({broken.note})" if broken else ""
        why = trouble.text + seen
        what = f"{edge}: not proved"
        return Finding(health, what, link.endpoint.spec, why, None, name, proof.needs_root)
    if broken is None or not broken.needs:
        why = f"{broken.path} {broken.note}" if broken else trouble.text
        return Finding(health, f"{edge}: {trouble.text}", link.endpoint.spec, why, name=name)
    why = (
        f"connecting as {account.name}: permission denied on {broken.path} "
        f"(needs {broken.needs}, {broken.note}; {broken.owner}:{broken.group} {broken.mode:04o})"
    )
    remedy = None
    if broken.kind == "socket":
        arguments = (("milter", link.endpoint.spec),)
        remedy = Remedy("sockets.fix", arguments, f"let {account.name} open {link.name}'s socket")
    what = f"{edge}: permission denied"
    return Finding(Health.DOWN, what, link.endpoint.spec, why, remedy, name)
