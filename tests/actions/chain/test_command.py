"""``console run chain.test`` as a command: its lines, its exit codes, its honesty."""

from __future__ import annotations

import json
import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from actions.host.system import SystemHost
from console.run import run
from tests.actions.chain.command import MAIN, chain_test
from tests.actions.mailhost.test_chain import USUAL
from tests.milters.peer import Wire, options
from tests.postfix_ports import TablePostfix

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.milters.peer import Peers
    from tests.milters.running import Milters

SLOW = {"textual", "rich", "widgets", "asyncio", "pathlib", "dataclasses", "subprocess", "json"}
"""What a test in text has no use for; loading it would take longer than the test."""

PLAIN = str.maketrans("", "", "\n\t")
ELAPSED = r"elapsed-time: \d+\.\d{3} seconds"


def brief(*arguments: str, **more: str) -> tuple[list[str], int]:
    """Return the lines that ``--brief`` prints, and the exit code; nothing goes to stderr."""
    done = chain_test(*arguments, "--brief", **more)  # type: ignore[arg-type]
    assert done.stderr == b""
    assert done.stdout.endswith(b"\n")
    return done.stdout.decode().splitlines(), done.returncode


def closing(event: bytes) -> Callable[[Wire], None]:
    """Return a peer that closes at *event*."""

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.until(event)

    return behave


class TestBrief:
    @pytest.mark.parametrize(("reply", "status"), [("continue", "pass"), ("accept", "accept")])
    def test_a_milter_that_lets_it_pass_gives_exactly_two_lines(
        self, milters: Milters, reply: str, status: str
    ) -> None:
        running = milters.start(replies={"end": reply})
        done = chain_test("--milter", running.spec, "--brief")
        assert re.fullmatch(rf"status: {status}\n{ELAPSED}\n", done.stdout.decode())
        assert (done.stderr, done.returncode) == (b"", 0)

    @pytest.mark.parametrize(
        ("script", "status", "exit_verdict"),
        [
            ({"replies": {"end": "reject"}}, "reject", 10),
            ({"replies": {"connect": ["550", "5.7.1", "no"]}}, "reject", 10),
            ({"replies": {"rcpt": "reject"}}, "reject", 10),
            ({"replies": {"mail": "tempfail"}}, "temporary-failure", 11),
            ({"replies": {"body": ["451", "4.7.1", "later"]}}, "temporary-failure", 11),
            ({"replies": {"data": "discard"}}, "discard", 12),
            ({"edits": [["quarantine", "odd"]]}, "quarantine", 13),
        ],
    )
    def test_one_that_does_not_gives_them_too_and_exits_1(
        self, milters: Milters, script: dict[str, object], status: str, exit_verdict: int
    ) -> None:
        spec = milters.start(**script).spec
        lines, code = brief("--milter", spec)
        assert lines[0] == f"status: {status}"
        assert re.fullmatch(ELAPSED, lines[1])
        assert (len(lines), code) == (2, 1)
        assert brief("--milter", spec, "--exit-verdict")[1] == exit_verdict
        assert brief("--milter", spec, "--expect", status)[1] == 0
        assert brief("--milter", spec, "--expect", "pass", "--exit-verdict")[1] == 1

    def test_one_refused_recipient_of_two_is_a_refusal(self, milters: Milters) -> None:
        spec = milters.start(replies={"rcpt": ["continue", "tempfail"]}).spec
        both = ("-r", "a@example.org", "-r", "b@example.org")
        lines, code = brief("--milter", spec, *both)
        assert (lines[0], code) == ("status: temporary-failure", 1)

    def test_a_pass_that_was_not_expected_exits_1(self, milters: Milters) -> None:
        spec = milters.start().spec
        assert brief("--milter", spec, "--expect", "pass")[1] == 0
        assert brief("--milter", spec, "--expect", "reject")[1] == 1


