"""Findings of several looks put together: the worst first, the same trouble told once.

Of what is equally bad, that comes first under which the most is told.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from actions.finding import Finding, Health, worst_first
from actions.host.endpoint import socket_of
from actions.host.errors import AS_ROOT
from actions.mailhost.values import spec_in
from actions.overview.report import RIGHTS, Folded
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.mailhost.service import Look, ServiceStatus

UNSEEN_QUEUE = "overview.queue"
"""The finding that the queue could not be looked at."""

REFUSED = "chain.refused."
"""How the names of findings begin that tell of a milter which Postfix does not accept."""

SYNTAX = "postfix.milter_syntax"
"""The check of the set-up that finds the same, by what follows its name."""

CHROOT = "postfix.milter_chroot"
"""The check that finds sockets outside of Postfix's chroot."""

GROUPS = ".groups"
"""How the names of checks end that find who may not open a filter's socket."""

_UNIX = re.compile(r"\bunix:(/[^\s,}]+)")

_DENIED = re.compile(r"connecting as (\S+): permission denied on (/\S+)")
"""How the look at a socket tells who is stopped where."""

_CLOSED = re.compile(r"(\S+) can't open (it|/[^\s,]+)[:,] ")
"""How the checks of groups tell the same."""

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9@_./:-]+")


class Told(Record):
    """What is told, and what is told with it."""

    findings: tuple[Finding, ...]
    folded: tuple[Folded, ...]


def named(source: str, finding: Finding) -> Finding:
    """Return *finding* with a name that stays; one that has none is called by what it says."""
    if finding.name:
        return finding
    words = _NOT_IN_A_NAME.sub("-", finding.what.lower()).strip("-")
    return finding._replace(name=f"{source}.{words}")


def told_once(findings: Iterable[Finding], services: Sequence[ServiceStatus]) -> Told:
    """Return *findings* that are not ok, each trouble once and the worst first.

    Args:
        findings: all that were found, each with its name.
        services: the services that they may speak of.
    """
    listening = {
        socket_of(listener.spec): one.service.name
        for one in services
        for listener in one.service.listeners
    }
    units = {one.service.unit: one.service.name for one in services if one.service.unit}

    def keys(finding: Finding) -> set[object]:
        return {*_keys(finding, listening, units)}

    kept: list[Finding] = []
    folded: list[Folded] = []
    for finding in worst_first(_wrong(findings)):
        own = keys(finding)
        at = next((number for number, one in enumerate(kept) if own & keys(one)), None)
        if at is None:
            kept.append(finding)
        elif _tells_more(finding, kept[at]):
            folded = [_moved(one, kept[at].name, finding.name) for one in folded]
            folded.append(Folded(finding.name, kept[at]))
            kept[at] = finding._replace(health=kept[at].health)
        else:
            folded.append(Folded(kept[at].name, finding))
    for hidden in [one for one in kept if _check_of(one) == CHROOT]:
        folded = _under_the_chroot(hidden, kept, folded)
    return _without_consequences(kept, folded, services)


def _check_of(finding: Finding) -> str:
    """Return the check of the set-up that found it; "" where another look did."""
    source, _, rest = finding.name.partition(".")
    return rest.partition(":")[0] if source == "setup" else ""


def _under_the_chroot(hidden: Finding, kept: list[Finding], folded: list[Folded]) -> list[Folded]:
    """Tell the edges to sockets that Postfix's chroot hides under *hidden*: mended, all are.

    What was told with an edge, and is mended by something else, stands for itself then.
    """
    outside = set(_UNIX.findall(hidden.what))
    edges = [
        one
        for one in kept
        if one.name.startswith("sockets.") and outside & set(_seen_inside(one.where))
    ]
    for edge in edges:
        kept.remove(edge)
        apart = [one for one in folded if one.under == edge.name and _has_its_own(one.finding)]
        kept += [one.finding for one in apart]
        folded = [_moved(one, edge.name, hidden.name) for one in folded if one not in apart]
        folded.append(Folded(hidden.name, edge))
    return folded


def _has_its_own(finding: Finding) -> bool:
    return finding.remedy is not None and finding.remedy.action != "sockets.fix"


def _tells_more(one: Finding, other: Finding) -> bool:
    """Return whether *one* is the better word on the same trouble: it can be mended from there.

    Of two that can, a look at the socket itself knows more than one at the service.
    """
    if one.remedy and other.remedy:
        return one.name.startswith("sockets.") and not other.name.startswith("sockets.")
    return bool(one.remedy)


def _moved(folded: Folded, old: str, new: str) -> Folded:
    return folded._replace(under=new) if folded.under == old else folded


def _wrong(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if finding.health is not Health.OK)


def _keys(
    finding: Finding, listening: dict[tuple[str, int], str], units: dict[str, str]
) -> Iterator[object]:
    """Yield by what two findings are known to be of the same trouble."""
    yield finding.name
    source, _, rest = finding.name.partition(".")
    if finding.remedy and source != "setup":  # one plan mends all that a check of it finds
        yield (finding.remedy.action, finding.remedy.arguments)
    if source == "sockets":
        yield f"refused {finding.where}"
        yield from _denied(_DENIED.search(finding.why), finding.where.removeprefix("unix:"))
    elif finding.name.startswith(REFUSED):
        yield f"refused {spec_in(finding.what.removeprefix('Postfix refuses '))}"
    service = listening.get(socket_of(finding.where), "") if source == "sockets" else rest
    if source in {"services", "sockets"} and service:
        yield f"service {service}"
        if finding.remedy and finding.remedy.action == "sockets.fix":
            yield f"socket of {service}"
    elif source == "setup":
        check, _, about = rest.partition(":")
        of, _, setting = check.rpartition(".")
        if check == SYNTAX:
            yield f"refused {spec_in(about)}"
        if check.endswith(GROUPS):
            yield from _denied(_CLOSED.search(finding.why), about)
        if setting.startswith("socket"):  # how it makes its socket, such as its group and mode
            yield f"socket of {of}"
        if of == "units":
            yield from (f"service {name}" for unit, name in units.items() if unit in finding.what)


