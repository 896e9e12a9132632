"""How the SMTP front is set: Postfix's settings, read once when the process starts."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Literal, get_args

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.milter.link import DefaultAction, Link
from actions.milter.transport import Timeouts
from actions.record import Record
from console.lab.conf import BadSetting
from console.lab.postfix import items, seconds

if TYPE_CHECKING:
    from actions.milter.macros import MacroLists
    from console.lab.postfix import MainCf

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

STAGES = ("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data")
"""The stages that have a milter_*_macros setting."""

Fate = Literal["local", "relay", "refused"]


class FrontSettings(Record):
    """What the front must know."""

    hostname: str
    banner: str
    """What follows the host's name in the greeting."""
    origin: str
    local_domains: frozenset[str]
    networks: tuple[Network, ...]
    xclient: tuple[Network, ...]
    """Clients that may say for whom they speak."""
    delimiter: str
    size_limit: int
    queue: str
    mail: str
    """The folder with a mailbox for each user."""
    version: str
    links: tuple[Link, ...]
    macro_lists: MacroLists

    def is_inside(self, address: str) -> bool:
        """Return whether *address* belongs to mynetworks."""
        return _among(address, self.networks)

    def may_speak_for_others(self, address: str) -> bool:
        """Return whether a client at *address* may use XCLIENT."""
        return _among(address, self.xclient)

    def complete(self, address: str) -> str:
        """Return *address* with the origin's domain where it has none."""
        return f"{address}@{self.origin}" if address and "@" not in address else address

    def is_local(self, address: str) -> bool:
        """Return whether mail for *address* ends on this host."""
        return address.rpartition("@")[2].lower() in self.local_domains

    def mailbox(self, address: str) -> str:
        """Return the user whose mailbox *address* is, or nothing where it can't be one."""
        local = address.rpartition("@")[0].lower()
        user = local.partition(self.delimiter)[0] if self.delimiter else local
        return user if re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,63}", user) else ""


def read_front(main_cf: MainCf) -> FrontSettings:
    """Read what the front needs; raises `HostError` or `BadSetting`."""
    get = main_cf.setting
    return FrontSettings(
        hostname=get("myhostname"),
        banner=get("smtpd_banner").partition(" ")[2],
        origin=get("myorigin"),
        local_domains=frozenset(domain.lower() for domain in items(get("mydestination"))),
        networks=_networks(get("mynetworks"), "mynetworks"),
        xclient=_networks(get("smtpd_authorized_xclient_hosts"), "smtpd_authorized_xclient_hosts"),
        delimiter=get("recipient_delimiter")[:1],
        size_limit=int(get("message_size_limit")),
        queue=get("queue_directory"),
        mail=get("mail_spool_directory"),
        version=get("milter_macro_v"),
        links=_links(main_cf),
        macro_lists={stage: _macros(get(f"milter_{stage}_macros")) for stage in STAGES},
    )


def _macros(value: str) -> tuple[str, ...]:
    return tuple(name.strip("{}") for name in items(value))


def _links(main_cf: MainCf) -> tuple[Link, ...]:
    defaults = {
        name: main_cf.setting(f"milter_{name}")
        for name in ("connect_timeout", "command_timeout", "content_timeout", "default_action")
    }
    return tuple(_link(item, defaults) for item in items(main_cf.setting("smtpd_milters")))


def _link(item: str, defaults: dict[str, str]) -> Link:
    """Read ``unix:/path`` or ``{ unix:/path, command_timeout=10s, … }``."""
    spec, *overrides = items(item.strip("{} "))
    own = dict(override.split("=", 1) for override in overrides if "=" in override)
    values = {**defaults, **own}
    action = values["default_action"]
    if action not in get_args(DefaultAction):
        raise BadSetting(f"main.cf: milter_default_action {action!r} is unknown")
    command, content = seconds(values["command_timeout"]), seconds(values["content_timeout"])
    timeouts = Timeouts(seconds(values["connect_timeout"]), command, command, content, content)
    try:
        endpoint = parse_endpoint(spec)
    except BadEndpoint as error:
        raise BadSetting(f"main.cf: smtpd_milters: {error}") from error
    return Link(spec, endpoint, timeouts=timeouts, default_action=action)  # type: ignore[arg-type]


def _networks(value: str, name: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(re.sub(r"[\[\]]", "", item), strict=False) for item in items(value)
        )
    except ValueError as error:
        raise BadSetting(f"main.cf: {name}: {error}") from error


def _among(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        own = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(own in network for network in networks)
