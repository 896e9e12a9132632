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
from actions.host.errors import HostError
from actions.mailhost.chain import configured_chain, connector_as, links
from actions.milter.link import ChainSettings, Link, open_session
from actions.milter.session import Trouble, trouble_of
from actions.milter.transport import Timeouts
from actions.sockets.path import Step, failing, walk
from actions.sockets.report import Edge, SocketsReport

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import Account

PATIENCE = 5.0
"""Seconds that a healthy milter has for connecting and negotiating."""


def check_sockets(ctx: Context, milters: tuple[str, ...]) -> SocketsReport:
    """Look at the edge from Postfix to each of *milters*, or of its configured chain.

    Raises:
        ActionError: a specification names no endpoint, or the chain can't be read.
    """
    specs = milters or _configured(ctx)
    user = ctx.host.postfix.user()
    timeouts = Timeouts(*(PATIENCE,) * 5)
    try:
        chain = links(specs, connector_as(ctx.host, user))
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
    trouble, health = _proof(ctx, link)
    finding = _finding(link, account, trouble, health, steps)
    return Edge(
        link.name,
        link.endpoint.spec,
        account.name,
        finding,
        steps,
        trouble,
        time.monotonic() - started,
    )


def _configured(ctx: Context) -> tuple[str, ...]:
    specs = configured_chain(ctx.host).specs
    if not specs:
        raise ActionError(
            "Postfix on this host uses no milter (smtpd_milters is empty)",
            Exit.USAGE,
            "name one with --milter unix:/path/to/socket",
        )
    return specs


def _proof(ctx: Context, link: Link) -> tuple[Trouble | None, Health]:
    """Connect and negotiate; not being allowed to become the client is no fault of the edge."""
    try:
        socket = link.connector(link.endpoint, PATIENCE)
    except HostError as error:
        return Trouble("connection", str(error)), Health.UNKNOWN
    except OSError as error:
        return trouble_of(error), Health.DOWN
    opened_link = link._replace(connector=lambda _endpoint, _timeout: socket)
    settings = ChainSettings({}, cancel=ctx.cancel)
    session, opened = open_session(opened_link, settings, time.monotonic() + 2 * PATIENCE)
    if session:
        session.quit()
        return None, Health.OK
    return opened.trouble, Health.DOWN


def _finding(
    link: Link,
    account: Account,
    trouble: Trouble | None,
    health: Health,
    steps: tuple[Step, ...],
) -> Finding:
    edge = f"{account.name} → {link.name}"
    if trouble is None:
        return Finding(Health.OK, f"{edge} works", link.endpoint.spec)
    broken = failing(steps)
    if health is Health.UNKNOWN:
        seen = f"; by its modes {broken.path} would stop it ({broken.note})" if broken else ""
        return Finding(health, f"{edge}: not proved", link.endpoint.spec, trouble.text + seen)
    if broken is None or not broken.needs:
        why = f"{broken.path} {broken.note}" if broken else trouble.text
        return Finding(health, f"{edge}: {trouble.text}", link.endpoint.spec, why)
    why = (
        f"connecting as {account.name}: permission denied on {broken.path} "
        f"(needs {broken.needs}, {broken.note}; {broken.owner}:{broken.group} {broken.mode:04o})"
    )
    remedy = None
    if broken.kind == "socket":
        arguments = (("milter", link.endpoint.spec),)
        remedy = Remedy("sockets.fix", arguments, f"let {account.name} open {link.name}'s socket")
    return Finding(Health.DOWN, f"{edge}: permission denied", link.endpoint.spec, why, remedy)
