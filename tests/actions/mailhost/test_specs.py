"""What Postfix refuses in its list of milters, and in which words."""

from __future__ import annotations

import pytest

from actions.host.endpoint import UNIX_PATH_LIMIT
from actions.host.errors import HostError
from actions.mailhost.chain import Reading, read_settings
from tests.actions.mailhost.test_chain import USUAL

BRACED = "{{ inet:127.0.0.1:1, {} }}"

REFUSED = {
    "/run/a.sock": 'Milter service needs transport:endpoint instead of "/run/a.sock"',
    "nonsense": 'Milter service needs transport:endpoint instead of "nonsense"',
    "unix:": 'Milter service needs transport:endpoint instead of "unix:"',
    "inet:": 'Milter service needs transport:endpoint instead of "inet:"',
    "inet6:[::1]:8891": "invalid transport name: inet6 in Milter service: inet6:[::1]:8891",
    "UNIX:/a": "invalid transport name: UNIX in Milter service: UNIX:/a",
    "inet:8891@localhost": "8891@localhost: garbage after numerical service",
    "inet:127.0.0.1:1}": "127.0.0.1:1}: garbage after numerical service",
    "inet:localhost": "host or service localhost not found",
    "inet:h:99999": "host or service h:99999 not found",
    "inet:127.0.0.1:nosuchservice": "host or service 127.0.0.1:nosuchservice not found",
    "inet:1.2.3.4.5:1": "1.2.3.4.5:1: valid hostname or network address required",
    f"unix:/{'x' * UNIX_PATH_LIMIT}": f"unix-domain name too long: /{'x' * UNIX_PATH_LIMIT}",
    "{ }": 'empty milter definition: "{ }"',
    "{ inet:127.0.0.1:1": "missing '}' in \"{ inet:127.0.0.1:1\"",
    "{ inet:127.0.0.1:1 }x": "syntax error after '}' in \"{ inet:127.0.0.1:1 }x\"",
    BRACED.format("bogus=1"): 'unknown option: "bogus = 1"',
    BRACED.format("command_timeout = 5s"): (
        "malformed option: missing '=' after attribute name: \"...command_timeout...\""
    ),
    BRACED.format("default_action"): "malformed option: missing '=' after attribute name",
    BRACED.format("default_action="): "bad string length 0 < 1: default_action =",
    BRACED.format("command_timeout=0"): "invalid command_timeout: 0 (min 1)",
    BRACED.format("command_timeout=soon"): "invalid command_timeout:",
    BRACED.format("command_timeout=5x"): "command_timeout: bad time value or unit: 5x",
    BRACED.format("command_timeout=1.5s"): "command_timeout: bad time value or unit: 1.5s",
    BRACED.format("command_timeout=5S"): "command_timeout: bad time value or unit: 5S",
    BRACED.format("default_action=weird"): "unrecognized default action: weird",
    BRACED.format("default_action=shutdown"): "unrecognized default action: shutdown",
    BRACED.format("protocol=7"): "bad protocol information: 7",
    BRACED.format("protocol=no_header_reply"): "no protocol version information",
}
"""As a running Postfix 3.7.11 logged them, each as the smtpd_milters of a service of its own."""

TAKEN = {
    "unix:/run/a.sock": "unix:/run/a.sock",
    "local:x": "unix:/var/spool/postfix/x",
    "inet:8891": "inet:localhost:8891",
    "inet::8891": "inet:localhost:8891",
    "inet:localhost:smtp": "inet:localhost:25",
    "inet:[::1]:8891": "inet:[::1]:8891",
    "inet:filter.example.net:8891": "inet:filter.example.net:8891",
    "{inet:127.0.0.1:1}": "inet:127.0.0.1:1",
    BRACED.format("{command_timeout = 5s}"): "inet:127.0.0.1:1",
    BRACED.format("default_action=Accept"): "inet:127.0.0.1:1",
    BRACED.format("default_action=quarantine protocol=6"): "inet:127.0.0.1:1",
    BRACED.format("{ protocol = 6, no_header_reply }"): "inet:127.0.0.1:1",
}
"""What the same Postfix went and connected to."""


