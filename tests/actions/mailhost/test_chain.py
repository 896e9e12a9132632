"""The host's own chain: read from Postfix's settings, and each milter given a name."""

from __future__ import annotations

import pytest

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import HostError
from actions.host.system import SystemHost
from actions.mailhost.chain import (
    MACRO_STAGES,
    connector_as,
    links,
    milter_name,
    read_chain,
)
from actions.milter.connection import offer_of
from actions.milter.transport import connect
from tests.postfix_ports import TablePostfix

USUAL = {
    "receive_override_options": "",
    "queue_directory": "/var/spool/postfix",
    "myhostname": "mx.example.org",
    "milter_macro_daemon_name": "daemon.example.org",
    "milter_macro_v": "Postfix 3.10.1",
    "milter_default_action": "accept",
    "milter_connect_timeout": "30s",
    "milter_command_timeout": "1m",
    "milter_content_timeout": "300s",
    **{f"milter_{stage}_macros": "i {auth_type}" for stage in MACRO_STAGES},
}


def host(**settings: str) -> SystemHost:
    made = SystemHost()
    made.postfix = TablePostfix({**USUAL, **settings})
    return made


@pytest.mark.parametrize(
    ("written", "specs"),
    [
        ("", ()),
        ("unix:/a", ("unix:/a",)),
        ("unix:/a, inet:localhost:8891", ("unix:/a", "inet:localhost:8891")),
        ("unix:/a inet:h:1,unix:/b", ("unix:/a", "inet:h:1", "unix:/b")),
        ("unix:opendkim/opendkim.sock", ("unix:/var/spool/postfix/opendkim/opendkim.sock",)),
    ],
)
def test_milters_are_read_as_postfix_reads_them(written: str, specs: tuple[str, ...]) -> None:
    assert read_chain(host(smtpd_milters=written).postfix.setting).specs == specs


def test_a_milter_in_braces_has_settings_of_its_own() -> None:
    written = "{ unix:/a, command_timeout=5s, default_action=reject } unix:/b"
    first, second = read_chain(host(smtpd_milters=written).postfix.setting).links
    assert (first.timeouts.reply, first.timeouts.connect, first.timeouts.end) == (5, 30, 300)
    assert (second.timeouts.reply, second.default_action) == (60, "accept")
    assert first.default_action == "reject"


def test_the_mta_is_what_its_settings_say() -> None:
    chain = read_chain(host(smtpd_milters="unix:/a").postfix.setting)
    assert (chain.hostname, chain.daemon_name) == ("mx.example.org", "daemon.example.org")
    assert chain.version == "Postfix 3.10.1"
    assert chain.macro_lists["mail"] == ("i", "auth_type")


@pytest.mark.parametrize(
    "settings",
    [
        {"smtpd_milters": "/no/transport/but/a/path:1 nonsense"},
        {"smtpd_milters": "{ }"},
        {"smtpd_milters": "unix:/a", "milter_default_action": "weird"},
        {"smtpd_milters": "unix:/a", "milter_command_timeout": "soon"},
    ],
)
def test_what_postfix_refuses_is_an_error(settings: dict[str, str]) -> None:
    with pytest.raises(HostError):
        read_chain(host(**settings).postfix.setting)


def test_settings_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(HostError):
        read_chain(host().postfix.setting)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("unix:/run/opendkim/opendkim.sock", "opendkim"),
        ("unix:/var/spool/postfix/opendkim/milter.sock", "opendkim"),
        ("unix:/run/clamav/clamav-milter.ctl", "clamav-milter"),
        ("unix:/run/milter-greylist/milter-greylist.sock", "milter-greylist"),
        ("unix:/socket", "/socket"),
        ("inet:localhost:8891", "localhost:8891"),
        ("inet6:[::1]:8891", "::1:8891"),
    ],
)
def test_a_milter_is_called_after_its_socket(spec: str, name: str) -> None:
    assert milter_name(parse_endpoint(spec)) == name


def test_milters_of_one_name_are_numbered() -> None:
    made = links(("unix:/a/x.sock", "unix:/b/x.sock", "unix:/c/x.sock"))
    assert [link.name for link in made] == ["x", "x#2", "x#3"]
    assert {link.connector for link in made} == {connect}


def test_a_specification_of_nothing_is_refused() -> None:
    with pytest.raises(BadEndpoint):
        links(("nonsense",))


def test_a_connector_for_nobody_is_an_error() -> None:
    with pytest.raises(HostError, match="no-such-user"):
        connector_as(SystemHost(), "no-such-user")(parse_endpoint("unix:/a"), 1.0)


def test_each_milter_is_offered_its_own_protocol_version() -> None:
    written = "{ unix:/a, protocol=2 } unix:/b"
    first, second = read_chain(
        host(smtpd_milters=written, milter_protocol="4").postfix.setting
    ).links
    assert (first.offer, second.offer) == (offer_of(2), offer_of(4))
