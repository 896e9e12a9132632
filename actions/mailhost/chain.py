"""The chain that the host's own Postfix drives for mail from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError
from actions.host.words import BadBraces, closing_brace, name_and_value, unwrapped
from actions.mailhost.specs import (
    ENDS,
    PER_MILTER,
    TIMES,
    Refused,
    Surroundings,
    check_time,
    checked_action,
    checked_protocol,
    read_milter,
)
from actions.mailhost.values import items
from actions.milter.connection import offer_of
from actions.milter.link import Link
from actions.milter.transport import connect
from actions.record import Record

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

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
"""The stages whose setting is called milter_STAGE_macros."""

MACRO_SETTINGS = {
    **{stage: f"milter_{stage}_macros" for stage in MACRO_STAGES},
    "unknown": "milter_unknown_command_macros",
}
"""By stage: the setting with the names of the macros that are sent there."""


class ConfiguredChain(Record):
    """The chain as Postfix's settings give it."""

    links: tuple[Link, ...]
    hostname: str
    daemon_name: str
    version: str
    """milter_macro_v."""
    macro_lists: MacroLists
    protocol: str = "6"
    """milter_protocol: a version, and extensions such as no_header_reply."""
    macro_defaults: tuple[tuple[str, str], ...] = ()
    """milter_macro_defaults: values for macros that have none of their own."""
    header_checks: str = ""
    """milter_header_checks: tables that see the headers which milters add."""

    @property
    def specs(self) -> tuple[str, ...]:
        """Where the milters listen."""
        return tuple(link.endpoint.spec for link in self.links)


class Refusal(Record):
    """A milter that Postfix's settings name and that Postfix does not accept."""

    item: str
    """As it is written; empty where a setting for all milters is refused."""
    reason: str
    """In Postfix's words."""
    effect: str
    setting: str = ""
    """The setting for all milters that is refused, as ``NAME = VALUE``."""


class Reading(Record):
    """What Postfix's settings say of the milters of one service."""

    chain: ConfiguredChain
    specs: tuple[str, ...]
    """Each link as it is written, without its braces."""
    protocols: tuple[str, ...]
    """Each link's milter_protocol."""
    refusals: tuple[Refusal, ...]


def read_chain(get: Callable[[str], str], connector: Connector = connect) -> ConfiguredChain:
    """Return the chain out of settings that *get* tells by name; raises `HostError`."""
    reading = read_settings(get, connector)
    for refusal in reading.refusals:
        raise HostError(f"smtpd_milters: {refusal.item}: {refusal.reason}".replace(": : ", ": "))
    return reading.chain


def read_settings(
    get: Callable[[str], str],
    connector: Connector = connect,
    setting: str = "smtpd_milters",
    *,
    chroot: bool = False,
) -> Reading:
    """Return what the settings that *get* tells by name say of the milters in *setting*.

    Args:
        get: returns the value of a setting, expanded; raises `HostError`.
        connector: how the milters' sockets are opened.
        setting: "smtpd_milters" or "non_smtpd_milters".
        chroot: whether the service that connects runs below the queue directory.

    Raises:
        HostError: a setting can't be read.
    """
    usual, refusals = _usual(get)
    version = _version(_or(get, "mail_version", ""))
    ipv6 = _or(get, "inet_protocols", "all") != "ipv4"
    around = Surroundings(get("queue_directory"), chroot, version, ipv6)
    made, specs, protocols = [], [], []
    for item in items(get(setting)):
        try:
            spec, protocol, link = read_milter(item, usual, around, connector)
        except Refused as error:
            refusals.append(Refusal(item, str(error), error.effect))
            continue
        offer = offer_of(checked_protocol(protocol))
        made.append(link._replace(name=milter_name(link.endpoint), offer=offer))
        specs.append(spec)
        protocols.append(protocol)
    chain = ConfiguredChain(
        named_apart(made),
        get("myhostname"),
        get("milter_macro_daemon_name"),
        get("milter_macro_v"),
        {stage: _macros(_or(get, name, "")) for stage, name in MACRO_SETTINGS.items()},
        usual["protocol"],
        _macro_defaults(_or(get, "milter_macro_defaults", ""), refusals),
        _or(get, "milter_header_checks", ""),
    )
    return Reading(chain, tuple(specs), tuple(protocols), tuple(refusals))


def _usual(get: Callable[[str], str]) -> tuple[dict[str, str], list[Refusal]]:
    """Return the settings for every milter, with Postfix's own value for one that it refuses."""
    values: dict[str, str] = {}
    refusals = []
    version = _version(_or(get, "mail_version", ""))
    for name, instead in zip(PER_MILTER, ("30s", "30s", "300s", "tempfail", "6"), strict=True):
        value = _or(get, "milter_protocol", "6") if name == "protocol" else get(f"milter_{name}")
        try:
            if name in TIMES:
                check_time(f"milter_{name}", value)
            elif name == "protocol":
                checked_protocol(value)
            else:
                checked_action(value, version)
        except Refused as error:
            setting = f"milter_{name} = {value}"
            refusals.append(Refusal("", str(error), error.effect, setting))
            value = instead
        values[name] = value
    return values, refusals


def _or(get: Callable[[str], str], name: str, otherwise: str) -> str:
    """Return a setting that older versions of Postfix do not have."""
    try:
        return get(name)
    except HostError:
        return otherwise


def _version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version such as 3.7.11 or 3.11-20250613; none of another text."""
    numbers = text.partition("-")[0].split(".")
    return tuple(map(int, numbers)) if all(part.isdigit() for part in numbers) else ()


def _macro_defaults(value: str, refusals: list[Refusal]) -> tuple[tuple[str, str], ...]:
    """Return the pairs in milter_macro_defaults; add to *refusals* what is none."""
    pairs = []
    for word in items(value):
        try:
            # {name}=value names a macro as the lists do; {name=value} holds the pair together.
            whole = closing_brace(word) not in range(len(word) - 1)
            pair = unwrapped(word) if whole else word
            name, text = name_and_value(pair)
        except BadBraces as error:
            reason, setting = f"malformed default macro entry: {error}", "milter_macro_defaults"
            refusals.append(Refusal("", reason, ENDS, f"{setting} = {word}"))
            continue
        pairs.append((name.strip("{}"), text))
    return tuple(pairs)


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