class TestUndecided:
    @pytest.mark.parametrize(
        ("event", "where"),
        [(b"E", "end of message"), (b"N", "end of headers"), (b"M", "mail"), (b"C", "connect")],
    )
    def test_a_milter_that_closes(self, peers: Peers, event: bytes, where: str) -> None:
        spec = peers.start(closing(event)).spec
        line = f"No decision from {spec} at {where}: the milter closed the connection"
        assert brief("--milter", spec) == ([line], 6)

    @pytest.mark.parametrize("wish", [["--expect", "pass"], ["--exit-verdict"], ["-t", "3"]])
    def test_no_wish_turns_it_into_a_verdict(self, peers: Peers, wish: list[str]) -> None:
        assert brief("--milter", peers.start(closing(b"E")).spec, *wish)[1] == 6

    def test_an_http_server(self, peers: Peers) -> None:
        peer = peers.start_tcp(lambda wire: wire.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        told = "the peer is no milter; it says 'HTTP/1.1 400 Bad Request'"
        line = f"No decision from {peer.spec} on negotiation: {told}"
        assert brief("--milter", peer.spec) == ([line], 6)

    def test_a_timeout(self, milters: Milters) -> None:
        spec = milters.start(delays={"end": 5.0}).spec
        line = f"No decision from {spec} at end of message: no reply within 0.2 s"
        assert brief("--milter", spec, "--end-of-message-timeout", "0.2") == ([line], 6)

    def test_nobody_there(self, milters: Milters) -> None:
        spec = f"unix:{milters.path('nobody')}"
        line = f"Failed to connect to {spec}: No such file or directory"
        assert brief("--milter", spec) == ([line], 6)

    def test_a_stale_socket(self, milters: Milters) -> None:
        path = milters.path("stale")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
        line = f"Failed to connect to unix:{path}: Connection refused"
        assert brief("--milter", path) == ([line], 6)

    def test_a_socket_that_an_ordinary_user_may_not_write(self, milters: Milters) -> None:
        running = milters.start()
        os.chmod(running.path, 0)
        line = f"Failed to connect to {running.spec}: Permission denied"
        done = chain_test("--milter", running.spec, "--brief", ordinary=True)
        assert (done.stdout.decode(), done.returncode) == (f"{line}\n", 6)
        os.chmod(running.path, 0o700)
        assert brief("--milter", running.spec)[1] == 0

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
    def test_a_socket_that_another_user_may_not_write(self, milters: Milters) -> None:
        running = milters.start()
        os.chmod(running.path, 0o755)
        line = f"Failed to connect to {running.spec}: Permission denied"
        assert brief("--milter", running.spec, "--as-user", "nobody") == ([line], 6)

    def test_the_line_names_the_milter_of_the_chain_that_failed(
        self, milters: Milters, peers: Peers
    ) -> None:
        good, bad = milters.start().spec, peers.start(closing(b"E")).spec
        lines, code = brief("--milter", good, "--milter", bad)
        assert (lines[0].split(" at ")[0], code) == (f"No decision from {bad}", 6)


class TestOwnChain:
    """Without --milter: the milters of the host's Postfix."""

    @staticmethod
    def run(*arguments: str, **settings: str) -> int:
        host = SystemHost()
        host.postfix = TablePostfix({**USUAL, **settings}, user="root")
        return run(["chain.test", *arguments], host)

    def test_a_default_action_that_would_deliver_unfiltered_is_undecided_and_said(
        self, peers: Peers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        spec = peers.start(closing(b"E")).spec
        assert self.run(smtpd_milters=spec, milter_default_action="accept") == 6
        said = capsys.readouterr().out
        assert "Not decided" in said
        assert "the milter closed the connection" in said
        assert "would deliver this unfiltered" in said

    def test_another_default_action_is_said_too(
        self, peers: Peers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        spec = peers.start(closing(b"M")).spec
        assert self.run(smtpd_milters=spec, milter_default_action="reject") == 6
        assert "Postfix would refuse the message (550 5.5.0)" in capsys.readouterr().out

    def test_its_milters_are_asked_in_their_order(self, milters: Milters) -> None:
        first, second = milters.start_all({"edits": [["addheader", "X-A", "v", -1]]}, {})
        assert self.run("--brief", smtpd_milters=f"{first.spec}, {second.spec}") == 0
        assert "X-A" in [seen.arguments[0] for seen in second.events() if seen.event == "header"]

    def test_the_version_is_milter_protocol_unless_another_is_asked_for(
        self, milters: Milters, capsys: pytest.CaptureFixture[str]
    ) -> None:
        spec = milters.start().spec
        assert self.run(smtpd_milters=spec, milter_protocol="4") == 0
        assert "version  4, of 4 offered" in capsys.readouterr().out
        assert self.run("--negotiate-version=3", smtpd_milters=spec, milter_protocol="4") == 0
        assert "version  3, of 3 offered" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("settings", "code", "said"),
        [({"smtpd_milters": ""}, 2, "uses no milter"), ({}, 6, "can't be read")],
    )
    def test_a_host_without_milters_is_told_what_to_do(
        self, capsys: pytest.CaptureFixture[str], settings: dict[str, str], code: int, said: str
    ) -> None:
        assert self.run(**settings) == code
        printed = capsys.readouterr()
        assert printed.out == ""
        assert said in printed.err
        assert "name one with --milter unix:/path/to/socket" in printed.err


class TestJson:
    def test_it_is_one_document_with_a_schema(self, milters: Milters) -> None:
        spec = milters.start(
            edits=[["addheader", "X-New", "v", -1]], replies={"end": "accept"}
        ).spec
        done = chain_test("--milter", spec, "--json", "--trace")
        document = json.loads(done.stdout)
        assert done.stderr == b""
        assert (document["schema"], document["status"]) == ("chain.test/1", "accept")
        assert document["exit_code"] == done.returncode == 0
        (milter,) = document["milters"]
        assert milter["opened"]["chosen"]["version"] == 6
        assert [one["stage"] for one in milter["exchanges"]][-2:] == ["body", "end"]
        assert milter["edits"] == [
            {"kind": "add header", "name": "X-New", "value": "v", "position": 0}
        ]
        assert document["trace"]

    def test_trouble_is_in_it_too(self, peers: Peers) -> None:
        done = chain_test("--milter", peers.start(closing(b"E")).spec, "--format", "json")
        document = json.loads(done.stdout)
        assert (document["status"], document["exit_code"], done.returncode) == ("undecided", 6, 6)
        assert document["because"] == "the milter closed the connection"
        assert document["decided_at"] == "end"

    def test_a_wrong_option_gives_a_document_as_well(self) -> None:
        done = chain_test("--json", "--milter", "nonsense")
        document = json.loads(done.stdout)
        assert (document["schema"], document["exit_code"], done.returncode) == ("error/1", 2, 2)

    def test_nagios_gets_its_line_and_codes(self, milters: Milters, peers: Peers) -> None:
        good = chain_test("--milter", milters.start().spec, "--format", "nagios")
        assert (good.stdout.split(b" - ")[0], good.returncode) == (b"OK", 0)
        bad = chain_test("--milter", peers.start(closing(b"E")).spec, "--format", "nagios")
        assert (bad.stdout.split(b" - ")[0], bad.returncode) == (b"UNKNOWN", 3)


class TestHarmless:
    ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m"

    @pytest.mark.parametrize("style", [["-v"], ["--brief"], ["--json"], ["--format", "nagios"]])
    def test_no_escape_sequence_of_a_milter_reaches_the_terminal(
        self, peers: Peers, style: list[str]
    ) -> None:
        data = self.ESCAPES.encode()

        def behave(wire: Wire) -> None:
            wire.negotiate(options(lists=b"\0\0\0\x00{" + data + b"} j\0"))
            wire.until(b"R")
            wire.send(b"y", b"450 4.7.1 " + data + b"\0")
            wire.send(b"c") if wire.until(b"R") else None
            wire.until(b"E")
            for letter in (b"h", b"+", b"q"):
                wire.send(letter, b"X-" + (b"A\0" if letter == b"h" else b"") + data + b"\0")
            wire.send(b"y", b"550 5.7.1 " + data + b"\0")
            wire.serve()

        recipients = ("-r", "a@example.org", "-r", "b@example.org")
        done = chain_test(
            "--milter",
            peers.start(behave).spec,
            *recipients,
            *style,
            "--output-message",
            "--header",
            f"X-Own:{self.ESCAPES}",
        )
        assert done.returncode in {1, 2}
        assert done.stdout
        text = (done.stdout + done.stderr).decode()
        assert text.translate(PLAIN).isprintable()

    def test_a_peer_that_is_no_milter_cannot_either(self, peers: Peers) -> None:
        said = b"text" + self.ESCAPES.encode() + b"\n"
        done = chain_test("--milter", peers.start(lambda wire: wire.raw(said)).spec)
        assert done.returncode == 6
        assert done.stdout.decode().translate(PLAIN).isprintable()

    def test_colour_is_for_terminals_and_those_who_ask(self, milters: Milters) -> None:
        spec = milters.start().spec
        assert b"\x1b" not in chain_test("--milter", spec).stdout
        assert b"\x1b[32m" in chain_test("--milter", spec, "--color", "yes").stdout


def test_neither_the_screen_nor_other_slow_modules_are_loaded(milters: Milters) -> None:
    program = f"""
import os, sys
def leave(code):
    loaded = {SLOW | {"actions.milter.chain"}} & sys.modules.keys()
    sys.stderr.write(" ".join(sorted(loaded)))
    sys.stderr.flush()
    end(code)
end, os._exit = os._exit, leave
{MAIN}
"""
    done = chain_test("--milter", milters.start().spec, program=program)
    assert (done.returncode, done.stderr) == (0, b"actions.milter.chain")


@pytest.mark.parametrize("number", ["5", "20"])
def test_equal_sessions_run_side_by_side(milters: Milters, number: str) -> None:
    running = milters.start(delays={"end": 0.2})
    done = chain_test("--milter", running.spec, "-t", number)
    assert done.returncode == 0
    assert f"{number} sessions side by side: {number} pass".encode() in done.stdout
    seen = running.events()
    assert len({one.session for one in seen}) == int(number)
    ends = [at for at, one in enumerate(seen) if one.event == "end"]
    closes = [at for at, one in enumerate(seen) if one.event == "close"]
    assert min(closes) > ends[1], "they ran one after another"


def test_the_worst_of_several_sessions_is_the_verdict(milters: Milters) -> None:
    spec = milters.start(replies={"end": "reject"}).spec
    done = chain_test("--milter", spec, "-t", "3", "--brief")
    assert (done.stdout.splitlines()[0], done.returncode) == (b"status: reject", 1)
