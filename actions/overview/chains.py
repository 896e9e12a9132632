"""The milter chains of the host as the overview draws them: by which ways, whom they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost.discovery import discover, port_of
from actions.overview.report import Asked, Chain, Way
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.finding import Finding
    from actions.host.ports import Host
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Manager
    from actions.milter.link import Link

LOCAL = "local"
"""What is written where a port would be for mail that programs of this host hand in."""


class ChainsSeen(Record):
    """The chains, and what is wrong with how they are set up."""

    chains: tuple[Chain, ...]
    findings: tuple[Finding, ...]


def discovered(host: Host) -> ChainsSeen:
    """Return the chains of *host*; raises `HostError`."""
    found = discover(host).chains
    findings = dict.fromkeys(one for chain in found for one in _findings(chain))
    return ChainsSeen(tuple(_merged(map(_chain, found))), tuple(findings))


def _findings(chain: HostChain) -> Iterable[Finding]:
    yield from chain.findings
    for manager in chain.managers:
        yield from manager.findings


def _chain(chain: HostChain) -> Chain:
    managers = {manager.milter: manager for manager in chain.managers}
    milters = (_asked(link, managers.get(link.name)) for link in chain.chain.links)
    is_local = chain.kind == "non_smtpd"
    ways = (Way(name, LOCAL if is_local else _shown_port(name)) for name in chain.services)
    return Chain(_one_of_each(ways), tuple(milters), chain.off)


def _asked(link: Link, manager: Manager | None) -> Asked:
    spec = link.endpoint.spec
    if manager is None:
        return Asked(link.name, spec)
    behind = (
        Asked(child.link.name, child.link.endpoint.spec, child.enabled)
        for child in manager.children
    )
    return Asked(link.name, spec, managed=True, trouble=manager.trouble, behind=tuple(behind))


def _merged(chains: Iterable[Chain]) -> Iterable[Chain]:
    """Return *chains* with those put together that ask the same milters."""
    merged: dict[tuple[object, ...], Chain] = {}
    for chain in chains:
        key = (chain.milters, chain.off)
        same = merged.get(key)
        merged[key] = same._replace(ways=same.ways + chain.ways) if same else chain
    return merged.values()


def _one_of_each(ways: Iterable[Way]) -> tuple[Way, ...]:
    """Return *ways* without those that look alike: pickup and qmqpd are one for the eye."""
    return tuple({way.label: way for way in ways}.values())


def _shown_port(service: str) -> str:
    """Return the port of *service*; postscreen takes in on port 25 what it hands to "smtpd"."""
    return "25" if service == "smtpd" else port_of(service)
