"""``chain.discover``: the report, its text and its exit code, over a real master.cf."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.chain.discover import discover_chains
from actions.host.system import SystemHost
from actions.mailhost.managed import PROGRAM
from console.lab.lab import running_lab
from console.run import run
from tests.actions.mailhost.private import PrivateHost, private_host
from tests.postfix_ports import NoPostfix

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = """\
smtpd_milters = unix:{root}/manager/milter-manager.sock, inet:filter.example.net:8891,
  {{ inet:127.0.0.1:8892, connect_timeout=10s, default_action=accept }}
non_smtpd_milters = unix:signer.sock
"""

MASTER = """\
smtp inet n - n - - smtpd
submission inet n - n - - smtpd
  -o milter_macro_daemon_name=ORIGINATING -o milter_connect_macros=j,{{daemon_name}}
127.0.0.1:10025 inet n - n - - smtpd -o receive_override_options=no_milters
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
"""

SHOWN = """\
define_milter("signer") do |milter|
  milter.connection_spec = "unix:{root}/queue/signer.sock"
  milter.applicable_conditions = ["Remote Network", "of our own"]
end
define_milter("later") do |milter|
  milter.connection_spec = "inet:11120@[127.0.0.1]"
  milter.enabled = false
end
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PrivateHost]:
    """A host on which every socket is there."""
    made = private_host(tmp_path, MAIN, MASTER)
    program = Path(made.at(PROGRAM))
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{SHOWN.format(root=tmp_path)}END\n")
    program.chmod(0o755)
    (tmp_path / "manager").mkdir()
    with socket.socket(socket.AF_UNIX) as manager, socket.socket(socket.AF_UNIX) as signer:
        manager.bind(str(tmp_path / "manager/milter-manager.sock"))
        signer.bind(str(tmp_path / "queue/signer.sock"))
        yield made


