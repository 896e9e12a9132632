"""One edge that is closed, and what this host tells of both its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, parse_endpoint, real_path, same_socket
from actions.host.errors import UnknownAccount
from actions.mailhost.edges import POSTFIX, find_edges
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Account, Host, UnitState
    from actions.mailhost.edges import Edge
    from actions.mailhost.service import MailService
    from actions.sockets.path import Step
    from actions.sockets.report import EdgeState


class Case(Record):
    """One edge that does not work, with its two ends."""

    host: Host
    state: EdgeState
    client: Account | None
    """With whose rights the socket is opened; None where that can't be told."""
    service: MailService | None
    """Who makes the socket; None where nobody knows."""
    unit: UnitState | None
    """The unit of `service` that runs its processes; None where it has none."""
    services: tuple[MailService, ...]
    """All of the mail host."""
    edges: tuple[Edge, ...]
    """All of the mail host."""

    @property
    def edge(self) -> Edge:
        """The edge."""
        return self.state.edge

    @property
    def socket(self) -> str:
        """Where the socket is or would be, without root's own links; empty for a port."""
        try:
            endpoint = parse_endpoint(self.edge.endpoint)
        except BadEndpoint:
            return ""
        return real_path(endpoint.place) if endpoint.family == "unix" else ""

    @property
    def step(self) -> Step | None:
        """The socket itself, as the walk found it; None where no socket stands there."""
        last = self.state.steps[-1] if self.state.steps else None
        return last if last is not None and last.kind == "socket" else None

    @property
    def closed_folders(self) -> tuple[Step, ...]:
        """The folders on the way that the client can't pass."""
        return tuple(
            one for one in self.state.steps if one.kind == "folder" and one.granted is False
        )

    @property
    def is_postfix(self) -> bool:
        """Whether Postfix is who connects."""
        return self.edge.client_service == POSTFIX

    @property
    def beside(self) -> tuple[Edge, ...]:
        """The other edges that end at the same socket."""
        return beside(self.edges, self.edge)

    @property
    def asker(self) -> MailService | None:
        """The service that connects."""
        return self.named(self.edge.client_service)

    def named(self, name: str) -> MailService | None:
        """Return the service called *name*, where this host has it."""
        return next((one for one in self.services if one.name == name), None)

    def account(self, name: str) -> Account | None:
        """Return the user called *name*, where this host has one."""
        try:
            return self.host.accounts.user(name) if name else None
        except UnknownAccount:
            return None


def case_of(host: Host, state: EdgeState) -> Case:
    """Return what *host* tells of both ends of the edge of *state*; raises `HostError`."""
    found = find_edges(host)
    service = _behind(found.services, state)
    unit = host.units.state(service.seen_unit) if service and service.seen_unit else None
    if unit is not None and (not unit.known or unit.activity == "unknown"):
        unit = None
    case = Case(host, state, None, service, unit, found.services, found.edges)
    return case._replace(client=case.account(state.edge.user))


def _behind(services: tuple[MailService, ...], state: EdgeState) -> MailService | None:
    """Return who makes the socket: by the edge, by its place, or by where its name leads to."""
    edge = state.edge
    if edge.service:
        return next((one for one in services if one.name == edge.service), None)
    # Seen from a chroot another place is meant than the one where the socket is made.
    for spec in (edge.endpoint, edge.spec):
        for one in services:
            if any(same_socket(listener.spec, spec) for listener in one.listeners):
                return one
    return None


def beside(edges: tuple[Edge, ...], edge: Edge) -> tuple[Edge, ...]:
    """Return those of *edges* that end at the same socket as *edge*, without itself."""
    if not edge.endpoint:
        return ()
    return tuple(
        one
        for one in edges
        if one.name != edge.name and one.endpoint and same_socket(one.endpoint, edge.endpoint)
    )
