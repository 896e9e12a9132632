"""The chain that the host's own Postfix drives for mail from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from actions.host.endpoint import parse_endpoint
from actions.milter.link import Link
from actions.milter.transport import Timeouts, connect
from actions.record import Record

if TYPE_CHECKING:
    import socket

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Host
    from actions.milter.link import DefaultAction
    from actions.milter.transport import Connector

_VAGUE = {"sock", "socket", "milter", "postfix"}
"""Parts of a socket's path that say nothing of whose it is."""

_FULL_NAMES = {
    "clamav": "clamav-milter",
    "greylist": "milter-greylist",
    "spamass": "spamass-milter",
}
"""What operators call the milters whose sockets have a shorter name."""

DEFAULT_ACTIONS = ("accept", "tempfail", "reject", "shutdown", "quarantine")


class ConfiguredChain(Record):
    """smtpd_milters, read."""

    specs: tuple[str, ...]
    default_action: str
    """milter_default_action: what Postfix does with mail when a milter fails."""


def configured_chain(host: Host) -> ConfiguredChain:
    """Return the milters of Postfix's smtpd on *host*, in their order.

    Raises:
        HostError: Postfix's settings can't be read.
    """
    listed = host.postfix.setting("smtpd_milters").replace(",", " ").split()
    specs = tuple(_from_queue(host, spec) for spec in listed)
    return ConfiguredChain(specs, host.postfix.setting("milter_default_action"))


def _from_queue(host: Host, spec: str) -> str:
    """Return *spec* with a path that starts in the queue directory, as Postfix reads one."""
    transport, _, path = spec.partition(":")
    if transport not in {"unix", "local"} or path.startswith("/"):
        return spec
    return f"{transport}:{host.postfix.setting('queue_directory')}/{path}"


def milter_name(endpoint: Endpoint) -> str:
    """Return a short name for the milter at *endpoint*, from what its socket is called."""
    if endpoint.family != "unix":
        return f"{endpoint.place}:{endpoint.port}"
    parts = [part.partition(".")[0] for part in reversed(endpoint.place.split("/"))]
    word = next((part for part in parts if part and part not in _VAGUE), endpoint.place)
    return _FULL_NAMES.get(word, word)


def links(
    specs: tuple[str, ...], default_action: str, timeouts: Timeouts, connector: Connector = connect
) -> tuple[Link, ...]:
    """Return *specs* as the links of a chain, each with a name of its own.

    Raises:
        BadEndpoint: a specification names no endpoint.
    """
    action = default_action if default_action in DEFAULT_ACTIONS else "tempfail"
    made: list[Link] = []
    for spec in specs:
        endpoint = parse_endpoint(spec)
        name = milter_name(endpoint)
        taken = sum(link.name == name or link.name.startswith(f"{name}#") for link in made)
        unique = f"{name}#{taken + 1}" if taken else name
        made.append(Link(unique, endpoint, connector, timeouts, cast("DefaultAction", action)))
    return tuple(made)


def connector_as(host: Host, user: str) -> Connector:
    """Return a connector that opens sockets with the rights of *user* on *host*."""

    def open_as(endpoint: Endpoint, timeout: float) -> socket.socket:
        return host.connect_as(user, endpoint, timeout)

    return open_as
