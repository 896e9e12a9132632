"""``console run chain.scenario`` as a command: its lines, its exit codes, its files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from console.run import run
from tests.actions.chain.scenario.suites import web_server
from tests.actions.chain.test_command import PLAIN

if TYPE_CHECKING:
    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.peer import Peers
    from tests.milters.running import Milters, Running

MIXED = """
    about = "all kinds"
    [[milter]]
    name = "a"
    [[scenario]]
    name = "passes"
    expect.verdict = "reject"
    [[scenario]]
    name = "fails"
    why = "it must not come through"
    expect = { verdict = "delivered", reply.code = 551, milters.a.adds = "X-A" }
    [[scenario]]
    name = "fails too"
    [[scenario.message]]
    expect.verdict = "reject"
    [[scenario.message]]
    expect.stage = "rcpt"
"""

TEXT = """
 suite · all kinds
   a  SPEC
 ✓ passes        TIME
 ✗ fails         TIME
     it must not come through
     expect.verdict
       expected  pass or accept
       came      reject by a at end of message: 550 5.7.1 Go away
     expect.reply.code
       expected  551
       came      550 in "550 5.7.1 Go away"
     expect.milters.a.adds.X-A
       expected  any
       came      not added (added: none)
 ✗ fails too     TIME
     message[2].expect.stage
       expected  rcpt
       came      end

 3 scenarios: 1 passed, 2 failed · TIME
