"""What the picture shows, out of what the overview knows: nodes with their state and facts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.amounts import amount, span
from actions.finding import Health, worst_first
from actions.host.endpoint import socket_of
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.finding import Finding
    from actions.mailhost.service import Listener, Look, MailService, ServiceStatus
    from actions.overview.report import Asked, Chain, OverviewReport, Queued, Way


class Node(Record):
    """One thing in the picture."""

    name: str
    health: Health | None = None
    """None where nothing was looked at yet, or there is nothing to look at."""
    state: str = ""
    """The word for its state where it is not ok, such as "down"."""
    reason: str = ""
    """Why, in a few words."""
    facts: tuple[str, ...] = ()
    """Where it runs, since when, and so on; what is worth most first."""
    behind: tuple[Node, ...] = ()
    """What it asks, in order."""
    is_off: bool = False
    """Whether it is off on purpose."""

    @property
    def words(self) -> str:
        """Its state and the reason."""
        return ": ".join(part for part in (self.state, self.reason) if part)


class Inlet(Record):
    """A way by which mail comes in, as it is drawn."""

    label: str
    health: Health | None = None
    words: str = ""
    """What is wrong with it; of several ways of which the same is to be said, at the first."""
    also: tuple[str, ...] = ()
    """The labels of the others."""


class Stream(Record):
    """Ways in that share their milters."""

    inlets: tuple[Inlet, ...]
    milters: tuple[Node, ...]
    words: str = ""
    """Why there are no milters."""


class Outlet(Record):
    """By what people fetch their mail: a protocol and its ports."""

    protocol: str
    ports: tuple[str, ...]
    health: Health | None = None


class Delivery(Record):
    """A service that keeps or hands out mail."""

    by: str
    """How Postfix hands mail to it."""
    node: Node
    outlets: tuple[Outlet, ...]


class Scene(Record):
    """Everything in the picture."""

    mta: Node
    streams: tuple[Stream, ...]
    queue: str
    """What waits in it, in words; empty where nothing is known."""
    queue_more: tuple[str, ...]
    """How old the oldest is, and why it waits."""
    queue_health: Health | None
    deliveries: tuple[Delivery, ...]
    mailboxes: str
    """What is to be said where no service hands mail out; empty where one does."""
    beside: tuple[Node, ...]
    """Services that mail does not pass through: web mail, its database, the log."""


def scene(report: OverviewReport, now: float) -> Scene:
    """Return what there is to draw of *report*.

    Args:
        report: what is known, maybe only in part.
        now: in seconds since the epoch, for how facts are told.
    """
    drawn = _Drawn(report, now)
    mta = drawn.mta()
    streams = tuple(drawn.stream(chain) for chain in report.chains)
    deliveries = tuple(drawn.deliveries())
    beside = tuple(drawn.beside())
    queue = report.queue
    return Scene(
        mta,
        streams,
        _queue_words(report),
        tuple(_queue_more(queue, now)) if queue else (),
        _queue_health(report.findings),
        deliveries,
        "mailboxes of this host" if report.services and not deliveries else "",
        beside,
    )


class _Drawn:
    """The services and milters of one report, each drawn once."""

    def __init__(self, report: OverviewReport, now: float) -> None:
        self._report = report
        self._now = now
        self._by_name = {one.service.name: one for one in report.services}
        self._listening = {
            socket_of(listener.spec): one
            for one in report.services
            for listener in one.service.listeners
        }
        self._wrong: dict[str, Finding] = {}
        everything = (
            *report.findings,
            *(one.finding for one in report.acknowledged),
            *(one.finding for one in report.folded),
        )
        for finding in worst_first(everything):
            if finding.name.startswith("sockets."):
                self._wrong.setdefault(finding.where, finding)
        self._consequences = {one.finding.name for one in report.folded}
        self._done: set[str] = set()
        self._asked: set[tuple[str, int]] = set()
        """The sockets of the milters that are drawn already."""

    def mta(self) -> Node:
        """Return Postfix."""
        status = next(self._of("MTA"), None)
        if status is None:
            return Node("postfix")
        return self._node(status, status.service.name, ())

    def stream(self, chain: Chain) -> Stream:
        """Return one chain with its ways in."""
        inlets = tuple(_together(self._inlet(way) for way in chain.ways))
        words = "" if chain.milters else f"no milter: {chain.off}" if chain.off else "no milter"
        return Stream(inlets, tuple(self._milter(one) for one in chain.milters), words)

    def deliveries(self) -> Iterator[Delivery]:
        """Yield the services that mail is delivered to."""
        mta = next(self._of("MTA"), None)
        asked = {need.service for need in mta.service.needs} if mta else set()
        for status in self._of("MDA"):
            by = "lmtp" if status.service.name in asked else "local"
            node = self._node(status, status.service.name, ())
            yield Delivery(by, node, tuple(_outlets(status)))

    def beside(self) -> Iterator[Node]:
        """Yield every service that is not drawn yet, with what it needs behind it."""
        left = [one for one in self._report.services if one.service.name not in self._done]
        needed = {need.service for one in left for need in one.service.needs}
        left.sort(key=lambda one: (one.is_off, one.service.name in needed))
        for status in left:
            if status.service.name not in self._done:
                behind = () if status.is_off else self._engines(status.service)
                yield self._node(status, status.service.name, behind)

    def _of(self, role: str) -> Iterator[ServiceStatus]:
        return (one for one in self._report.services if one.service.role == role)

    def _inlet(self, way: Way) -> Inlet:
        """Return a way in; its own state is told only where it is another than Postfix's."""
        mta = next(self._of("MTA"), None)
        listener = _listener(mta.service.listeners, way) if mta else None
        if mta is None or listener is None:
            return Inlet(way.label)
        looks = _looks_at(mta, listener)
        worst = max(looks, key=lambda one: one.health.rank, default=None)
        if worst is None or worst.health is Health.OK:
            return Inlet(way.label, worst.health if worst else None)
        if worst.health is Health.UNKNOWN or worst.detail == mta.reason:
            # Why is told once: with the findings, or where Postfix stands.
            return Inlet(way.label, worst.health)
        return Inlet(way.label, worst.health, f"{worst.health.value}: {worst.detail}")

    def _milter(self, asked: Asked) -> Node:
        socket = socket_of(asked.spec)
        status = self._listening.get(socket) or self._by_name.get(asked.name)
        if socket in self._asked:  # in another chain
            return Node(asked.name, status.health if status else self._proved(asked))
        self._asked.add(socket)
        behind = [self._milter(one) for one in asked.behind]
        if status is not None:
            behind += self._engines(status.service)
            node = self._node(status, asked.name, tuple(behind))
        else:
            node = Node(asked.name, self._proved(asked), facts=(asked.spec,), behind=tuple(behind))
        node = self._as_met(node, asked)
        if node.state or node.health is Health.UNKNOWN:
            return node
        if not asked.enabled:
            return node._replace(state="not asked", reason="it is not enabled")
        if asked.trouble:
            return node._replace(health=Health.UNKNOWN, state="its milters are not known")
        return node

    def _proved(self, asked: Asked) -> Health | None:
        return Health.OK if asked.spec in self._report.proved else None

    def _as_met(self, node: Node, asked: Asked) -> Node:
        """Return *node* in the state in which its client finds it, where that is worse."""
        met = self._wrong.get(asked.spec)
        if met is None:
            return node
        if node.health is not None and node.health.rank >= met.health.rank:
            return node
        if met.health is Health.UNKNOWN:
            seen = node.health is not None
            return node if seen else Node(node.name, met.health, behind=node.behind)
        reason = met.what.partition(": ")[2] or met.what
        return node._replace(health=met.health, state=met.health.value, reason=reason)

    def _engines(self, service: MailService) -> tuple[Node, ...]:
        """Return what *service* needs, as far as it is not drawn in a place of its own."""
        engines = []
        for need in service.needs:
            status = self._by_name.get(need.service)
            if status is None or need.service == service.name or status.service.role == "milter":
                continue
            if status.service.role in {"MTA", "milter manager"} or need.service in self._done:
                continue
            engines.append(self._node(status, need.service, ()))
        return tuple(engines)

    def _node(self, status: ServiceStatus, name: str, behind: tuple[Node, ...]) -> Node:
        self._done.add(status.service.name)
        facts = tuple(_facts(status, self._now))
        if status.is_off:
            return Node(name, None, "off", behind=behind, is_off=True)
        if status.health is Health.OK:
            return Node(name, status.health, facts=facts, behind=behind)
        reason = status.reason
        if f"services.{status.service.name}" in self._consequences:
            # Why that is so is told where the cause is drawn.
            reason = reason.partition(": ")[0]
        if status.health is Health.UNKNOWN:
            # Mostly rights that this user has not: told once, with the findings.
            return Node(name, status.health, behind=behind)
        return Node(name, status.health, status.health.value, reason, facts, behind)


