"""Which milters an action asks, opened as whom: those that were named, or this host's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.request import Mta, usage
from actions.finding import Health
from actions.host.endpoint import BadEndpoint
from actions.host.errors import HostError, UnknownAccount
from actions.mailhost.chain import connector_as, links
from actions.milter.transport import connect
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.mailhost.managed import Manager
    from actions.milter.link import Link


class Found(Record):
    """A chain to ask."""

    links: tuple[Link, ...]
    mta: Mta
    as_user: str
    """Whose rights open the sockets; empty for our own."""
    own: bool
    """Whether Postfix's settings on this host name the milters."""
    submitted: bool = False
    """Whether Postfix asks them about mail that is handed in on this host, without SMTP."""
    managers: tuple[Manager, ...] = ()
    """Those of the milters that are milter-managers, with the milters behind each."""
    refusals: tuple[str, ...] = ()
    """What Postfix does not accept in its settings for these milters, and what it does then."""
    oddities: tuple[str, ...] = ()
    """What else is odd in those settings."""
    passed_over: tuple[str, ...] = ()
    """Milters that Postfix does not accept, and does without."""
    service: str = ""
    """Whose chain it is, where it is the host's own."""


def found_chain(ctx: Context, specs: tuple[str, ...], as_user: str, service: str = "") -> Found:
    """Return the milters that *specs* name, or without any those of this host's Postfix.

    Args:
        ctx: the host.
        specs: where the milters listen.
        as_user: with whose rights the sockets are opened; empty for Postfix's user where this
            is root and the milters are the host's own, else for ours.
        service: whose chain of the host's own; empty for that of mail from outside.

    Raises:
        ActionError: there are none, they can't be read, or not be opened as *as_user*.
    """
    _check_user(ctx, as_user)
    if specs and service:
        raise usage("--chain names milters of this host, --milter others: give one of the two")
    return _given_chain(ctx, specs, as_user) if specs else _own_chain(ctx, as_user, service)


def _check_user(ctx: Context, user: str) -> None:
    if not user:
        return
    try:
        account = ctx.host.accounts.user(user)
    except UnknownAccount as error:
        raise usage(f"--as-user: {error}") from error
    if os.geteuid() not in {0, account.uid}:
        raise ActionError(
            f"--as-user {user}: only root may open sockets with another user's rights",
            Exit.NOT_PERMITTED,
            "run it as root",
        )


def _given_chain(ctx: Context, specs: tuple[str, ...], as_user: str) -> Found:
    connector = connector_as(ctx.host, as_user) if as_user else connect
    try:
        chain = links(specs, connector)
    except BadEndpoint as error:
        raise usage(f"--milter {error}") from error
    return Found(chain, Mta(ctx.host.name, ctx.host.name), as_user, own=False)


def _own_chain(ctx: Context, as_user: str, service: str) -> Found:
    """Return the milters of this host's Postfix, opened as its own user where that is possible."""
    from actions.mailhost.discovery import discover, find_chain
    from actions.mailhost.specs import PASSED_OVER

    elsewhere = "name one with --milter unix:/path/to/socket"
    try:
        user = as_user or (ctx.host.postfix.user() if os.geteuid() == 0 else "")
        connector = connector_as(ctx.host, user) if user else connect
        discovery = discover(ctx.host, connector, only=service)
    except HostError as error:
        raise ActionError(
            f"the milters of this host can't be read: {error}", Exit.UNDECIDED, elsewhere
        ) from error
    found = find_chain(discovery, service)
    if found is None:
        names = " or ".join(chain.name for chain in discovery.chains)
        next_step = f"name {names}" if names else elsewhere
        raise usage(f"--chain: Postfix takes in no mail by {service!r}", next_step)
    down = [finding for finding in found.findings if finding.health is Health.DOWN]
    refusals = tuple(f"{finding.what}: {finding.why}" for finding in down)
    others = [f"{one.what}: {one.why}" for one in found.findings if one not in down]
    own = found.chain
    if not own.links:
        where = f"for {found.name}" if service else "for mail from outside"
        if refusals:
            raise ActionError(
                f"Postfix on this host accepts no milter {where}: {refusals[0]}",
                Exit.UNDECIDED,
                "see all of them: console run chain.discover",
            )
        why = f" ({found.off})" if found.off else ""
        raise ActionError(
            f"Postfix on this host uses no milter {where}{why}", Exit.USAGE, elsewhere
        )
    defaults = {name: value.encode() for name, value in own.macro_defaults}
    mta = Mta(own.hostname, own.daemon_name, own.version, own.macro_lists, defaults)
    return Found(
        own.links,
        mta,
        user,
        own=True,
        submitted=found.kind == "non_smtpd",
        managers=found.managers,
        refusals=refusals,
        oddities=tuple(line for line in others if not line.endswith(PASSED_OVER)),
        passed_over=tuple(line for line in others if line.endswith(PASSED_OVER)),
        service=found.name,
    )


def rights_note(ctx: Context, found: Found) -> Iterator[str]:
    """Say where the sockets of the host's own chain were not opened as Postfix opens them."""
    if found.own and not found.as_user and ctx.host.kind == "system":
        yield (
            "the sockets were opened with your own rights: whether Postfix may open them is "
            "not shown (run it as root)"
        )
