"""The milter chains of this host: one for each way by which mail comes into Postfix."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from actions.finding import Finding, Health
from actions.host.errors import HostError
from actions.mailhost.managed import CONFIGURATION, PROGRAM, is_called_manager
from actions.mailhost.values import items
from actions.milter.transport import connect
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.host.ports import Host, PostfixService
    from actions.mailhost.chain import ConfiguredChain, Reading, Refusal
    from actions.mailhost.managed import Manager
    from actions.milter.transport import Connector


_PORTS = {"smtp": "25", "submission": "587", "smtps": "465", "submissions": "465"}
"""The services of /etc/services that mail comes in by."""

_SUBMISSION = {"587", "465"}
"""The ports by which a host's own users hand mail in (RFC 6409, RFC 8314)."""

_READ_BY_CLEANUP = {"non_smtpd_milters", "milter_header_checks"}
"""Milter settings that smtpd and pickup do not read (cleanup(8))."""


NON_SMTPD = "non_smtpd"
"""The chain of mail that comes in by no smtpd, called so after non_smtpd_milters."""


class HostChain(Record):
    """The milters that see the mail of one or more of Postfix's services."""

    name: str
    """The service in master.cf, such as "smtp" or "127.0.0.1:10025"; or "non_smtpd"."""
    services: tuple[str, ...]
    """Every service with this chain, `name` included; for "non_smtpd" pickup's and qmqpd's."""
    kind: Literal["smtpd", "non_smtpd"]
    chroot: bool
    chain: ConfiguredChain
    """A link's endpoint is where its socket really is, seen from outside any chroot."""
    managers: tuple[Manager, ...] = ()
    findings: tuple[Finding, ...] = ()
    user: str = ""
    """With whose rights Postfix opens the sockets."""
    specs: tuple[str, ...] = ()
    """Each link as Postfix's settings write it."""
    protocols: tuple[str, ...] = ()
    """Each link's milter_protocol."""
    off: str = ""
    """Why Postfix asks no milter here, such as "smtpd_milters is empty"."""
    maps: str = ""
    """smtpd_milter_maps: tables that give some clients other milters, or none."""
    refusals: tuple[Refusal, ...] = ()
    """The milters that the settings name and that Postfix does not accept."""


class Discovery(Record):
    """Every chain of this host."""

    chains: tuple[HostChain, ...]
    """The chain of mail from outside (port 25) first, "non_smtpd" last."""
    notes: tuple[str, ...] = ()


def discover(host: Host, connector: Connector = connect, only: str | None = None) -> Discovery:
    """Return the milter chains of *host*.

    Args:
        host: whose Postfix is asked.
        connector: how the links' sockets will be opened.
        only: where given, nothing but the chain that `find_chain` finds by this name is read,
            which spares a run of postconf for each other service with settings of its own; all
            are where there is none of this name.

    Raises:
        HostError: Postfix's settings can't be read.
    """
    services = host.postfix.services()
    intakes = running(services, "pickup") + running(services, "qmqpd")
    smtpds = sorted(running(services, "smtpd"), key=lambda one: not _is_inbound(one.name))
    if only is not None:
        local = (NON_SMTPD, *(one.name for one in intakes)) if intakes else ()
        wanted = _found_among([*(one.name for one in smtpds), *local], only)
        if wanted:
            smtpds = [one for one in smtpds if one.name == wanted]
            intakes = intakes if wanted in local else []
    chains = _shared([_smtpd_chain(host, services, one, connector) for one in smtpds])
    if intakes:
        chains.append(_non_smtpd_chain(host, services, intakes, connector))
    return Discovery(tuple(_with_children(host, chains, connector)))


