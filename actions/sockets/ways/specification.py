"""The specification that Postfix's settings have for a milter, where it is written wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import Answering
from actions.host.endpoint import BadEndpoint, parse_endpoint, same_socket
from actions.mailhost.meant import meant
from actions.sockets.ways.postfix import exchanged, place_of, proof_at
from actions.sockets.ways.settled import WAIT, reloaded, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.plan import Change
    from actions.sockets.ways.case import Case

NAME = "specification"

_CAUSES = {"no-transport", "syntax", "name", "chroot", "missing"}
"""What a wrong specification leads to."""


def offer(case: Case) -> Offer | None:
    """Return the edit that names the milter as Postfix takes it, where what is meant is certain.

    It is where a service of this host listens there.

    Raises:
        Declined: nobody listens where it may be meant, or a chrooted service can't see it.
    """
    edge = case.edge
    if not case.is_postfix or edge.speech != "milter" or case.state.cause not in _CAUSES:
        return None
    queue = case.host.postfix.setting("queue_directory").rstrip("/")
    found = _corrected(case, queue)
    if found is None:
        return None
    spec, endpoint = found
    edits, does = exchanged(case, lambda one: one == edge.spec, spec)
    changes = (*edits, *_taken_up(case, endpoint))
    way = Way(
        NAME,
        f"{spec} in Postfix's settings",
        lasting=True,
        does=(*does, *told(changes)),
        risk="",
    )
    return Offer(way, changes, proof_at(case, endpoint))


def _taken_up(case: Case, endpoint: str) -> Iterator[Change]:
    if case.edge.user:
        yield Answering(endpoint, case.edge.user, WAIT, "nobody is sent there before it answers")
    yield from reloaded(case)


def _corrected(case: Case, queue: str) -> tuple[str, str] | None:
    """Return the specification as it must be, and where that is; None where it is right."""
    edge = case.edge
    if case.state.cause in {"no-transport", "syntax"}:
        spec = meant(edge.spec)
    elif case.state.cause == "name":
        spec = _by_address(edge.spec)
    else:
        spec = edge.spec
    if not spec:
        raise Declined("what is meant can't be told from here", "write unix:PATH or inet:HOST:PORT")
    if spec.startswith("inet:"):
        return _port(case, spec) if spec != edge.spec else None
    return _socket(case, spec, queue)


def _by_address(spec: str) -> str:
    """Return *spec* with the loopback's address for its name: a chroot may have no /etc/hosts."""
    host, _, port = spec.removeprefix("inet:").rpartition(":")
    if not spec.startswith("inet:") or host not in {"localhost", ""} or not port.isdigit():
        return ""
    return f"inet:127.0.0.1:{port}"


def _port(case: Case, spec: str) -> tuple[str, str]:
    if not _listens(case, spec):
        raise Declined(f"{spec} may be meant, but no service of this host listens there")
    return spec, spec


def _socket(case: Case, spec: str, queue: str) -> tuple[str, str] | None:
    """Return *spec* so that the client sees the socket by it, with or without its chroot."""
    edge = case.edge
    outside = place_of(spec, queue, chroot=False)
    real = next((one for one in _places(case, outside, queue) if _listens(case, f"unix:{one}")), "")
    if not real and case.state.cause == "missing":
        return None  # its daemon may just not have made it
    if not real:
        raise Declined(f"unix:{outside} may be meant, but no service of this host listens there")
    if real.startswith(f"{queue}/"):
        spec = f"unix:{real.removeprefix(f'{queue}/')}"
    elif edge.chroot:
        if case.state.cause == "chroot":
            return None  # the socket has to be moved
        raise Declined(f"{real} lies outside of {edge.chroot}, to which {edge.client} is confined")
    else:
        spec = f"unix:{real}"
    return (spec, f"unix:{real}") if spec != edge.spec else None


def _places(case: Case, outside: str, queue: str) -> Iterator[str]:
    """Yield where the socket may be that is meant: as written, or below the queue directory."""
    yield outside
    if not outside.startswith(f"{queue}/"):
        yield queue + outside
    if case.state.cause == "missing" and case.service is not None:
        for listener in case.service.listeners:
            if listener.speech == "milter" and not listener.source.endswith("_milters"):
                yield listener.spec.removeprefix("unix:")


def _listens(case: Case, spec: str) -> bool:
    """Return whether a service's own configuration names *spec*, and not only Postfix's."""
    try:
        parse_endpoint(spec)
    except BadEndpoint:
        return False
    return any(
        same_socket(one.spec, spec) and not one.source.endswith("_milters")
        for service in case.services
        for one in service.listeners
    )