def _listener(listeners: Sequence[Listener], way: Way) -> Listener | None:
    return next(
        (one for one in listeners if way.label in {one.label, one.spec.rpartition(":")[2]}), None
    )


def _together(inlets: Iterable[Inlet]) -> Iterator[Inlet]:
    """Yield *inlets* with the same words said only at the first."""
    every = [*inlets]
    for at, one in enumerate(every):
        same = [other for other in every if one.words and other.words == one.words]
        if same and same[0] is not one:
            yield one._replace(words="")
        else:
            yield every[at]._replace(also=tuple(other.label for other in same[1:]))


def _looks_at(status: ServiceStatus, listener: Listener) -> list[Look]:
    return [look for look in status.looks if look.target in {listener.spec, listener.label}]


def _outlets(status: ServiceStatus) -> Iterator[Outlet]:
    ports: dict[str, list[str]] = {}
    looks: dict[str, list[Look]] = {}
    for listener in status.service.listeners:
        protocol = {"imap": "IMAP", "pop3": "POP3"}.get(listener.speech)
        port = listener.spec.rpartition(":")[2]
        if protocol and port.isdigit():
            ports.setdefault(protocol, []).append(port)
            looks.setdefault(protocol, []).extend(_looks_at(status, listener))
    for protocol, numbers in ports.items():
        worst = _worst(look.health for look in looks[protocol])
        yield Outlet(protocol, tuple(dict.fromkeys(numbers)), worst)


