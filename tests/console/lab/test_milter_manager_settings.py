"""milter-manager's configuration and its conditions, as pure readings."""

from __future__ import annotations

import re

import pytest

from console.lab.services.milter_manager.conditions import (
    looks_dynamic,
    networks,
    unmet_at_connect,
    unmet_at_mail,
)
from console.lab.services.milter_manager.configuration import parse
from console.lab.services.milter_manager.show import shown

WRITTEN = r"""# -*- ruby -*-
manager.unix_socket_mode = 0600  # only for its user
manager.unix_socket_group = nil
remote_network.add_local_address("192.0.2.0/24")
remote_network.add_remote_address("10.1.0.0/16")

define_milter("milter-greylist") do |milter|
  milter.connection_spec = "unix:/run/greylist.sock"
  milter.description = "asks # and \"quotes\""
  milter.applicable_conditions = [
    # from elsewhere only
    "Remote Network",
    "S25R",
  ]
  milter.add_applicable_condition("Unauthenticated")
  milter.reading_timeout = 15
end

define_milter("clamav-milter") do |m|
  m.connection_spec = "inet:10026@localhost"
  m.enabled = false
  m.applicable_conditions = []
end

# A second block adds to the first.
define_milter("milter-greylist") do |milter|
  milter.fallback_status = "temporary-failure"
end
"""


def test_what_is_written_is_read_with_its_lines() -> None:
    read = parse(WRITTEN, "/etc/m.conf")
    assert read.error == ""
    assert read.value("manager", "unix_socket_mode") == 0o600
    assert (read.local, read.remote) == (("192.0.2.0/24",), ("10.1.0.0/16",))
    greylist, clamav = read.children
    assert (greylist.name, greylist.spec) == ("milter-greylist", "unix:/run/greylist.sock")
    assert greylist.value("description") == 'asks # and "quotes"'
    assert greylist.conditions == ("Remote Network", "S25R", "Unauthenticated")
    assert (greylist.seconds("reading_timeout"), greylist.seconds("writing_timeout")) == (15.0, 7.0)
    assert greylist.value("fallback_status") == "temporary-failure"
    assert greylist.given["connection_spec"].line == 8
    assert (clamav.enabled, clamav.conditions) == (False, ())


def test_what_is_shown_reads_as_the_same() -> None:
    read = parse(WRITTEN, "/etc/m.conf")
    text = shown(read)
    again = parse(text, "/etc/m.conf")
    assert again.error == ""
    assert [(one.name, one.spec, one.enabled, one.conditions) for one in again.children] == [
        (one.name, one.spec, one.enabled, one.conditions) for one in read.children
    ]
    assert again.value("manager", "unix_socket_mode") == 0o600
    assert "# /etc/m.conf:2\nmanager.unix_socket_mode = 0600\n" in text
    items = [line for line in text.splitlines() if re.match(r" *\w+\.\w+ = [^\[]", line)]
    places = [line for line in text.splitlines() if line.lstrip().startswith("# ")]
    assert len(places) >= len(items)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("define_milter('x') do |milter|\nend", ':1: syntax error, unexpected "define_milter('),
        ('define_milter("x") do |milter|\n', ":1: syntax error, unexpected end-of-input"),
        ("end", ":1: syntax error, unexpected `end'"),
        ('define_milter("x") do |milter|\ndefine_milter("y") do |milter|', ":2: syntax error"),
        ("manager.colour = 1", ":1: undefined method `colour=' for manager"),
        ("x.y = 1", ":1: undefined method `y=' for x"),
        ("manager.daemon = maybe", ":1: syntax error, unexpected 'maybe'"),
        ('manager.daemon = "yes"', ":1: manager.daemon: invalid value 'yes'"),
        ('manager.fallback_status = "pass"', ":1: manager.fallback_status: invalid value"),
        ('remote_network.add_local_address("x")', ":1: invalid address: 'x'"),
        ('remote_network.forget("x")', ":1: undefined method `forget'"),
        ('milter.add_applicable_condition("S25R")', ":1: undefined method"),
        (
            'define_milter("x") do |milter|\n  milter.add_applicable_condition("Odd")\nend',
            ":2: nonexistent applicable condition: 'Odd'",
        ),
        ('define_milter("x") do |milter|\n  milter.colour = 1\nend', ":2: undefined method"),
        ('manager.pid_file = "open', ":1: syntax error"),
    ],
)
def test_one_mistake_costs_all_children(text: str, complaint: str) -> None:
    good = 'define_milter("good") do |milter|\n  milter.connection_spec = "unix:/x"\nend\n'
    read = parse(text, "m.conf")
    assert f"m.conf{complaint}" in read.error
    assert parse(good, "m.conf").children
    assert parse(f"{good}{text}", "m.conf").children == ()


KNOWN = networks(("192.0.2.0/24",), ("10.1.0.0/16",))


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("203.0.113.7", True),
        ("192.0.2.5", False),
        ("192.168.1.20", False),
        ("127.0.0.1", False),
        ("10.2.0.1", False),
        ("10.1.0.1", True),
        ("172.32.0.1", True),
        ("169.254.7.7", True),
        ("2001:db8::1", True),
        ("fd00::1", True),
        ("::1", False),
        ("", False),
    ],
)
def test_a_remote_network_is_neither_private_nor_named(address: str, remote: bool) -> None:
    unmet = unmet_at_connect(("Remote Network",), "x.example", address, KNOWN)
    assert (unmet == "") is remote


@pytest.mark.parametrize(
    ("name", "dynamic"),
    [
        ("mail.example.net", False),
        ("mx1.example.net", False),
        ("dsl-203-0-113-9.example.net", True),
        ("220-139-165-188.dynamic.example.net", True),
        ("398pkj.cm.example.net", True),
        ("p12345.example.net", True),
        ("ppp7.example.net", True),
        ("[203.0.113.7]", True),
        ("unknown", True),
        ("mail-wr1-f53.google.com", False),
    ],
)
def test_s25r_tells_homes_from_mail_hosts(name: str, dynamic: bool) -> None:
    assert looks_dynamic(name) is dynamic
    assert (unmet_at_connect(("S25R",), name, "203.0.113.7", KNOWN) == "") is dynamic
    assert unmet_at_connect(("S25R",), name, "2001:db8::1", KNOWN) == "S25R"


def test_the_first_condition_that_is_not_met_is_named() -> None:
    conditions = ("Unauthenticated", "S25R", "Remote Network")
    assert unmet_at_connect(conditions, "mail.example.net", "192.168.0.1", KNOWN) == "S25R"
    assert unmet_at_mail(conditions, "bob") == "Unauthenticated"
    assert unmet_at_mail(conditions, "") == ""
    assert unmet_at_mail(("Authenticated",), "") == "Authenticated"
