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
    "DNSBL Listed": "only for IPv4 clients that a DNS block list names",
    "Not DNSBL Listed": "only for clients that no DNS block list names",
}
"""The conditions that milter-manager brings along, and what each makes of its child."""

_ALSO_CALLED = {"Authentication": "Authenticated", "Unauthentication": "Unauthenticated"}
"""Names that its documentation uses."""

LOCAL_NETWORKS = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    *("::1/128", "fe80::/10"),
)
"""What is no remote network before the configuration adds to it.

Loopback, the private networks of RFC 1918, and IPv6's link-local addresses (the configuration
guide, "Remote Network", and the addresses that milter-manager's own tests call local). Neither
169.254.0.0/16 nor fc00::/7 is among them.
"""

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
        the child would be asked, or where that can't be known (see `may_skip`).
    """
    for condition in conditions:
        judge = _JUDGES.get(_ALSO_CALLED.get(condition, condition))
        reason = judge(client) if judge else ""
        if reason:
            return reason
    return ""


def may_skip(conditions: Sequence[str], client: Client) -> str:
    """Return why a manager may not have asked a child for *client*, where that can't be known.

    What an operator adds to a condition is code in the configuration, and ``--show-config``
    does not print it.

    Args:
        conditions: the child's applicable conditions, by name.
        client: who sends the message.

    Returns:
        Such as "milter-manager's configuration can name further local networks"; empty where
        the child is surely asked, and where there is a `skip_reason`.
    """
    if skip_reason(conditions, client):
        return ""
    names = (_ALSO_CALLED.get(condition, condition) for condition in conditions)
    return next((_unsure(name) for name in names if name not in _SURE), "")


def _unsure(condition: str) -> str:
    known = _UNSURE.get(condition)
    return known or f"what its condition {condition!r} does, only the configuration knows"


def _remote_network(client: Client) -> str:
    import ipaddress

    reason = f"applies to remote networks; this test came from {client.address}"
    if client.family not in {"inet", "inet6"}:
        return reason
    try:
        address = ipaddress.ip_address(client.address)
    except ValueError:
        return ""
    return reason if any(address in ipaddress.ip_network(one) for one in LOCAL_NETWORKS) else ""


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


def _dnsbl(client: Client) -> str:
    if client.family == "inet":
        return ""
    return f"applies to IPv4 clients (DNSBL Listed); this test came from {client.address}"


_JUDGES: dict[str, Callable[[Client], str]] = {
    "Remote Network": _remote_network,
    "S25R": _s25r,
    "Authenticated": _authenticated,
    "Unauthenticated": _unauthenticated,
    "DNSBL Listed": _dnsbl,
}
"""The conditions that can be judged from the client alone, as far as they can."""

_SURE = {
    *("Authenticated", "Unauthenticated"),
    *("Trust", "Sendmail Compatible", "Stress Notify"),
}
"""The conditions of which all is known: judged from the client, or asking always."""

_UNSURE = {
    "Remote Network": "milter-manager's configuration can name further local networks",
    "S25R": "milter-manager's configuration can name further exceptions to S25R",
    "DNSBL Listed": "applies only to clients that a DNS block list names",
    "Not DNSBL Listed": "applies only to clients that no DNS block list names",
    "No Stress": "applies only while few clients are connected",
}
"""What can't be known of the others."""