"""


@pytest.fixture
def rejecting(milters: Milters) -> Running:
    return milters.start(replies={"end": ["550", "5.7.1", "Go away"]})


def scenario(*arguments: str) -> int:
    return run(["chain.scenario", *arguments])


def timeless(text: str, running: Running) -> str:
    """Return *text* without what differs from run to run."""
    return re.sub(r"\d+\.\d (?:ms|s)", "TIME", text.replace(running.spec, "SPEC"))


def test_what_differs_is_told_side_by_side_and_of_the_rest_a_line(
    suites: Suites, rejecting: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scenario(suites.write(MIXED), "--milter", f"a={rejecting.spec}") == 1
    said = capsys.readouterr().out
    assert [line.split() for line in timeless(said, rejecting).splitlines()] == [
        line.split() for line in TEXT.splitlines()
    ]
    columns = {line.index(word) for line in said.splitlines() for word in _values(line)}
    assert columns == {17}


def _values(line: str) -> list[str]:
    words = line.split()
    return [words[1]] if words[:1] in (["expected"], ["came"]) else []


@pytest.mark.parametrize(
    ("options", "code", "counts"),
    [
        (("--only", "passes"), 0, (1, 0, 0, 0)),
        (("--only", "fails*"), 1, (0, 2, 0, 0)),
        (("--only", "fails", "--only", "p*"), 1, (1, 1, 0, 0)),
        (("--fail-fast",), 1, (1, 1, 0, 1)),
        ((), 1, (1, 2, 0, 0)),
    ],
)
def test_exit_codes_and_sums(
    suites: Suites,
    rejecting: Running,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    counts: tuple[int, ...],
) -> None:
    path = suites.write(MIXED)
    assert scenario("--milter", f"a={rejecting.spec}", "--json", *options, path) == code
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["exit_code"]) == ("chain.scenario/1", code)
    names = ("passed", "failed", "undecided", "not_run")
    assert tuple(document[name] for name in names) == counts
    ran = document["suites"][0]["scenarios"]
    assert len(ran) == sum(counts)
    assert ran[0]["messages"][0]["reply"] == "550 5.7.1 Go away"


def test_undecided_ones_only_exit_6(
    suites: Suites, peers: Peers, capsys: pytest.CaptureFixture[str]
) -> None:
    peer = peers.start(web_server)
    assert scenario(suites.write(MIXED), "--milter", f"a={peer.spec}", "--fail-fast") == 6
    said = capsys.readouterr().out
    assert " ? passes" in said
    assert "     a gave no decision: the peer is no milter" in said
    assert " – fails " in said
    assert "3 scenarios: 1 undecided, 2 not run" in said


def test_a_wrong_file_exits_2_and_says_where(
    suites: Suites, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suites.write(MIXED.replace('stage = "rcpt"', 'stage = "rpct"'))
    assert scenario(path) == 2
    said = capsys.readouterr().out
    line = 'scenario 3 "fails too": message[2].expect.stage: "rpct" is not known'
    assert f" {path}\n   ✗ {line}\n     did you mean rcpt?\n" in said
    assert "Nothing was run: 1 mistake" in said
    assert scenario(path, "--json") == 2
    document = json.loads(capsys.readouterr().out)
    assert document["problems"][0]["key"] == "message[2].expect.stage"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no suite is given"),
        (("x.toml", "--deadline", "0"), "--deadline is a number of seconds above 0"),
        (("x.toml", "--junit", "/nowhere/x.xml"), "--junit /nowhere/x.xml: can't be written"),
        (("x.toml", "--junit", "/tmp"), "--junit /tmp: can't be written"),
        (("clamav-milter", "--only", "x", "--milter", "clamav-milter=/x"), "no scenario has such"),
        (("clamav-milter", "--all-timeouts", "0", "-s", "clamav-milter=/x"), "a timeout is a"),
    ],
)
def test_wrong_usage(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert scenario(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_nagios_gets_the_sum_and_the_first_that_did_not_pass(
    suites: Suites, rejecting: Running, peers: Peers, capsys: pytest.CaptureFixture[str]
) -> None:
    path, given = suites.write(MIXED), ("--milter", f"a={rejecting.spec}", "--format", "nagios")
    assert scenario(path, *given) == 2
    line = "CRITICAL - 3 scenarios: 1 passed, 2 failed; suite: fails failed: expect.verdict: "
    assert capsys.readouterr().out.startswith(line)
    assert scenario(path, *given, "--only", "passes") == 0
    assert capsys.readouterr().out == "OK - 1 scenario: 1 passed\n"
    assert scenario("nowhere.toml", *given) == 2
    assert "nothing was run: nowhere.toml: no such file" in capsys.readouterr().out


def test_verbose_shows_what_came_of_every_message(
    suites: Suites, milters: Milters, capsys: pytest.CaptureFixture[str]
) -> None:
    running = milters.start(edits=[["addheader", "X-A", "one\n\ttwo", -1]])
    assert scenario(suites.write(MIXED), "-v", "--milter", f"a={running.spec}") == 1
    said = capsys.readouterr().out
    assert "message 2: pass" in said
    assert "<recipient@example.org> accepted" in said
    assert "+ X-A: one \\x09two" in said or "+ X-A: one \ttwo" in said


def test_shipped_suites_are_listed_and_found_by_name(
    rejecting: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scenario("--list") == 0
    said = capsys.readouterr().out
    assert " clamav-milter    clean mail passes, the EICAR test file does not (4)" in said
    given = ("--milter", f"clamav-milter={rejecting.spec}", "--only", "a clean message passes")
    assert scenario("clamav-milter", *given) == 1
    assert "came      reject by clamav-milter" in capsys.readouterr().out


def test_no_escape_sequence_reaches_the_terminal(
    suites: Suites, milters: Milters, capsys: pytest.CaptureFixture[str]
) -> None:
    escape = "\x1b]0;owned\x07"
    running = milters.start(edits=[["addheader", "X-A", escape, -1]])
    text = MIXED.replace('name = "fails"', 'name = "\\u001b[2J"').replace(
        'adds = "X-A"', 'adds.X-A = "\\u001b"'
    )
    junit = suites.folder / "out.xml"
    options = ("--milter", f"a={running.spec}", "--junit", str(junit), "-v")
    assert scenario(suites.write(text), *options) == 1
    assert capsys.readouterr().out.translate(PLAIN).isprintable()
    assert scenario(suites.write(text + '\n[x]\n"\\u001b" = 1'), *options) == 2
    assert capsys.readouterr().out.translate(PLAIN).isprintable()
    assert ET.parse(junit).getroot().tag == "testsuites"


def test_options_may_stand_before_between_and_after_the_files(
    suites: Suites, rejecting: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = suites.write(MIXED, "first"), suites.write(MIXED, "second")
    given = f"a={rejecting.spec}"
    for words in (
        ("--milter", given, first, "--json", second, "--only=passes"),
        (first, second, "--only", "passes", "-s", given, "--json"),
        ("--json", "-s", given, "--only=passes", "--", first, second),
    ):
        assert scenario(*words) == 0
        suites_run = json.loads(capsys.readouterr().out)["suites"]
        assert [one["file"] for one in suites_run] == [first, second]
