"""The services of a mail host: what Postfix asks, what those need, and what else serves mail."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from actions.host.endpoint import LOOPBACK, BadEndpoint, parse_endpoint, same_socket, socket_of
from actions.host.errors import HostError
from actions.host.meanwhile import begun
from actions.mailhost.discovery import discover
from actions.mailhost.roles.candidates import Candidate, candidates, units_of
from actions.mailhost.roles.daemons import DAEMONS
from actions.mailhost.roles.mta import WITHOUT, listeners
from actions.mailhost.roles.processes import listening
from actions.mailhost.service import Listener, MailService, Need
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Host, UnitState
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Manager
    from actions.mailhost.roles.candidates import Units
    from actions.milter.link import Link

MTA = "postfix"

ROLES = ("MTA", "milter manager", "milter", "engine", "MDA", "web mail", "database", "log")
"""In the order in which mail meets them."""


class FoundServices(Record):
    """The services of a host, those first that mail meets first."""

    services: tuple[MailService, ...]
    notes: tuple[str, ...] = ()
    """What could not be seen, and what would let it be seen."""
    states: Mapping[str, UnitState] = MappingProxyType({})
    """Of the units that were asked for, by their names."""
    chains: tuple[HostChain, ...] = ()
    """The milter chains; none where Postfix could not be asked."""


def find_services(host: Host, known: Callable[[Listener], None] | None = None) -> FoundServices:
    """Return the services that make up *host*; what can't be seen is noted, not raised.

    Args:
        host: the host.
        known: is given sockets that surely belong to them, before all is known.
    """
    notes: list[str] = []
    asked = begun(lambda: units_of(host))  # systemd takes as long as all that Postfix is asked
    chains: tuple[HostChain, ...] = ()
    try:
        discovery = discover(host)
        chains = discovery.chains
        notes += discovery.notes
    except HostError as error:
        notes.append(f"the milter chains are not known: {error}")
    if known is not None:
        for listener in (*listeners(host), *_asked_in(chains)):
            known(listener)
    units = asked()
    if units.absent:
        notes.append(f"units can't be seen, services are told by files: {units.absent}")
    finder = _Finder(host, candidates(host, units, notes), units, notes)
    for chain in chains:
        finder.add_chain(chain)
        notes += [
            f"the milters behind {one.milter} are not known: {one.trouble}"
            for one in chain.managers
            if one.trouble
        ]
    finder.settle_needs()
    return FoundServices(finder.services(), tuple(dict.fromkeys(notes)), units.states, chains)


def _asked_in(chains: Iterable[HostChain]) -> Iterator[Listener]:
    """Yield where Postfix asks its milters."""
    for chain in chains:
        for link in chain.chain.links:
            yield Listener(link.endpoint.spec, "milter", client=chain.user)


class _Finder:
    """The services while they are put together."""

    def __init__(
        self, host: Host, found: tuple[Candidate, ...], units: Units, notes: list[str]
    ) -> None:
        self._host = host
        self._notes = notes
        self._units = units
        self._services = {one.service.name: one.service for one in found}
        self._certain = {one.service.name for one in found if one.certain}
        self._expected = {one.service.name for one in found if one.starts}
        self._order = {name: place for place, name in enumerate(self._services)}

    def services(self) -> tuple[MailService, ...]:
        """Return what is part of the mail host, in the order in which mail meets it."""
        found = [
            one._replace(expected=one.name in self._expected)
            for one in self._services.values()
            if one.name in self._certain
        ]
        return tuple(sorted(found, key=self._rank))

    def add_chain(self, chain: HostChain) -> None:
        """Give each milter that Postfix asks its place, and those behind a manager theirs."""
        if MTA in self._services:
            self._expect(MTA)
        managers = {one.milter: one for one in chain.managers}
        for place, link in enumerate(chain.chain.links, 1):
            manager = managers.get(link.name)
            source = f"{chain.name}: {chain.kind}_milters"
            asked = self._asked(link, chain.user, source, is_manager=bool(manager))
            if not asked.place:
                asked = asked._replace(place=place, behind="")
            self._keep(asked)
            self._expect(asked.name)
            self._need(MTA, _need_of(asked.name, link, chain.user))
            if manager:
                self._add_children(asked.name, manager)

    def settle_needs(self) -> None:
        """Name the service behind each socket that is needed, and who asks there."""
        for one in tuple(self._services.values()):
            needs = tuple(self._settled(one, need) for need in one.needs)
            self._keep(self._services[one.name]._replace(needs=needs))
        waiting = [name for name in self._expected if name in self._certain]
        while waiting:
            for need in self._services[waiting.pop()].needs:
                if need.service in self._services and need.service not in self._expected:
                    self._expect(need.service)
                    waiting.append(need.service)

    def _add_children(self, manager: str, told: Manager) -> None:
        place = 0
        for child in told.children:
            if not child.link.endpoint.place:
                continue
            asked = self._asked(child.link, told.user, told.source, is_manager=False)
            if not asked.place and not asked.behind:
                place += child.enabled
                asked = asked._replace(behind=manager, place=place if child.enabled else 0)
            self._keep(asked)
            if child.enabled:
                self._expect(asked.name)
                self._need(manager, _need_of(asked.name, child.link, told.user))

    def _asked(self, link: Link, client: str, source: str, *, is_manager: bool) -> MailService:
        """Return the service at the socket of *link*, with that socket among its own."""
        endpoint = link.endpoint
        known = self._at(endpoint) or self._by_process(endpoint) or self._services.get(link.name)
        if known is None or known.role not in {"milter", "milter manager"}:
            known = self._stranger(link)
        if is_manager:
            known = known._replace(role="milter manager")
        return _with_listener(
            known, Listener(endpoint.spec, "milter", client=client, source=source)
        )

    def _at(self, endpoint: Endpoint) -> MailService | None:
        """Return the service whose configuration names the socket at *endpoint*."""
        for one in self._services.values():
            if any(socket_of(listener.spec) == endpoint.socket for listener in one.listeners):
                return one
        return None

    def _by_process(self, endpoint: Endpoint) -> MailService | None:
        """Return the service whose process listens at *endpoint* on this machine."""
        found = listening(endpoint) if _is_here(endpoint) else None
        if found is None:
            return None
        for one in self._services.values():
            if found.unit and found.unit in {one.unit, one.instance}:
                return one
        if not found.unit:
            return None
        name = self._free_name(found.unit.removesuffix(".service"))
        return MailService(name, "milter", found.unit, found.program)

    def _stranger(self, link: Link) -> MailService:
        """Return a milter of no known kind, with the unit of its name where there is one."""
        service = MailService(self._free_name(link.name), "milter", "")
        name = f"{link.name}.service"
        if name not in self._units.names:
            if _is_here(link.endpoint) and os.geteuid() != 0:
                spec = link.endpoint.spec
                self._notes.append(f"whose socket {spec} is, is not known; run as root to see it")
            return service
        unit = self._host.units.state(name)
        return service._replace(unit=name, program=_program(unit), user=unit.user)

    def _free_name(self, name: str) -> str:
        if name not in self._services:
            return name
        return next(
            free for number in range(2, 1000) if (free := f"{name}#{number}") not in self._services
        )

    def _keep(self, service: MailService) -> None:
        self._services[service.name] = service
        self._order.setdefault(service.name, len(self._order))

    def _expect(self, name: str) -> None:
        self._certain.add(name)
        self._expected.add(name)

    def _need(self, name: str, need: Need) -> None:
        service = self._services.get(name)
        if service and need not in service.needs:
            self._keep(service._replace(needs=(*service.needs, need)))

    def _settled(self, one: MailService, need: Need) -> Need:
        """Return *need* with the service at its socket and the user who opens it."""
        client = need.client or one.user
        try:
            other = self._at(parse_endpoint(need.spec))
        except BadEndpoint:
            other = None
        if other is None:
            return need._replace(client=client)
        listeners = tuple(
            listener._replace(client=listener.client or client)
            if same_socket(listener.spec, need.spec)
            else listener
            for listener in other.listeners
        )
        self._keep(other._replace(listeners=listeners))
        return need._replace(service=other.name, client=client)

    def _rank(self, one: MailService) -> tuple[int, bool, int, int]:
        behind = self._services.get(one.behind)
        place = (behind.place if behind else one.place) or len(self._order)
        return (ROLES.index(one.role), not (one.place or one.behind), place, self._within(one))

    def _within(self, one: MailService) -> int:
        return one.place if one.behind and one.place else len(DAEMONS) + self._order[one.name]


def _is_here(endpoint: Endpoint) -> bool:
    """Return whether what listens at *endpoint* is surely on this machine."""
    return endpoint.family == "unix" or endpoint.place in LOOPBACK


def _need_of(name: str, link: Link, client: str) -> Need:
    return Need(name, link.endpoint.spec, client, WITHOUT[link.default_action])


def _with_listener(service: MailService, listener: Listener) -> MailService:
    """Return *service* with *listener*: where it is known already, with the one who asks."""
    same = [one for one in service.listeners if same_socket(one.spec, listener.spec)]
    if not same:
        return service._replace(listeners=(listener, *service.listeners))
    listeners = tuple(
        one._replace(client=one.client or listener.client) if one in same else one
        for one in service.listeners
    )
    return service._replace(listeners=listeners)


def _program(unit: UnitState) -> str:
    return unit.command[0].rpartition("/")[2] if unit.command else ""