def find_chain(discovery: Discovery, name: str = "") -> HostChain | None:
    """Return the chain of service *name*, or that of mail from outside where *name* is empty.

    Args:
        discovery: what `discover` returned.
        name: a service as master.cf writes it, its port by number or name, or "non_smtpd".
    """
    if not name:
        return next((chain for chain in discovery.chains if chain.kind == "smtpd"), None)
    named: dict[str, HostChain] = {}
    for chain in discovery.chains:
        for one in (chain.name, *chain.services):
            named.setdefault(one, chain)
    return named.get(_found_among(list(named), name))


def _found_among(names: Sequence[str], name: str) -> str:
    """Return the one of *names* that *name* means, the first for none; empty where it is none."""
    if not name or name in names:
        return name or next(iter(names), "")
    same = next((one for one in names if port_of(one) == port_of(name)), "")
    return same or (_instead_of_port_25(names) if port_of(name) == "25" else "")


def _instead_of_port_25(names: Sequence[str]) -> str:
    """Return by which of *names* mail from outside comes in where none is on port 25.

    It is the smtpd behind postscreen, or the first that is not for submission, such as that of
    a test host on a port of its own.
    """
    if "smtpd" in names:
        return "smtpd"
    ports = (one for one in names if ":" in one or one.isdigit())
    return next((one for one in ports if port_of(one) not in _SUBMISSION), "")


def running(services: Sequence[PostfixService], program: str) -> list[PostfixService]:
    """Return those of *services* that run *program*."""
    return [service for service in services if service.program == program]


def port_of(name: str) -> str:
    """Return the port of a service such as "127.0.0.1:submission", as a number where it has one."""
    service = name.rpartition(":")[2]
    return _PORTS.get(service, service)


def _is_inbound(name: str) -> bool:
    """Return whether mail from outside comes in here; "smtpd" is the one behind postscreen."""
    return port_of(name) == "25" or name == "smtpd"


def _smtpd_chain(
    host: Host, services: Sequence[PostfixService], service: PostfixService, connector: Connector
) -> HostChain:
    setting = "smtpd_milters"
    reading = _reading(host, service, setting, connector)
    findings = (*_refused(reading, setting, service), *_useless(service))
    cleanup = _cleanup_of(host, services, service)
    checks = _setting_or_nothing(host, cleanup, "milter_header_checks")
    chain = HostChain(
        service.name,
        (service.name,),
        "smtpd",
        service.chroot,
        reading.chain._replace(header_checks=checks),
        findings=findings,
        user=_user(host, service),
        specs=reading.specs,
        protocols=reading.protocols,
        maps=_setting_or_nothing(host, service, "smtpd_milter_maps"),
        refusals=_of_milters(reading),
    )
    return _or_off(chain, setting, _off(host, service))


def _non_smtpd_chain(
    host: Host,
    services: Sequence[PostfixService],
    intakes: Sequence[PostfixService],
    connector: Connector,
) -> HostChain:
    """Return the chain of mail that no smtpd takes in: cleanup asks its milters itself."""
    intake = intakes[0]
    cleanup = _cleanup_of(host, services, intake)
    setting = "non_smtpd_milters"
    reading = _reading(host, cleanup, setting, connector)
    findings = (*_refused(reading, setting, cleanup), *_useless(intake))
    chain = HostChain(
        NON_SMTPD,
        tuple(one.name for one in intakes),
        "non_smtpd",
        cleanup.chroot,
        reading.chain,
        findings=findings,
        user=_user(host, cleanup),
        specs=reading.specs,
        protocols=reading.protocols,
        refusals=_of_milters(reading),
    )
    return _or_off(chain, setting, _off(host, intake))


def _or_off(chain: HostChain, setting: str, off: str) -> HostChain:
    """Return *chain* without its milters where a setting turns them off."""
    if off:
        bare = chain.chain._replace(links=())
        return chain._replace(chain=bare, findings=(), specs=(), protocols=(), refusals=(), off=off)
    empty = not chain.specs and not chain.findings
    return chain._replace(off=f"{setting} is empty" if empty else "")


