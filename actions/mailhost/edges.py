"""The edges of a mail host: who opens whose socket, with which rights, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, parse_endpoint, same_socket, socket_of
from actions.host.errors import HostError
from actions.mailhost.chain import milter_name
from actions.mailhost.roles import find_services
from actions.mailhost.roles.mta import WITHOUT, partners, setting_in
from actions.mailhost.values import spec_in
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.host.ports import Host, PostfixService
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Child, Manager
    from actions.mailhost.roles import FoundServices
    from actions.mailhost.service import MailService, Need, Speech

POSTFIX = "postfix"
"""The name of Postfix among the services."""


class Edge(Record):
    """One client, and one socket that it has to open."""

    name: str
    """CLIENT:SERVICE, such as "smtpd:milter-manager"; where two would be called the same, the
    client's name is followed by what tells them apart: "smtpd@submission:milter-manager"."""
    client: str
    """The program that connects: "smtpd", "cleanup", "lmtp", "milter-manager", "clamav-milter"."""
    client_service: str
    """The service that it belongs to, as `MailService.name`: "postfix", "clamav-milter"."""
    service: str
    """The service behind the socket; empty where nobody knows whose it is."""
    user: str
    """With whose rights the client connects; empty where that can't be told."""
    speech: Speech
    spec: str
    """As the client's own configuration writes it."""
    endpoint: str
    """Where it really is, seen from outside any chroot, in Postfix's notation; empty where
    `spec` names none."""
    chroot: str = ""
    """The folder that the client is confined to; empty for none."""
    source: str = ""
    """Where it is configured: "main.cf: smtpd_milters", a file, a program's answer."""
    refused: str = ""
    """Why the client does not take `spec` for an endpoint, in its own words."""
    effect: str = ""
    """What becomes of mail while the client can't open it: "mail is deferred (451)"."""


class FoundEdges(Record):
    """The edges of a host, those first that mail meets first."""

    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    """What could not be seen, and what would let it be seen."""
    services: tuple[MailService, ...] = ()
    """The services at both ends."""


class _Drawn(Record):
    """An edge that has no name yet."""

    edge: Edge
    label: str
    """What the other end is called."""
    apart: str = ""
    """What tells it from another edge of this client."""


def find_edges(host: Host) -> FoundEdges:
    """Return every edge of *host*; what can't be seen is noted, not raised."""
    found = find_services(host)
    drawn = (
        *(one for chain in found.chains for one in _of_chain(host, found, chain)),
        *_of_postfix(host, found),
        *(one for service in found.services for one in _of_filter(found, service)),
    )
    return FoundEdges(tuple(_named(_once(drawn))), found.notes, found.services)


def edge_to(host: Host, spec: str) -> Edge:
    """Return an edge from Postfix's smtpd to a milter at *spec* that no setting names.

    Raises:
        BadEndpoint: *spec* names no endpoint.
        HostError: it is not known as whom Postfix connects.
    """
    endpoint = parse_endpoint(spec)
    label, user = milter_name(endpoint), host.postfix.user()
    name = f"smtpd:{label}"
    return Edge(name, "smtpd", POSTFIX, "", user, "milter", endpoint.spec, endpoint.spec)


def _of_chain(host: Host, found: FoundServices, chain: HostChain) -> Iterator[_Drawn]:
    """Yield the edges from one of Postfix's services to its milters, and from those managers."""
    client = "smtpd" if chain.kind == "smtpd" else "cleanup"
    source = _source(host, chain)
    chroot = _queue(host) if chain.chroot else ""
    managers = {one.milter: one for one in chain.managers}
    for link, spec in zip(chain.chain.links, chain.specs, strict=False):
        endpoint = link.endpoint.spec
        service = _service_at(found, endpoint)
        effect = WITHOUT[link.default_action]
        edge = Edge(
            "",
            client,
            POSTFIX,
            _known(service),
            chain.user,
            "milter",
            spec,
            endpoint,
            chroot,
            source,
            "",
            effect,
        )
        yield _Drawn(edge, service.name if service else link.name, chain.name)
        if manager := managers.get(link.name):
            yield from _of_manager(found, service, manager)
    for refusal in chain.refusals:
        spec = spec_in(refusal.item)
        edge = Edge("", client, POSTFIX, "", chain.user, "milter", spec, "", chroot, source)
        refused = edge._replace(refused=refusal.reason, effect=refusal.effect)
        yield _Drawn(refused, _label_of(spec), chain.name)


def _of_manager(
    found: FoundServices, service: MailService | None, manager: Manager
) -> Iterator[_Drawn]:
    """Yield the edges from a milter-manager to the milters behind it, as far as it asks them."""
    name = service.name if service else manager.milter
    for child in manager.children:
        if child.enabled:
            yield _of_child(found, name, manager, child)


