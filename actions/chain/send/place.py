"""Where a test mail is given in, where the operator names no server: this host's own Postfix."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.request import usage
from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.send.report import TlsMode
    from actions.host.ports import Host, PostfixService

LOOPBACK = "127.0.0.1"
PORTS = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465}
"""Names that master.cf gives to ports (services(5))."""

SERVICES = {25: "smtpd", 587: "submission service (port 587)", 465: "smtps service (port 465)"}
"""What is missing in a master.cf without these ports."""

_EVERYWHERE = {"", "0.0.0.0", "[::]", "*"}  # noqa: S104  (read, not bound)
_SERVERS = {"smtpd", "postscreen"}


class Place(Record):
    """A host and a port."""

    host: str
    port: int


def chosen_place(host: Host, server: str, port: int | None, mode: str, user: str) -> Place:
    """Return where the mail is given in.

    Args:
        host: whose Postfix is meant where *server* is empty.
        server: HOST or HOST:PORT, an IPv6 address in brackets.
        port: what the operator gave beside it.
        mode: the operator's wish for TLS, or nothing.
        user: who logs in; empty for nobody.

    Raises:
        ActionError: *server* is no server, two ports are given, or *server* is empty and this
            host's Postfix has no such service.
    """
    named, given = _split(server)
    if port is not None and given is not None:
        raise usage(f"--server {server} and --port {port}: give the port once")
    wanted = _port(port if port is not None else given)
    usual = _usual_ports(mode, user)
    if named:
        return Place(named, wanted or usual[0])
    own = _own_places(host)
    for one in (wanted,) if wanted else usual:
        if found := next((place for place in own if place.port == one), None):
            return found
    if wanted or usual != (25,) or not own:
        raise _no_service(host, wanted, usual)
    return own[0]


def chosen_mode(wish: str, port: int, user: str) -> TlsMode:
    """Return how TLS begins: as wished, at once on port 465, by STARTTLS for who logs in."""
    if wish == "implicit" or (not wish and port == PORTS["submissions"]):
        return "implicit"
    if wish == "starttls" or (not wish and user):
        return "starttls"
    return "none"


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine, by the name localhost or a loopback's address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _usual_ports(mode: str, user: str) -> tuple[int, ...]:
    """Return the ports on which such mail is usually given in, the first choice first."""
    if mode == "implicit":
        return (465,)
    if user:
        return (587,) if mode else (587, 465)
    return (25,)


def _no_service(host: Host, wanted: int | None, usual: tuple[int, ...]) -> ActionError:
    """Return the refusal to guess: a port that Postfix does not serve is somebody else's."""
    whose = "the lab's master.cf" if host.kind == "lab" else "master.cf"
    missing = f"smtpd on port {wanted}" if wanted else SERVICES[usual[0]]
    return ActionError(
        f"{whose} has no {missing}", Exit.USAGE, "name a server with --server HOST:PORT"
    )


def _split(server: str) -> tuple[str, int | None]:
    text = server.strip()
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") > 1:
        name, port = text, ""
    else:
        name, _, port = text.partition(":")
    if (text and not name) or (port and not port.isdecimal()) or any(map(str.isspace, name)):
        raise usage(f"--server {server!r} is not HOST or HOST:PORT")
    try:
        name.encode("idna")
    except UnicodeError:
        raise usage(f"--server {server!r}: {name!r} is no name of a host") from None
    return name, int(port) if port else None


def _port(port: int | None) -> int | None:
    if port is not None and not 0 < port < 65536:
        raise usage(f"{port} is no port: it is a number from 1 to 65535")
    return port


def _own_places(host: Host) -> list[Place]:
    """Return where this host's Postfix takes mail; raises `ActionError` where nobody can tell."""
    try:
        return list(_places(host, host.postfix.services()))
    except HostError as error:
        raise ActionError(
            f"where this host's Postfix takes mail can't be seen: {error}",
            Exit.UNDECIDED,
            "name a server with --server HOST:PORT",
        ) from error


def _places(host: Host, services: Sequence[PostfixService]) -> Iterator[Place]:
    for service in services:
        if service.kind == "inet" and service.program in _SERVERS:
            address, _, name = service.name.rpartition(":")
            port = PORTS.get(name, int(name) if name.isdecimal() else 0)
            if port:
                yield Place(_address(host, address), port)


def _address(host: Host, given: str) -> str:
    """Return an address on which a service of master.cf is reached."""
    if given not in _EVERYWHERE:
        return given.strip("[]")
    try:
        listening = host.postfix.setting("inet_interfaces").replace(",", " ").split()
    except HostError:
        return LOOPBACK
    usual = {"all", "loopback-only", "localhost", LOOPBACK}
    return LOOPBACK if not listening or usual & set(listening) else listening[0]
