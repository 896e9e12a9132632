"""Under which conditions a milter-manager asks a child, and whether they hold for a client.

Conditions are named in milter-manager's configuration. What its own mean is documented in its
configuration guide ("Built-in applicable conditions"); those that an operator defined are code,
and can't be judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.milter.envelope import Client

MEANINGS = {
    "Remote Network": "only for clients of remote networks",
    "S25R": "only for IPv4 clients whose name looks like an end user's, or that have none",
    "Authenticated": "only for authenticated clients",
    "Unauthenticated": "only for clients that are not authenticated",
    "Trust": "always; sets {trusted_domain}=yes for trusted sender domains (used with SPF)",
    "Sendmail Compatible": "always; gives the milter the macros that Sendmail would",
    "Stress Notify": "always; sets {stress}=yes while many clients are connected",
    "No Stress": "only while few clients are connected",
    "DNSBL": "only for IPv4 clients that a DNS block list names",
    "Disable": "never",
}
"""The conditions that milter-manager brings along, and what each makes of its child."""

_ALSO_CALLED = {"Authentication": "Authenticated", "Unauthentication": "Unauthenticated"}
"""Names that its documentation uses."""

_LOCAL = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fe80::/10")
"""What is no remote network, unless the configuration adds to it."""

_S25R_RULES = (
    r"[^.]*[0-9][^0-9.]+[0-9].*\.",
    r"[^.]*[0-9]{5}",
    r"([^.]+\.)?[0-9][^.]*\.[^.]+\..+\.[a-z]",
    r"[^.]*[0-9]\.[^.]*[0-9]-[0-9]",
    r"[^.]*[0-9]\.[^.]*[0-9]\.[^.]+\..+\.",
    r"(dhcp|dialup|ppp|[achrsvx]?dsl)[^.]*[0-9]",
)
"""The rules 1 to 6 of "The S25R anti-spam system" (H. Asami), on the client's whole name."""

_S25R_SPARED = (".google.com", ".obsmtp.com")


def meaning(condition: str) -> str:
    """Return what *condition* makes of its child, or that only the configuration knows."""
    known = MEANINGS.get(_ALSO_CALLED.get(condition, condition))
    return known or "as the configuration of milter-manager defines it"


def skip_reason(conditions: Sequence[str], client: Client) -> str:
    """Return why a manager would not ask a child for *client*, in words.

    Args:
        conditions: the child's applicable conditions, by name.
        client: who sends the message.

    Returns:
        Such as "applies to remote networks; this test came from 192.168.1.20"; empty where
        the child would be asked, or where that can't be known.
    """
    for condition in conditions:
        judge = _JUDGES.get(_ALSO_CALLED.get(condition, condition))
        reason = judge(client) if judge else ""
        if reason:
            return reason
    return ""


def _remote_network(client: Client) -> str:
    import ipaddress

    reason = f"applies to remote networks; this test came from {client.address}"
    if client.family == "unix":
        return reason
    try:
        address = ipaddress.ip_address(client.address)
    except ValueError:
        return ""
    return reason if any(address in ipaddress.ip_network(one) for one in _LOCAL) else ""


def _s25r(client: Client) -> str:
    if client.family != "inet":
        return f"applies to IPv4 clients (S25R); this test came from {client.address}"
    name = client.name.lower()
    if not name or (_looks_like_end_user(name) and not name.endswith(_S25R_SPARED)):
        return ""
    return (
        "applies to clients whose name looks like an end user's (S25R); this test came from "
        f"{client.name}"
    )


def _looks_like_end_user(name: str) -> bool:
    import re

    return any(re.match(rule, name) for rule in _S25R_RULES)


def _authenticated(client: Client) -> str:
    if client.auth_name or client.auth_type:
        return ""
    return "applies to authenticated clients; this test's client is not authenticated"


def _unauthenticated(client: Client) -> str:
    if not (client.auth_name or client.auth_type):
        return ""
    who = f" as {client.auth_name}" if client.auth_name else ""
    return f"applies to unauthenticated clients; this test's client is authenticated{who}"


_JUDGES: dict[str, Callable[[Client], str]] = {
    "Remote Network": _remote_network,
    "S25R": _s25r,
    "Authenticated": _authenticated,
    "Unauthenticated": _unauthenticated,
    "Disable": lambda _: "its condition Disable turns it off",
}
"""The conditions that can be judged from the client alone; No Stress and DNSBL can't."""
