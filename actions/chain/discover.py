"""The body of ``chain.discover``: the chains of this host, and what is where they listen."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.discovered import (
    ChainSeen,
    ChildSeen,
    Condition,
    DiscoverReport,
    MilterSeen,
    Socket,
)
from actions.finding import Finding, Health
from actions.host.errors import HostError
from actions.mailhost.chain import MACRO_SETTINGS
from actions.mailhost.conditions import meaning
from actions.mailhost.discovery import discover
from actions.mailhost.values import items, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.endpoint import Endpoint
    from actions.host.ports import Host, Postfix
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Child, Manager
    from actions.milter.link import Link

_HERE = ("::1", "localhost", "localhost.localdomain")


def discover_chains(ctx: Context) -> DiscoverReport:
    """Return the chains of the host.

    Raises:
        ActionError: Postfix's settings can't be read.
    """
    try:
        discovery = discover(ctx.host)
        seen = [_seen(ctx.host, chain) for chain in discovery.chains]
    except HostError as error:
        raise ActionError(
            f"Postfix's settings can't be read: {error}",
            Exit.UNDECIDED,
            "see what postconf -M and postconf -x say",
        ) from error
    return DiscoverReport(tuple(seen), discovery.notes)


def _seen(host: Host, chain: HostChain) -> ChainSeen:
    managers = {manager.milter: manager for manager in chain.managers}
    pairs = zip(chain.chain.links, chain.specs, chain.protocols, strict=True)
    milters = tuple(
        _milter(host, link, spec, protocol, managers.get(link.name))
        for link, spec, protocol in pairs
    )
    return ChainSeen(
        chain.name,
        chain.services,
        chain.kind,
        chain.chroot,
        chain.user,
        chain.off,
        milters,
        tuple(_macros(host.postfix, chain)),
        tuple(_settings(host.postfix, chain)),
        (
            *chain.findings,
            *(finding for manager in chain.managers for finding in manager.findings),
            *_missing(chain, milters),
        ),
    )


def _milter(
    host: Host, link: Link, spec: str, protocol: str, manager: Manager | None
) -> MilterSeen:
    children = manager.children if manager else ()
    return MilterSeen(
        link.name,
        spec,
        link.endpoint.spec,
        _socket(host, link.endpoint),
        tuple(_own_settings(host.postfix, link, protocol)),
        manager is not None,
        manager.source if manager else "",
        tuple(_child(host, child) for child in children),
        manager.trouble if manager else "",
    )


def _child(host: Host, child: Child) -> ChildSeen:
    endpoint = child.link.endpoint
    return ChildSeen(
        child.link.name,
        endpoint.spec,
        _socket(host, endpoint),
        child.enabled,
        tuple(Condition(name, meaning(name)) for name in child.conditions),
        child.note,
    )


def _socket(host: Host, endpoint: Endpoint) -> Socket:
    if endpoint.family != "unix":
        place = endpoint.place
        near = place.startswith("127.") or place in {*_HERE, host.name}
        return "local port" if near else "remote"
    if not endpoint.place:
        return "not named"
    try:
        mode = os.stat(endpoint.place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except (OSError, ValueError):
        return "not visible"
    return "exists" if stat.S_ISSOCK(mode) else "not a socket"


def _own_settings(postfix: Postfix, link: Link, protocol: str) -> Iterator[tuple[str, str]]:
    times = {
        "connect_timeout": link.timeouts.connect,
        "command_timeout": link.timeouts.reply,
        "content_timeout": link.timeouts.content,
    }
    for name, value in times.items():
        if value != seconds(postfix.default(f"milter_{name}")):
            yield name, f"{value:g}s"
    words = {"default_action": link.default_action, "protocol": protocol}
    for name, word in words.items():
        if word != postfix.default(f"milter_{name}"):
            yield name, word


def _macros(postfix: Postfix, chain: HostChain) -> Iterator[tuple[str, tuple[str, ...]]]:
    for stage, setting in MACRO_SETTINGS.items():
        usual = tuple(name.strip("{}") for name in items(postfix.default(setting)))
        if chain.chain.macro_lists[stage] != usual:
            yield stage, chain.chain.macro_lists[stage]


def _settings(postfix: Postfix, chain: HostChain) -> Iterator[tuple[str, str]]:
    told = chain.chain
    if told.daemon_name != told.hostname:
        yield "milter_macro_daemon_name", told.daemon_name
    if told.version != f"{postfix.setting('mail_name')} {postfix.setting('mail_version')}":
        yield "milter_macro_v", told.version
    if told.macro_defaults:
        pairs = ", ".join(f"{name}={value}" for name, value in told.macro_defaults)
        yield "milter_macro_defaults", pairs
    if told.header_checks:
        yield "milter_header_checks", told.header_checks
    if chain.maps:
        yield "smtpd_milter_maps", chain.maps


def _missing(chain: HostChain, milters: tuple[MilterSeen, ...]) -> Iterator[Finding]:
    """Yield what is not where a milter that is asked should listen."""
    for milter in milters:
        shut = chain.chroot and milter.spec.startswith(("unix:/", "local:/"))
        why = f"{chain.name} runs in a chroot, where {milter.spec} means this path" if shut else ""
        yield from _socket_finding(milter, f"milter {milter.name}", why)
        for child in milter.children:
            if child.enabled:
                yield from _socket_finding(child, f"{milter.name}'s child {child.name}", "")


def _socket_finding(seen: MilterSeen | ChildSeen, who: str, why: str) -> Iterator[Finding]:
    if seen.socket == "missing":
        yield Finding(Health.DOWN, f"the socket of {who} is missing", seen.endpoint, why)
    elif seen.socket == "not a socket":
        what = f"what stands in the place of {who}'s socket is none"
        yield Finding(Health.DOWN, what, seen.endpoint, why)
