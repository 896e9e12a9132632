"""Whether a milter-manager would ask a child for a client, and why not."""

from __future__ import annotations

import pytest

from actions.mailhost.conditions import MEANINGS, meaning, skip_reason
from actions.milter.envelope import Client

OUTSIDE = Client("mail.example.net", "203.0.113.7")
INSIDE = Client("desk.example.org", "192.168.1.20")
NAMELESS = Client("", "203.0.113.9")
KNOWN_USER = OUTSIDE._replace(auth_name="anna", auth_type="PLAIN")


@pytest.mark.parametrize(
    ("client", "skipped"),
    [
        (OUTSIDE, False),
        (INSIDE, True),
        (Client("", "127.0.0.1"), True),
        (Client("", "10.1.2.3"), True),
        (Client("", "172.31.0.1"), True),
        (Client("", "172.32.0.1"), False),
        (Client("", "::1", family="inet6"), True),
        (Client("", "fe80::1", family="inet6"), True),
        (Client("", "2001:db8::1", family="inet6"), False),
        (Client("", "/run/client.sock", family="unix"), True),
        (Client("", "unknown", family="unknown"), False),
    ],
)
def test_remote_network_spares_local_clients(client: Client, skipped: bool) -> None:
    reason = skip_reason(["Remote Network"], client)
    assert bool(reason) == skipped
    if skipped:
        assert reason == f"applies to remote networks; this test came from {client.address}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "dsl-203-0-113-9.example.net",
        "dhcp12345.example.net",
        "3.example.home.example.net",
        "pc1.2-3.example.net",
        "host7.net8.isp.example.net",
        "ppp3.example.net",
    ],
)
def test_s25r_asks_for_names_of_end_users(name: str) -> None:
    assert skip_reason(["S25R"], NAMELESS._replace(name=name)) == ""


@pytest.mark.parametrize("name", ["mail.example.net", "mx2.example.net", "a1b22.google.com"])
def test_s25r_passes_over_names_of_mail_servers(name: str) -> None:
    assert "S25R" in skip_reason(["S25R"], OUTSIDE._replace(name=name))


def test_s25r_looks_at_ipv4_only() -> None:
    six = Client("", "2001:db8::1", family="inet6")
    assert "IPv4" in skip_reason(["S25R"], six)


@pytest.mark.parametrize("name", ["Authenticated", "Authentication"])
def test_some_want_a_login(name: str) -> None:
    assert skip_reason([name], OUTSIDE)
    assert skip_reason([name], KNOWN_USER) == ""


@pytest.mark.parametrize("name", ["Unauthenticated", "Unauthentication"])
def test_some_want_none(name: str) -> None:
    assert skip_reason([name], OUTSIDE) == ""
    assert skip_reason([name], KNOWN_USER).endswith("is authenticated as anna")


@pytest.mark.parametrize(
    "name", ["Trust", "Sendmail Compatible", "Stress Notify", "No Stress", "DNSBL", "of my own"]
)
def test_what_always_applies_or_cannot_be_known_is_no_reason(name: str) -> None:
    for client in (OUTSIDE, INSIDE, NAMELESS, KNOWN_USER):
        assert skip_reason([name], client) == ""


def test_the_first_condition_that_fails_is_the_reason() -> None:
    assert "remote networks" in skip_reason(["Trust", "Remote Network", "S25R"], INSIDE)
    assert skip_reason([], INSIDE) == ""
    assert skip_reason(["Disable"], OUTSIDE)


def test_every_condition_is_explained() -> None:
    assert all(meaning(name) == text for name, text in MEANINGS.items())
    assert meaning("Authentication") == MEANINGS["Authenticated"]
    assert "configuration" in meaning("of my own")
