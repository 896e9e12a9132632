"""A milter's specification in Postfix's lists, exchanged for another by Postfix's own tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, parse_endpoint, same_socket
from actions.host.main_cf import entry_of
from actions.mailhost.chain import milter_name
from actions.mailhost.postfix_files import postfix_files
from actions.mailhost.values import items, spec_in
from actions.plan import Proof
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.changes import FileEdit
    from actions.sockets.ways.case import Case

_LISTS = ("smtpd_milters", "non_smtpd_milters")


def exchanged(
    case: Case, is_meant: Callable[[str], bool], spec: str
) -> tuple[tuple[FileEdit, ...], tuple[str, ...]]:
    """Return the edits that put *spec* wherever a list names what *is_meant*, and them in words.

    Args:
        case: the edge.
        is_meant: tells of each specification, as it is written, whether it is exchanged.
        spec: in its place.

    Raises:
        Declined: no list has it written out.
        HostError: the files can't be read.
    """
    host = case.host
    files = postfix_files(host)
    does: list[str] = []
    for name in _LISTS:
        entry = entry_of(files.text("main.cf"), name)
        given = items(entry.value) if entry else ()
        after = _with(given, is_meant, spec)
        if after != given:
            files.edit("-e", f"{name}={', '.join(after)}")
            does.append(f"{spec} in {name} of main.cf")
        for service in host.postfix.services():
            own = dict(service.overrides).get(name)
            given = items(own) if own is not None else ()
            after = _with(given, is_meant, spec)
            if after != given:
                files.edit("-P", f"{service.name}/{service.kind}/{name}={','.join(after)}")
                does.append(f"{spec} in {name} of {service.name} in master.cf")
    if not does:
        raise Declined(
            f"{case.edge.source or 'main.cf'} does not name {case.edge.spec} in so many words: "
            "another setting stands for it",
            f"write {spec} where that is written: postconf -n | grep milters",
        )
    return tuple(files.changes()), tuple(does)


def _with(given: tuple[str, ...], is_meant: Callable[[str], bool], spec: str) -> tuple[str, ...]:
    return tuple(
        one.replace(spec_in(one), spec, 1) if is_meant(spec_in(one)) else one for one in given
    )


def place_of(spec: str, queue: str, *, chroot: bool) -> str:
    """Return where a path of *spec* leads to for a service of Postfix; empty for a port.

    Args:
        spec: as Postfix's settings write it.
        queue: the queue directory.
        chroot: whether the service is confined to it.
    """
    transport, _, path = spec.partition(":")
    if transport not in {"unix", "local"} or not path:
        return ""
    if not path.startswith("/"):
        return f"{queue}/{path}"
    return queue + path if chroot else path


def proof_at(case: Case, endpoint: str, service: str = "") -> Proof:
    """Return the look at the edge once it ends at *endpoint*: it may be called otherwise then.

    Args:
        case: the edge as it is.
        endpoint: where it will end, in Postfix's notation.
        service: who is there; empty for who listens there now.
    """
    edge = case.edge
    user = edge.user or edge.client
    label = service or _label(case, endpoint)
    summary = f"connect to {label} as {user}, by what Postfix's settings say then"
    name = f"{edge.client}:{label}"
    taken = [one for one in case.edges if one.name == name and one != edge]
    if edge.name.startswith(f"{edge.client}:") and all(
        one.endpoint and same_socket(one.endpoint, endpoint) for one in taken
    ):
        return Proof(summary, "sockets.check", {"edge": (name,)})
    return Proof(summary, "sockets.check", {"milter": (endpoint,)})


def _label(case: Case, endpoint: str) -> str:
    for one in case.services:
        if any(same_socket(listener.spec, endpoint) for listener in one.listeners):
            return one.name
    try:
        return milter_name(parse_endpoint(endpoint))
    except BadEndpoint:
        return endpoint