def _of_child(found: FoundServices, client: str, manager: Manager, child: Child) -> _Drawn:
    place = child.link.endpoint.place
    endpoint = child.link.endpoint.spec if place else ""
    service = _service_at(found, endpoint) if endpoint else None
    edge = Edge(
        "",
        client,
        client,
        _known(service),
        manager.user,
        "milter",
        child.link.endpoint.spec,
        endpoint,
        "",
        manager.source,
        "" if endpoint else child.note,
        WITHOUT[child.link.default_action],
    )
    return _Drawn(edge, child.link.name)


def _of_postfix(host: Host, found: FoundServices) -> Iterator[_Drawn]:
    """Yield the edges from Postfix to whom it hands passwords and mail, such as Dovecot."""
    try:
        services = host.postfix.services()
    except HostError:
        return  # The notes have it.
    for one in partners(host, services):
        service = _service_at(found, one.endpoint)
        usual = _named_so(found, "dovecot") if one.speech == "dovecot-auth" else None
        known = service or usual
        edge = Edge(
            "",
            one.client.program,
            POSTFIX,
            known.name if known else "",
            one.user,
            one.speech,
            one.spec,
            one.endpoint,
            _queue(host) if one.client.chroot else "",
            one.source,
            "",
            one.without,
        )
        label = known.name if known else _label_of(one.endpoint)
        yield _Drawn(edge, label, one.client.name)


def _of_filter(found: FoundServices, service: MailService) -> Iterator[_Drawn]:
    """Yield the edges from a milter to what it needs, such as clamd; its own go elsewhere."""
    if service.role != "milter" or not service.expected:
        return
    for need in service.needs:
        source = next(iter(service.configuration), "")
        edge = Edge(
            "",
            service.name,
            service.name,
            need.service if _named_so(found, need.service) else "",
            need.client or service.user,
            _speech(found, need),
            need.spec,
            need.spec,
            "",
            source,
            "",
            need.without,
        )
        yield _Drawn(edge, need.service or _label_of(need.spec), _label_of(need.spec))


def _speech(found: FoundServices, need: Need) -> Speech:
    """Return what is spoken where *need* leads; nothing where that would be a guess."""
    service = _named_so(found, need.service)
    every = service.listeners if service else ()
    at = [one.speech for one in every if same_socket(one.spec, need.spec)]
    known = at or list({one.speech for one in every})
    if len(known) == 1 or at:
        return known[0]
    by_name: dict[str, Speech] = {"clamd": "clamd", "spamd": "spamd"}
    return by_name.get(need.service, "")


def _service_at(found: FoundServices, spec: str) -> MailService | None:
    """Return the service that has a socket at *spec*."""
    wanted = socket_of(spec)
    for one in found.services:
        if any(socket_of(listener.spec) == wanted for listener in one.listeners):
            return one
    return None


def _named_so(found: FoundServices, name: str) -> MailService | None:
    return next((one for one in found.services if one.name == name), None)


def _known(service: MailService | None) -> str:
    """Return the name of *service*; empty where it is but a socket that nobody knows."""
    return service.name if service and (service.unit or service.program) else ""


def _source(host: Host, chain: HostChain) -> str:
    """Return where the milters of *chain* are named."""
    if chain.kind == "non_smtpd":
        return "main.cf: non_smtpd_milters"
    try:
        services: tuple[PostfixService, ...] = host.postfix.services()
    except HostError:
        services = ()
    one = next((one for one in services if one.name == chain.name), None)
    return setting_in(one, "smtpd_milters") if one else "main.cf: smtpd_milters"


def _queue(host: Host) -> str:
    try:
        return host.postfix.setting("queue_directory")
    except HostError:
        return ""


def _label_of(spec: str) -> str:
    """Return a short name for what is at *spec*; of what names no endpoint, itself."""
    try:
        return milter_name(parse_endpoint(spec))
    except BadEndpoint:
        return "-".join(spec.split()) or "nothing"


def _once(drawn: Iterable[_Drawn]) -> Iterator[_Drawn]:
    """Yield *drawn*, those once that differ in nothing but the name of the client's service."""
    seen: set[object] = set()
    for one in drawn:
        edge = one.edge
        where = socket_of(edge.endpoint) if edge.endpoint else edge.spec
        key = (edge.client, edge.client_service, edge.user, edge.chroot, where)
        if key not in seen:
            seen.add(key)
            yield one


def _named(drawn: Iterable[_Drawn]) -> Iterator[Edge]:
    """Yield the edges, each with a name of its own; the first of a name keeps it plain."""
    taken: set[str] = set()
    for one in drawn:
        client = one.edge.client
        plain = f"{client}:{one.label}"
        candidates = [plain]
        if one.apart:
            candidates.append(f"{client}@{one.apart}:{one.label}")
        candidates += [f"{plain}#{number}" for number in range(2, len(taken) + 3)]
        name = next(name for name in candidates if name not in taken)
        taken.add(name)
        yield one.edge._replace(name=name)
