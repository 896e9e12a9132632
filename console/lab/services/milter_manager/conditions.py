"""Applicable conditions: for which clients a child milter is asked at all.

Their names are milter-manager's own (its configuration guide, "Built-in applicable
conditions"); S25R's rules are those of "Selective SMTP Rejection" by Asami Hideo.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONDITIONS: Mapping[str, str] = {
    "S25R": "Selective SMTP Rejection",
    "Remote Network": "for clients of remote networks",
    "Authenticated": "for clients that have logged in",
    "Unauthenticated": "for clients that have not logged in",
}
"""What is known here, with its description."""

# Those that milter-manager itself calls local; ipaddress's is_private has many more.
_LOCAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fe80::/10"),
    )
)

_S25R = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^[^.]*\d[^\d.]+\d.*\.",
        r"^[^.]*\d{5}",
        r"^([^.]+\.)?\d[^.]*\.[^.]+\..+\.[a-z]",
        r"^[^.]*\d\.[^.]*\d-\d",
        r"^[^.]*\d\.[^.]*\d\.[^.]+\..+\.",
        r"^(dhcp|dialup|ppp|[achrsvx]?dsl)[^.]*\d",
    )
)
_MAIL_HOSTS = re.compile(r"\.(google|obsmtp)\.com$", re.IGNORECASE)
"""Large mail hosts that S25R's rules would meet."""


class Networks(Record):
    """What the configuration says of networks."""

    local: tuple[Network, ...] = ()
    remote: tuple[Network, ...] = ()


def networks(local: tuple[str, ...], remote: tuple[str, ...]) -> Networks:
    """Return networks that were written as text; all are valid, see `is_network`."""
    return Networks(tuple(map(_network, local)), tuple(map(_network, remote)))


def is_network(text: str) -> bool:
    """Return whether *text* is an address or a network."""
    try:
        _network(text)
    except ValueError:
        return False
    return True


def unmet_at_connect(conditions: tuple[str, ...], name: str, address: str, known: Networks) -> str:
    """Return the first condition that the client does not meet, or nothing.

    Args:
        conditions: names of `CONDITIONS`.
        name: the client's host name; its address in brackets, or "unknown", where it has none.
        address: its address; empty where it is on this host.
        known: which networks are local, beside the private ones.
    """
    met = {
        "Remote Network": is_remote(address, known),
        "S25R": looks_dynamic(name) and ":" not in address,
    }
    return next((one for one in conditions if one in met and not met[one]), "")


def unmet_at_mail(conditions: tuple[str, ...], authenticated: str) -> str:
    """Return the first condition that the sender does not meet, or nothing.

    Args:
        conditions: names of `CONDITIONS`.
        authenticated: the value of the macro ``{auth_authen}``; empty where nobody logged in.
    """
    met = {"Authenticated": bool(authenticated), "Unauthenticated": not authenticated}
    return next((one for one in conditions if one in met and not met[one]), "")


def is_remote(address: str, known: Networks) -> bool:
    """Return whether *address* is outside: neither private nor named as local."""
    try:
        own = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(own in network for network in known.remote):
        return True
    return not any(own in network for network in (*_LOCAL, *known.local))


def looks_dynamic(name: str) -> bool:
    """Return whether a client called *name* looks like a home's and no mail host's."""
    if name == "unknown" or name.startswith("["):
        return True
    return not _MAIL_HOSTS.search(name) and any(rule.search(name) for rule in _S25R)


def _network(text: str) -> Network:
    return ipaddress.ip_network(text, strict=False)
