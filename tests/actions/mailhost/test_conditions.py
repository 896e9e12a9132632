"""Whether a milter-manager would ask a child for a client, and why not."""

from __future__ import annotations

import pytest

from actions.mailhost.conditions import LOCAL_NETWORKS, MEANINGS, may_skip, meaning, skip_reason
from actions.milter.envelope import Client
from console.lab.services.milter_manager.conditions import Networks, is_remote

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
        (Client("", "169.254.7.7"), False),
        (Client("", "fd00::1", family="inet6"), False),
        (Client("", "unknown", family="unknown"), True),
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
    "name",
    [
        *("Trust", "Sendmail Compatible", "Stress Notify", "No Stress"),
        *("DNSBL Listed", "Not DNSBL Listed", "of my own"),
    ],
)
def test_what_always_applies_or_cannot_be_known_is_no_reason(name: str) -> None:
    for client in (OUTSIDE, INSIDE, NAMELESS, KNOWN_USER):
        assert skip_reason([name], client) == ""


def test_the_first_condition_that_fails_is_the_reason() -> None:
    assert "remote networks" in skip_reason(["Trust", "Remote Network", "S25R"], INSIDE)
    assert skip_reason([], INSIDE) == ""


def test_every_condition_is_explained() -> None:
    assert all(meaning(name) == text for name, text in MEANINGS.items())
    assert meaning("Authentication") == MEANINGS["Authenticated"]
    assert "configuration" in meaning("of my own")


@pytest.mark.parametrize("client", [OUTSIDE, Client("", "192.0.2.5"), NAMELESS])
def test_networks_that_the_configuration_adds_can_not_be_seen(client: Client) -> None:
    assert skip_reason(["Remote Network"], client) == ""
    assert may_skip(["Remote Network"], client).endswith("can name further local networks")


def test_block_lists_are_asked_about_ipv4_only() -> None:
    six = Client("", "2001:db8::1", family="inet6")
    assert "IPv4" in skip_reason(["DNSBL Listed"], six)
    assert skip_reason(["Not DNSBL Listed"], six) == ""


@pytest.mark.parametrize(
    "name", ["S25R", "No Stress", "DNSBL Listed", "Not DNSBL Listed", "of my own"]
)
def test_a_condition_that_only_the_manager_can_judge_leaves_it_open(name: str) -> None:
    assert may_skip(["Trust", name], NAMELESS)
    assert may_skip([name], INSIDE._replace(name="")) != ""
    assert may_skip([name, "Authenticated"], NAMELESS) == ""
    assert "'of my own'" in may_skip(["of my own"], NAMELESS)


@pytest.mark.parametrize("name", ["Trust", "Sendmail Compatible", "Stress Notify", "Authenticated"])
def test_a_condition_of_which_all_is_known_leaves_nothing_open(name: str) -> None:
    for client in (OUTSIDE, INSIDE, NAMELESS, KNOWN_USER):
        assert may_skip([name], client) == ""
    assert may_skip([], OUTSIDE) == ""


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.1", "128.0.0.1", "10.255.0.1", "11.0.0.1", "169.254.7.7"),
        *("172.15.0.1", "172.16.0.1", "172.31.255.1", "172.32.0.1", "192.168.9.9", "192.169.0.1"),
        *("::1", "::2", "fe80::1", "fec0::1", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"),
    ],
)
def test_the_labs_milter_manager_calls_the_same_clients_local(address: str) -> None:
    client = Client("", address, family="inet6" if ":" in address else "inet")
    assert is_remote(address, Networks()) is not bool(skip_reason(["Remote Network"], client))
    assert len(LOCAL_NETWORKS) == 6
