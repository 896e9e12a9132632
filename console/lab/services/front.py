"""How the SMTP front is set: Postfix's settings, read once when the process starts."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from actions.mailhost.chain import ConfiguredChain, read_chain
from actions.mailhost.values import items
from actions.record import Record
from console.lab.conf import BadSetting

if TYPE_CHECKING:
    from actions.milter.link import Link
    from actions.milter.macros import MacroLists
    from console.lab.postfix import MainCf

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
    chain = read_chain(get)
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
        version=chain.version,
        links=_links(chain),
        macro_lists=chain.macro_lists,
    )


def _links(chain: ConfiguredChain) -> tuple[Link, ...]:
    """Return the milters, called as Postfix calls them in its log."""
    return tuple(link._replace(name=link.endpoint.spec) for link in chain.links)


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