def _facts(status: ServiceStatus, now: float) -> Iterator[str]:
    """Yield what is known of a service besides its state."""
    service = status.service
    if status.changed:
        yield status.changed
    if status.since is not None:
        yield f"since {moment(status.since, now)}"
    if status.memory is not None:
        yield amount(status.memory)
    if status.restarts:
        yield f"{status.restarts} restart{'s' if status.restarts > 1 else ''}"
    if service.unit:
        yield service.unit
    if status.enabled is False:
        yield "not started at boot"
    for listener in service.listeners[:1]:
        yield listener.spec


def moment(when: float, now: float) -> str:
    """Return a moment as it is told at *now*: the time of day, or the day."""
    then, today = time.localtime(when), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b" if then.tm_year == today.tm_year else "%d %b %Y", then)


def _queue_words(report: OverviewReport) -> str:
    if "queue.list" in report.under_way and report.queue is None:
        return "looking …"
    if report.queue is None:
        return "not seen" if any(one.name == "queue.list" for one in report.looks) else ""
    counts = " · ".join(f"{number:,} {state}" for state, number in report.queue.counts)
    unseen = report.queue.unseen
    return counts or ("empty, as far as can be seen" if unseen else "empty")


def _queue_more(queue: Queued, now: float) -> Iterator[str]:
    if queue.oldest is not None:
        yield f"oldest {span(now - queue.oldest)}"
        if queue.reason:
            yield f'"{queue.reason}"'


def _queue_health(findings: Iterable[Finding]) -> Health | None:
    healths = [one.health for one in findings if one.name.startswith("queue.")]
    return _worst(healths)


def _worst(healths: Iterable[Health]) -> Health | None:
    return max(healths, key=lambda one: one.rank, default=None)