def read(value: str, *, chroot: bool = False, **others: str) -> Reading:
    settings = {**USUAL, "mail_version": "3.7.11", "smtpd_milters": value, **others}

    def get(name: str) -> str:
        if name not in settings:
            raise HostError(name)
        return settings[name]

    return read_settings(get, chroot=chroot)


@pytest.mark.parametrize("item", REFUSED)
def test_what_postfix_refuses_is_told_in_its_words(item: str) -> None:
    reading = read(f"unix:/first, {item}")
    if item.endswith("}x"):  # nothing separates it from what follows
        reading = read(item)
    (refusal,) = reading.refusals
    assert REFUSED[item] in refusal.reason
    assert refusal.item == item
    assert refusal.effect


@pytest.mark.parametrize("item", TAKEN)
def test_what_postfix_takes_is_where_it_connects(item: str) -> None:
    reading = read(item)
    assert (reading.refusals, reading.chain.specs) == ((), (TAKEN[item],))


def test_the_other_milters_of_the_chain_are_still_told() -> None:
    reading = read("unix:/a nonsense unix:/b")
    assert reading.specs == ("unix:/a", "unix:/b")
    assert [refusal.item for refusal in reading.refusals] == ["nonsense"]


def test_a_chroot_moves_absolute_paths_and_leaves_relative_ones() -> None:
    reading = read("unix:/run/a.sock, unix:b.sock, inet:1", chroot=True)
    queue = "/var/spool/postfix"
    assert reading.chain.specs == (
        f"unix:{queue}/run/a.sock",
        f"unix:{queue}/b.sock",
        "inet:localhost:1",
    )
    assert reading.specs == ("unix:/run/a.sock", "unix:b.sock", "inet:1")


def test_an_ipv6_milter_is_refused_where_postfix_speaks_ipv4_only() -> None:
    assert read("inet:[::1]:1", inet_protocols="ipv4").refusals
    assert not read("inet:[::1]:1", inet_protocols="ipv4, ipv6").refusals


@pytest.mark.parametrize(
    "version", ["3.7.20", "3.10.8", "3.10.13", "3.11.0", "3.11", "3.12.1", "4.0"]
)
def test_shutdown_is_an_action_since_3_11(version: str) -> None:
    newer = read("unix:/a", milter_default_action="shutdown", mail_version=version)
    assert newer.chain.links[0].default_action == "shutdown"
    assert not newer.refusals


@pytest.mark.parametrize("version", ["2.11.3", "3.6.9", "3.7.11", "3.7.19", "3.10", "3.10.7"])
def test_it_is_none_before(version: str) -> None:
    assert read("unix:/a", milter_default_action="shutdown", mail_version=version).refusals


def test_what_is_wrong_for_all_milters_is_told_once() -> None:
    reading = read("unix:/a unix:/b", milter_command_timeout="5S", milter_protocol="9")
    assert [refusal.reason for refusal in reading.refusals] == [
        "milter_command_timeout: bad time value or unit: 5S",
        "bad protocol information: 9",
    ]
    assert reading.specs == ("unix:/a", "unix:/b")


def test_macros_and_their_defaults_are_read() -> None:
    chain = read(
        "unix:/a",
        milter_unknown_command_macros="{rcpt_addr}",
        milter_macro_defaults="foo=bar, { {daemon_port} = 2 5 } {a}=b",
        milter_header_checks="pcre:/etc/postfix/milter_header_checks",
    ).chain
    assert chain.macro_lists["unknown"] == ("rcpt_addr",)
    assert chain.macro_defaults == (("foo", "bar"), ("daemon_port", "2 5"), ("a", "b"))
    assert chain.header_checks == "pcre:/etc/postfix/milter_header_checks"


@pytest.mark.parametrize("value", ["a", "{a=b", "=b", "x=y, {a}"])
def test_a_malformed_macro_default_ends_the_service(value: str) -> None:
    (refusal,) = read("unix:/a", milter_macro_defaults=value).refusals
    assert refusal.reason.startswith("malformed default macro entry: missing")
    assert "ends at once" in refusal.effect