def _cleanup_of(
    host: Host, services: Sequence[PostfixService], intake: PostfixService
) -> PostfixService:
    """Return the cleanup to which *intake* gives its mail; itself where master.cf has none."""
    name = _setting_or_nothing(host, intake, "cleanup_service_name") or "cleanup"
    return next((one for one in running(services, "cleanup") if one.name == name), intake)


def _reading(host: Host, service: PostfixService, setting: str, connector: Connector) -> Reading:
    from actions.mailhost.chain import read_settings

    def get(name: str) -> str:
        return host.postfix.setting_of(service, name)

    return read_settings(get, connector, setting, chroot=service.chroot)


def _setting_or_nothing(host: Host, service: PostfixService, name: str) -> str:
    try:
        return host.postfix.setting_of(service, name)
    except HostError:  # an older Postfix
        return ""


def _off(host: Host, service: PostfixService) -> str:
    """Return the setting that turns milters off for what *service* takes in."""
    setting = "receive_override_options"
    options = items(host.postfix.setting_of(service, setting))
    return f"{setting} = no_milters" if "no_milters" in options else ""


def _of_milters(reading: Reading) -> tuple[Refusal, ...]:
    return tuple(one for one in reading.refusals if one.item)


def _user(host: Host, service: PostfixService) -> str:
    return host.postfix.user() if service.unprivileged else "root"


def _refused(reading: Reading, setting: str, service: PostfixService) -> Iterator[Finding]:
    from actions.mailhost.specs import ENDS, PASSED_OVER, WHEN_IT_FAILS

    for refusal in reading.refusals:
        # What is wrong for all milters does no harm where there are none, unless it is fatal.
        if refusal.item or reading.specs or refusal.effect == ENDS:
            name = setting if refusal.item else refusal.setting.partition(" ")[0]
            own = name in dict(service.overrides)
            where = f"master.cf: {service.name}: -o {name}" if own else f"main.cf: {name}"
            why = f"{refusal.reason}; {refusal.effect}"
            what = f"Postfix refuses {refusal.item or refusal.setting}"
            goes_on = refusal.effect in {PASSED_OVER, WHEN_IT_FAILS}
            health = Health.DEGRADED if goes_on else Health.DOWN
            named = f"chain.refused.{refusal.item or name}".replace(" ", "-")
            yield Finding(health, what, where, why, name=named)


def _useless(service: PostfixService) -> Iterator[Finding]:
    """Yield settings that stand where no program reads them."""
    for name, _ in service.overrides:
        if name in _READ_BY_CLEANUP:
            yield Finding(
                Health.DEGRADED,
                f"-o {name} has no effect in {service.name}",
                f"master.cf: {service.name}",
                f"cleanup reads it, {service.program} does not",
                name=f"chain.useless.{service.name}.{name}",
            )


def _shared(chains: Sequence[HostChain]) -> list[HostChain]:
    """Return *chains* with those put together that differ only in the service."""
    shared: list[HostChain] = []
    for chain in chains:
        for at, other in enumerate(shared):
            if _anonymous(chain) == _anonymous(other):
                shared[at] = other._replace(services=other.services + chain.services)
                break
        else:
            shared.append(chain)
    return shared


def _anonymous(chain: HostChain) -> HostChain:
    return chain._replace(name="", services=())


def _with_children(
    host: Host, chains: Sequence[HostChain], connector: Connector
) -> Iterator[HostChain]:
    """Yield *chains*, those that have a milter-manager with the milters behind it."""
    installed = any(os.path.exists(host.at(path)) for path in (PROGRAM, CONFIGURATION))
    manager = None
    for chain in chains:
        links = chain.chain.links
        if not links or not (installed or any(is_called_manager(one.endpoint) for one in links)):
            yield chain
            continue
        if manager is None:
            from actions.mailhost.milter_manager import MilterManager

            manager = MilterManager(host, connector)
        yield chain._replace(managers=manager.behind(links))
