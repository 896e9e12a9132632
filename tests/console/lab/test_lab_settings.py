"""The lab's readers: what operators write, with its comments, quotes and mistakes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Exit
from actions.host.errors import HostError
from actions.mailhost.values import items, seconds
from console.lab import folder, layout
from console.lab.conf import BadSetting, read_assignments, read_pairs
from console.lab.faults import FAULTS, faults_named
from console.lab.postfix import MainCf, expand, parse
from console.lab.services import clamav, greylist, opendkim, spamass
from console.lab.services.front import read_front

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GREYLIST = """
# a comment
socket "/run/greylist.sock" 660  # and another
subnetmatch /24
greylist 10m
racl whitelist addr 127.0.0.0/8
racl greylist domain \\
    /^(dhcp|dsl)#?[^.]*[0-9]/
racl blacklist domain spam.example
racl whitelist default
"""


def test_pairs_take_quotes_comments_and_any_case() -> None:
    text = '# no\nMilterSocket /run/x.sock # here\nREJECTMSG "Infected by %v"\nUMask: 007\n\n'
    assert read_pairs(text) == {
        "miltersocket": "/run/x.sock",
        "rejectmsg": "Infected by %v",
        "umask": "007",
    }


def test_assignments_take_quotes_comments_and_export() -> None:
    text = "# SOCKET=no\nSOCKET='/run/x'\nexport OPTIONS=\"-m -r 15\" # here\n"
    assert read_assignments(text) == {"SOCKET": "/run/x", "OPTIONS": "-m -r 15"}


def test_greylist_reads_its_access_list_in_order() -> None:
    settings = greylist.read_settings(GREYLIST)
    assert (settings.socket, settings.mode) == ("/run/greylist.sock", 0o660)
    assert (settings.delay, settings.prefix) == (600.0, 24)
    verdicts = {
        ("dsl-203-0-113-9.example.net", "203.0.113.9"): "greylist",
        ("dsl-203-0-113-9.example.net", "127.0.0.1"): "whitelist",
        ("mail.spam.example", "203.0.113.9"): "blacklist",
        ("notspam.example", "203.0.113.9"): "whitelist",
    }
    for (name, address), verdict in verdicts.items():
        rule = next(rule for rule in settings.rules if rule.matches(name, address, "", ""))
        assert rule.verdict == verdict, name


def test_greylist_sends_away_once_and_counts_a_network_as_one_client() -> None:
    memory = greylist.Memory(greylist.read_settings(GREYLIST))
    assert memory.remaining("203.0.113.9", "<a>", "<b>", now=0.0) == 600.0
    assert memory.remaining("203.0.113.77", "<a>", "<b>", now=60.0) == 540.0
    assert memory.remaining("203.0.114.9", "<a>", "<b>", now=60.0) == 600.0
    assert memory.remaining("203.0.113.9", "<a>", "<b>", now=601.0) == 0.0
    assert memory.remaining("203.0.113.9", "<a>", "<b>", now=602.0) == 0.0


@pytest.mark.parametrize(
    ("read", "text", "complaint"),
    [
        (greylist.read_settings, "greylist 10m", "socket is missing"),
        (greylist.read_settings, 'socket "/x" 999', "'999' is no mode"),
        (greylist.read_settings, 'socket "/x"\nracl greylist domain /(/', "line 2"),
        (greylist.read_settings, 'socket "/x"\nracl maybe default', "line 2: can't read"),
        (greylist.read_settings, 'socket "/x"\ngreylist soon', "'soon' is no time"),
        (clamav.read_settings, "Example\nMilterSocket /x", "edit the example"),
        (clamav.read_settings, "OnInfected Reject", "MilterSocket is missing"),
        (clamav.read_settings, "MilterSocket /x\nOnInfected Eat", "OnInfected 'eat'"),
        (clamav.read_settings, 'MilterSocket "/x', "line 1"),
        (spamass.read_settings, "OPTIONS=-m", "SOCKET is missing"),
        (spamass.read_settings, "SOCKET=/x\nOPTIONS=-Z", "option -Z"),
        (spamass.read_settings, 'SOCKET=/x\nOPTIONS="-r many"', "many"),
        (opendkim.read_settings, "Domain example.org", "Socket is missing"),
    ],
)
def test_what_can_not_be_read_is_named(
    read: Callable[[str], object], text: str, complaint: str
) -> None:
    with pytest.raises(BadSetting, match=re.escape(complaint)):
        read(text)


def test_clamav_finds_eicar_in_base64_too() -> None:
    import base64

    eicar = clamav.SIGNATURES[0][0]
    hidden = b"--x\r\n\r\n" + base64.encodebytes(b"before " + eicar).replace(b"\n", b"\r\n")
    assert clamav.infection(hidden) == "Eicar-Test-Signature"
    assert clamav.infection(hidden[:40]) == ""


def test_main_cf_goes_on_in_the_next_line_and_expands() -> None:
    settings = parse("# x\na = 1\nlist =\n  unix:/a,\n# between\n  unix:/b\nb = $a ${a} $(a) $c\n")
    assert settings["list"] == "unix:/a, unix:/b"
    assert expand(settings["b"], settings) == "1 1 1 "
    assert items("unix:/a, { inet:h:1, command_timeout=5s } ,b") == (
        "unix:/a",
        "{ inet:h:1, command_timeout=5s }",
        "b",
    )
    assert [seconds(text) for text in ("30", "30s", "10m", "1h")] == [30, 30, 600, 3600]
    with pytest.raises(HostError, match="refers to itself"):
        expand("$a", {"a": "$b", "b": "$a"})


def test_a_milter_can_have_timeouts_and_an_action_of_its_own(tmp_path: Path) -> None:
    main_cf = tmp_path / "main.cf"
    main_cf.write_text(
        "smtpd_milters = unix:/a, { inet:127.0.0.1:8891,\n"
        "   command_timeout=7s, default_action=accept }\nmilter_command_timeout = 9s\n"
    )
    first, second = read_front(MainCf(str(main_cf))).links
    assert (first.default_action, first.timeouts.reply) == ("tempfail", 9.0)
    assert (second.default_action, second.timeouts.reply) == ("accept", 7.0)
    assert second.endpoint.port == 8891


def test_faults_are_known_by_name_and_break_one_unit_each() -> None:
    chosen = faults_named(["milter-dead", "not-a-milter", "milter-dead"])
    assert [fault.name for fault in chosen] == ["milter-dead", "not-a-milter"]
    with pytest.raises(ActionError, match="no fault 'x'") as unknown:
        faults_named(["x"])
    assert unknown.value.exit_code is Exit.USAGE
    assert FAULTS[0].name in unknown.value.next_step
    with pytest.raises(ActionError, match="both break clamav-milter"):
        faults_named(["milter-dead", "milter-hangs"])


def test_a_long_folder_for_temporary_files_is_refused_before_anything_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = place / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with pytest.raises(ActionError, match="too long for the lab's sockets") as refused:
        folder.make_folder(layout.LONGEST_SOCKET)
    assert "TMPDIR" in refused.value.next_step
    assert list(long.iterdir()) == []
    long.rmdir()