def text(host: SystemHost, capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
    code = run(["chain.discover"], host)
    return capsys.readouterr().out, code


def test_every_chain_is_told_in_order(
    host: PrivateHost, capsys: pytest.CaptureFixture[str]
) -> None:
    said, code = text(host, capsys)
    assert code == 0
    assert said.replace(str(host.root), "ROOT").splitlines() == [
        "",
        " smtp · sockets opened as postfix",
        "    1 ● milter-manager           unix:ROOT/manager/milter-manager.sock",
        "        ● signer  unix:ROOT/queue/signer.sock",
        "            Remote Network: only for clients of remote networks",
        "            of our own: as the configuration of milter-manager defines it",
        "        – later   inet:127.0.0.1:11120  local port  (not enabled)",
        "    2 · filter.example.net:8891  inet:filter.example.net:8891  remote",
        "    3 · 127.0.0.1:8892           inet:127.0.0.1:8892  local port",
        "        connect_timeout 10s, default_action accept",
        "",
        " submission · sockets opened as postfix",
        "    1 ● milter-manager           unix:ROOT/manager/milter-manager.sock",
        "        the same milters behind it as in smtp",
        "    2 · filter.example.net:8891  inet:filter.example.net:8891  remote",
        "    3 · 127.0.0.1:8892           inet:127.0.0.1:8892  local port",
        "        connect_timeout 10s, default_action accept",
        "   macros at connect: j {daemon_name}",
        "   milter_macro_daemon_name = ORIGINATING",
        "",
        " 127.0.0.1:10025",
        "   no milter: receive_override_options = no_milters",
        "",
        " non_smtpd · local mail, taken in by pickup · sockets opened as postfix",
        "    1 ● signer  unix:ROOT/queue/signer.sock",
        "        written unix:signer.sock",
    ]


def test_the_document_is_complete(host: PrivateHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chain.discover", "--json"], host) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["exit_code"]) == ("chain.discover/1", 0)
    smtp, submission, inner, local = document["chains"]
    manager, remote, third = smtp["milters"]
    assert manager["managed"]
    assert manager["source"] == f"{host.root}{PROGRAM} --show-config"
    assert [child["enabled"] for child in manager["children"]] == [True, False]
    assert manager["children"][0]["conditions"][0] == {
        "name": "Remote Network",
        "meaning": "only for clients of remote networks",
    }
    assert (remote["socket"], third["socket"]) == ("remote", "local port")
    assert third["settings"] == [["connect_timeout", "10s"], ["default_action", "accept"]]
    assert submission["macros"] == [["connect", ["j", "daemon_name"]]]
    assert inner["off"] == "receive_override_options = no_milters"
    assert local["milters"][0]["spec"] == "unix:signer.sock"
    assert local["milters"][0]["endpoint"] == f"unix:{host.root}/queue/signer.sock"


def test_a_missing_socket_is_a_problem(
    host: PrivateHost, capsys: pytest.CaptureFixture[str]
) -> None:
    (host.root / "queue/signer.sock").unlink()
    said, code = text(host, capsys)
    assert code == 1
    assert "✗ the socket of milter signer is missing" in said
    assert "✗ the socket of milter-manager's child signer is missing" in said
    assert run(["chain.discover", "--format", "nagios"], host) == 2
    assert capsys.readouterr().out.startswith("CRITICAL - the socket of milter")


def test_a_file_in_the_place_of_a_socket_is_a_problem(host: PrivateHost) -> None:
    (host.root / "queue/signer.sock").unlink()
    (host.root / "queue/signer.sock").touch()
    found = discover_chains(Context(host))
    assert found.exit_code == 1
    assert found.chains[-1].milters[0].socket == "not a socket"


def test_a_chroot_is_told_with_where_the_path_really_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = private_host(
        tmp_path, "smtpd_milters = unix:/run/a.sock\n", "smtp inet n - y - - smtpd\n"
    )
    said, code = text(host, capsys)
    assert code == 1
    assert f" smtp · in a chroot · sockets opened as postfix\n    1 ✗ a  unix:{tmp_path}" in said
    assert "        written unix:/run/a.sock\n" in said
    assert "smtp runs in a chroot, where unix:/run/a.sock means" in said


def test_a_refused_milter_is_told_with_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = private_host(
        tmp_path, "smtpd_milters = inet:1@h, inet:h:2\n", "smtp inet n - n - - smtpd\n"
    )
    said, code = text(host, capsys)
    assert code == 1
    assert " ✗ Postfix refuses inet:1@h\n   main.cf: smtpd_milters\n   1@h: garbage" in said
    assert "    1 · h:2  inet:h:2  remote\n" in said


def test_a_service_whose_only_milter_is_refused_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    master = "smtp inet n - n - - smtpd\n465 inet n - n - - smtpd -o smtpd_milters=inet:1@h\n"
    said, _ = text(private_host(tmp_path, "", master), capsys)
    assert "\n 465\n   no milter that Postfix accepts; see below\n" in said
    assert "   master.cf: 465: -o smtpd_milters\n" in said


def test_a_refused_setting_for_all_milters_is_named_with_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = "smtpd_milters = inet:h:2\nmilter_command_timeout = 5S\n"
    master = "smtp inet n - n - - smtpd -o milter_default_action=defer\n"
    assert run(["chain.discover", "--format=nagios"], private_host(tmp_path, main, master)) == 2
    said = capsys.readouterr().out
    assert "Postfix refuses milter_command_timeout = 5S (main.cf: milter_command_timeout)" in said
    assert (
        "Postfix refuses milter_default_action = defer "
        "(master.cf: smtp: -o milter_default_action)" in said
    )


def test_one_chain_is_counted_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = private_host(tmp_path, "smtpd_milters = inet:h:2\n", "smtp inet n - n - - smtpd\n")
    assert run(["chain.discover", "--format=nagios"], host) == 0
    assert capsys.readouterr().out == "OK - 1 chain, 1 milter\n"


def test_what_cannot_be_seen_is_not_held_against_the_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    host = private_host(
        tmp_path, f"smtpd_milters = unix:{loop}/milter-manager.sock\n", "smtp inet n - n - - smtpd"
    )
    program = Path(host.at(PROGRAM))
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    said, code = text(host, capsys)
    assert code == 0
    assert "not visible" in said
    assert " ? the milters behind milter-manager are not known" in said
    assert "its milters are not known" in said


def test_a_host_without_a_mail_service_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, code = text(private_host(tmp_path, master="qmgr unix n - n 300 1 qmgr\n"), capsys)
    assert (code, "Postfix takes in no mail" in said) == (0, True)


def test_escape_sequences_in_names_reach_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = "smtpd_milters = unix:/a\x1b[2J.sock, \x1b]0;x\x07\n"
    said, code = text(private_host(tmp_path, main, "smtp inet n - n - - smtpd\n"), capsys)
    assert code == 1
    assert "\x1b" not in said
    assert "\\x1b[2J" in said


def test_without_postfix_nothing_is_decided(capsys: pytest.CaptureFixture[str]) -> None:
    host = SystemHost()
    host.postfix = NoPostfix()
    assert run(["chain.discover"], host) == 6
    assert "Postfix's settings can't be read" in capsys.readouterr().err


def test_the_lab_has_a_chain_like_any_host() -> None:
    with running_lab() as lab:
        report = discover_chains(Context(lab.host))
    assert report.exit_code == 0, report.findings
    milters = [milter for chain in report.chains for milter in chain.milters]
    assert {milter.socket for milter in milters} == {"exists"}
    assert {"opendkim"} <= {milter.name for milter in milters}
    assert [chain.kind for chain in report.chains] == ["smtpd", "non_smtpd"]


@pytest.mark.parametrize("given", [("--chain", "smtp"), ("--profile", "local")])
def test_the_labs_chains_go_by_the_names_of_any_host(
    given: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with running_lab() as lab:
        assert run(["chain.test", *given, "--format=nagios"], lab.host) == 0
    assert capsys.readouterr().out.startswith("OK - ")