def _denied(told: re.Match[str] | None, socket: str) -> Iterator[str]:
    """Yield who is stopped where, as *told*, and at which *socket*."""
    if told is not None:
        yield f"{told[1]} stopped on {told[2]}"
        yield f"{told[1]} stopped on {socket}"


def _seen_inside(spec: str) -> Iterator[str]:
    """Yield what the socket at *spec* may be called in a chroot: its path without its beginning."""
    path = spec.removeprefix("unix:")
    at = path.find("/", 1)
    while at > 0:
        yield path[at:]
        at = path.find("/", at + 1)


def _without_consequences(
    kept: list[Finding], folded: list[Folded], services: Sequence[ServiceStatus]
) -> Told:
    """Tell what fails only for want of another service together with that service's own."""
    by_name = {one.service.name: one for one in services}
    ownership = _owners(kept, folded, by_name)
    for finding in list(kept):
        cause = _cause(finding, by_name, ownership)
        # Postfix itself tells what is in its queue, and which milters it asks.
        if finding.name == UNSEEN_QUEUE or _is_for_want_of_settings(finding):
            cause = next((ownership.get(one) for one in _down_mta(services)), None)
        if cause and cause.name != finding.name:
            kept.remove(finding)
            folded.append(Folded(cause.name, finding))
    explains = Counter(one.under for one in folded)
    kept.sort(key=lambda one: (-one.health.rank, -explains[one.name]))
    return _rights_together(kept, folded)


def _is_for_want_of_settings(finding: Finding) -> bool:
    """Return whether it could not be seen as Postfix's own tool can't read its settings."""
    told = finding.why.startswith("postconf -") and " failed: fatal: " in finding.why
    return finding.health is Health.UNKNOWN and told


def _rights_together(kept: list[Finding], folded: list[Folded]) -> Told:
    """Tell what could not be seen only for want of rights as one: one thing mends it all."""
    unseen = [one for one in kept if one.health is Health.UNKNOWN and one.needs_root]
    if len(unseen) < 2:
        return Told(tuple(kept), tuple(folded))
    names = {one.name for one in unseen}
    what = f"{len(unseen)} things could not be seen with this user's rights"
    told = ", ".join(one.name for one in unseen)
    why = f"{told}; {AS_ROOT}"
    rights = Finding(Health.UNKNOWN, what, "", why, name=RIGHTS, needs_root=True)
    moved = [one._replace(under=rights.name) if one.under in names else one for one in folded]
    moved += [Folded(rights.name, one) for one in unseen]
    left = [one for one in kept if one.name not in names]
    return Told((*left, rights), tuple(moved))


def _down_mta(services: Sequence[ServiceStatus]) -> Iterator[str]:
    for one in services:
        if one.service.role == "MTA" and one.health is Health.DOWN:
            yield one.service.name


def _owners(
    kept: Iterable[Finding], folded: Iterable[Folded], by_name: dict[str, ServiceStatus]
) -> dict[str, Finding]:
    """Return the finding that tells of each service that has one."""
    owners: dict[str, Finding] = {}
    named_so = {finding.name: finding for finding in kept}
    for name, finding in (
        *((finding.name, finding) for finding in kept),
        *((one.finding.name, named_so[one.under]) for one in folded if one.under in named_so),
    ):
        service = name.removeprefix("services.")
        if service != name and service in by_name:
            owners.setdefault(service, finding)
    return owners


def _cause(
    finding: Finding, by_name: dict[str, ServiceStatus], owners: dict[str, Finding]
) -> Finding | None:
    """Return the finding of which *finding* is but the consequence."""
    status = by_name.get(finding.name.removeprefix("services."))
    if status is None or not finding.name.startswith("services."):
        return None
    wrong = [look for look in _own(status) if look.health is not Health.OK]
    if not wrong or any(look.kind != "dependency" for look in wrong):
        return None
    needs = {need.spec: need.service for need in status.service.needs}
    causes = [owners.get(needs.get(look.target, look.target)) for look in wrong]
    first = causes[0]
    if first is None or None in causes or _is_mutual(first, finding, owners, by_name):
        return None
    return first


def _own(status: ServiceStatus) -> Iterator[Look]:
    """Yield the looks at a service but for what comes of others being down."""
    return (look for look in status.looks if look.cause != "follows")


def _is_mutual(
    cause: Finding,
    finding: Finding,
    owners: dict[str, Finding],
    by_name: dict[str, ServiceStatus],
) -> bool:
    """Return whether each of two services is said to fail for want of the other."""
    status = by_name.get(cause.name.removeprefix("services."))
    if status is None:
        return False
    wrong = [look for look in _own(status) if look.health is not Health.OK]
    if not wrong or any(look.kind != "dependency" for look in wrong):
        return False
    needs = {need.spec: need.service for need in status.service.needs}
    return any(owners.get(needs.get(look.target, look.target)) == finding for look in wrong)
