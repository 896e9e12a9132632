"""How one edge is: its path walked, its socket opened by its client, and what that comes to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.finding import Finding, Health, Remedy
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError
from actions.host.meanwhile import begun
from actions.mailhost.edges import POSTFIX
from actions.mailhost.specs import PASSED_OVER
from actions.record import Record
from actions.sockets.causes import (
    WORDS,
    cause_of,
    denial_told,
    refused_cause,
    sentence,
)
from actions.sockets.denials import denials, of_edge
from actions.sockets.logged import log_line
from actions.sockets.path import failing, planted, walk
from actions.sockets.proof import Proof, prove
from actions.sockets.report import EdgeState
from actions.sockets.running import stale_groups

if TYPE_CHECKING:
    from actions.host.ports import Account, Host
    from actions.mailhost.edges import Edge
    from actions.mailhost.service import MailService
    from actions.mailhost.together import Failed
    from actions.sockets.path import Step
    from actions.sockets.report import Cause

MENDABLE: frozenset[Cause] = frozenset(
    {"group", "write", "folder", "chroot", "denied", "no-transport", "syntax"}
)
"""Where it is the socket's place, its rights or its name that is wrong, not who listens there."""


class _Seen(Record):
    """What is known of one edge, before it is told."""

    edge: Edge
    cause: Cause
    steps: tuple[Step, ...]
    proof: Proof
    told: str = ""
    """Of some causes: which processes have not all groups yet, or who denied what."""
    group: str = ""
    """The group that those processes lack."""
    past: float | None = None
    """When it was denied, where it may be allowed by now: a connection comes about. In seconds
    since the epoch; 0 where that is not known."""


class EdgeLook:
    """One look at several edges of a host, from several threads.

    Args:
        host: the host.
        services: those that may be at the ends of its edges.
    """

    def __init__(self, host: Host, services: tuple[MailService, ...]) -> None:
        self._host = host
        self._services = services
        self._denials = begun(lambda: denials(host))

    def state_of(self, edge: Edge) -> EdgeState:
        """Return how *edge* is."""
        started = time.monotonic()
        seen = self._seen(edge)
        return self._told(seen, time.monotonic() - started)

    def unseen(self, edge: Edge, failed: Failed) -> EdgeState:
        """Return that the look at *edge* came to no end."""
        proof = Proof("unseen", failed.why)
        return self._told(_Seen(edge, "unseen", (), proof), failed.seconds)

    def _seen(self, edge: Edge) -> _Seen:
        if not edge.endpoint:
            return _Seen(edge, refused_cause(edge), (), Proof("refused", edge.refused))
        account = self._account(edge)
        steps = _walked(self._host, edge, account) if account else ()
        proof = prove(self._host, edge)
        cause = cause_of(edge, steps, proof)
        if cause in {"", "denied"} and failing(steps) is None:
            denial = of_edge(self._denials().denials, edge, steps)
            if denial and denial.enforced:
                # The console is judged by other rules, so its own connection may come about.
                # A port has no inode whose change would tell that its label is another now.
                past = denial.time if not steps and not proof.met else None
                return _Seen(edge, "denied", steps, proof, denial_told(denial), past=past)
        if cause or account is None:
            return _Seen(edge, cause, steps, proof)
        groups = tuple(dict.fromkeys(one.membership for one in steps if one.membership))
        stale = stale_groups(self._host, edge, account, groups, self._services)
        if stale:
            return _Seen(edge, "stale-groups", steps, proof, stale.told, stale.group)
        return _Seen(edge, "", steps, proof)

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be seen of denials."""
        return self._denials().notes

    def _account(self, edge: Edge) -> Account | None:
        try:
            return self._host.accounts.user(edge.user) if edge.user else None
        except HostError:
            return None

    def _told(self, seen: _Seen, seconds: float) -> EdgeState:
        return EdgeState(
            seen.edge,
            _finding(seen),
            seen.cause,
            seen.steps,
            seen.proof.trouble,
            seconds,
            self._logged(seen),
        )

    def _logged(self, seen: _Seen) -> str:
        """Return what the client logs of it; Postfix is only asked for its name where it tells."""
        if not seen.cause:
            return ""
        return log_line(seen.edge, seen.cause, self._hostname, seen.proof)

    def _hostname(self) -> str:
        try:
            return self._host.postfix.setting("myhostname")
        except HostError:
            return self._host.name


def _walked(host: Host, edge: Edge, account: Account) -> tuple[Step, ...]:
    endpoint = parse_endpoint(edge.endpoint)
    if endpoint.family != "unix":
        return ()
    return walk(host.accounts, endpoint.place, account, edge.chroot or "/")


def _finding(seen: _Seen) -> Finding:
    edge, proof = seen.edge, seen.proof
    name = f"sockets.{edge.name}"
    where = edge.endpoint or edge.spec
    ends = f"{edge.client} → {label_of(edge)}"
    if not seen.cause:
        if proof.health is Health.OK:
            return Finding(Health.OK, f"{ends} works", where, name=name)
        # It can be opened; what is wrong with what answers there is told beside it.
        return Finding(Health.DEGRADED, f"{ends}: {proof.text}", where, name=name)
    words = WORDS[seen.cause]
    title = words.title.format(client=edge.client, speech=_spoken(edge))
    why = sentence(edge, seen.cause, seen.steps, proof, seen.told, seen.group)
    if seen.past is not None:
        title = _was_denied(seen.past)
        why = (
            f"{seen.told}; the port takes connections, but the console is judged by other rules: "
            f"whether {edge.client} may by now is seen when it connects next"
        )
    if link := planted(seen.steps):
        why += f"; {link.path} is a link that a user other than root could have put there"
    return Finding(
        _health(seen),
        f"{ends}: {title}",
        where,
        why,
        _remedy(seen),
        name,
        proof.needs_root,
    )


def label_of(edge: Edge) -> str:
    """Return what the end of *edge* is called where its socket is."""
    return edge.name.partition(":")[2].partition("#")[0] or edge.service


def _spoken(edge: Edge) -> str:
    return "the milter protocol" if edge.speech == "milter" else edge.speech


def _was_denied(when: float) -> str:
    if not when:
        return "was denied"
    return f"was denied at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(when))}"


def _health(seen: _Seen) -> Health:
    if seen.cause == "unseen":
        return Health.UNKNOWN
    if seen.past is not None:
        return Health.DEGRADED
    return Health.DEGRADED if seen.edge.effect == PASSED_OVER else Health.DOWN


def _remedy(seen: _Seen) -> Remedy | None:
    edge = seen.edge
    if seen.cause == "stale-groups":
        action = "services.reload" if edge.client_service == POSTFIX else "services.restart"
        what = f"let {edge.client} have its new group"
        return Remedy(action, (("service", edge.client_service),), what)
    # What lies behind a link of a service's user may be anybody's: it is opened to nobody.
    if seen.cause not in MENDABLE or planted(seen.steps):
        return None
    what = f"let {edge.user or edge.client} open {label_of(edge)}'s socket"
    return Remedy("sockets.fix", (("edge", edge.name),), what)
