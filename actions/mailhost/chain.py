"""The chain that the host's own Postfix drives for mail from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import HostError
from actions.mailhost.values import items, seconds
from actions.milter.link import DefaultAction, Link
from actions.milter.transport import Timeouts, connect
from actions.record import Record

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Host
    from actions.milter.macros import MacroLists
    from actions.milter.transport import Connector

_VAGUE = {"sock", "socket", "milter", "postfix"}
"""Parts of a socket's path that say nothing of whose it is."""

_FULL_NAMES = {
    "clamav": "clamav-milter",
    "greylist": "milter-greylist",
    "spamass": "spamass-milter",
}
"""What operators call the milters whose sockets have a shorter name."""

MACRO_STAGES = ("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data")
"""The stages that have a milter_*_macros setting."""

_PER_MILTER = ("connect_timeout", "command_timeout", "content_timeout", "default_action")
"""Settings that a milter's braces may give it for itself (postconf(5), smtpd_milters)."""


class ConfiguredChain(Record):
    """The chain as Postfix's settings give it."""

    links: tuple[Link, ...]
    hostname: str
    daemon_name: str
    version: str
    """milter_macro_v."""
    macro_lists: MacroLists

    @property
    def specs(self) -> tuple[str, ...]:
        """Where the milters listen."""
        return tuple(link.endpoint.spec for link in self.links)


def configured_chain(host: Host, connector: Connector = connect) -> ConfiguredChain:
    """Return the milters of Postfix's smtpd on *host*, in their order.

    Raises:
        HostError: Postfix's settings can't be read, or name a milter that Postfix refuses.
    """
    return read_chain(host.postfix.setting, connector)


def read_chain(get: Callable[[str], str], connector: Connector = connect) -> ConfiguredChain:
    """Return the chain out of settings that *get* tells by name; raises `HostError`."""
    usual = {name: get(f"milter_{name}") for name in _PER_MILTER}
    made = [_link(item, usual, get, connector) for item in items(get("smtpd_milters"))]
    return ConfiguredChain(
        named_apart(made),
        get("myhostname"),
        get("milter_macro_daemon_name"),
        get("milter_macro_v"),
        {stage: _macros(get(f"milter_{stage}_macros")) for stage in MACRO_STAGES},
    )


def _link(
    item: str, usual: Mapping[str, str], get: Callable[[str], str], connector: Connector
) -> Link:
    """Read ``unix:/path`` or ``{ unix:/path, command_timeout=10s, … }``."""
    spec, *own = items(item.strip("{} ")) or ("",)
    values = {**usual, **dict(setting.split("=", 1) for setting in own if "=" in setting)}
    action = values["default_action"]
    if action not in get_args(DefaultAction):
        raise HostError(f"milter_default_action = {action}: Postfix knows no such action")
    command, content = seconds(values["command_timeout"]), seconds(values["content_timeout"])
    timeouts = Timeouts(seconds(values["connect_timeout"]), command, command, content, content)
    try:
        endpoint = parse_endpoint(_from_queue(spec, get))
    except BadEndpoint as error:
        raise HostError(f"smtpd_milters: {error}") from error
    return Link(milter_name(endpoint), endpoint, connector, timeouts, cast("DefaultAction", action))


def _from_queue(spec: str, get: Callable[[str], str]) -> str:
    """Return *spec* with a path that starts in the queue directory, as Postfix reads one."""
    transport, _, path = spec.partition(":")
    if transport not in {"unix", "local"} or not path or path.startswith("/"):
        return spec
    return f"{transport}:{get('queue_directory')}/{path}"


def _macros(value: str) -> tuple[str, ...]:
    return tuple(name.strip("{}") for name in items(value))


def milter_name(endpoint: Endpoint) -> str:
    """Return a short name for the milter at *endpoint*, from what its socket is called."""
    if endpoint.family != "unix":
        return f"{endpoint.place}:{endpoint.port}"
    parts = [part.partition(".")[0] for part in reversed(endpoint.place.split("/"))]
    word = next((part for part in parts if part and part not in _VAGUE), endpoint.place)
    return _FULL_NAMES.get(word, word)


def links(specs: tuple[str, ...], connector: Connector = connect) -> tuple[Link, ...]:
    """Return *specs* as the links of a chain, each with a name of its own.

    Raises:
        BadEndpoint: a specification names no endpoint.
    """
    endpoints = [parse_endpoint(spec) for spec in specs]
    return named_apart([Link(milter_name(one), one, connector) for one in endpoints])


def named_apart(made: Sequence[Link]) -> tuple[Link, ...]:
    """Return links of which no two have the same name."""
    seen: dict[str, int] = {}
    apart = []
    for link in made:
        seen[link.name] = number = seen.get(link.name, 0) + 1
        apart.append(link._replace(name=f"{link.name}#{number}") if number > 1 else link)
    return tuple(apart)


def connector_as(host: Host, user: str) -> Connector:
    """Return a connector that opens sockets with the rights of *user* on *host*."""

    def open_as(endpoint: Endpoint, timeout: float) -> socket.socket:
        return host.connect_as(user, endpoint, timeout)

    return open_as
