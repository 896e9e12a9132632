"""The script face as a user calls it: another process, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from actions.registry import all_actions
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from console.lab.lab import Lab

MAIN = "from console.cli import main; main()"


def console(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as made:
        yield made


def test_without_an_action_all_are_listed_by_capability() -> None:
    told = console("run")
    assert told.returncode == 0
    for action in all_actions():
        assert f"  {action.name} " in told.stdout
        assert action.summary in told.stdout
    assert told.stdout.index("\nchain\n") < told.stdout.index("chain.test")


@pytest.mark.parametrize("action", [action.name for action in all_actions()])
def test_every_action_explains_itself_and_its_options(action: str) -> None:
    told = console("run", action, "--help")
    assert told.returncode == 0
    for parameter in next(one for one in all_actions() if one.name == action).parameters:
        assert parameter.words[-1] in told.stdout


def test_an_unknown_action_names_the_one_that_was_meant() -> None:
    told = console("run", "chain.tset")
    assert told.returncode == 2
    assert "chain.test" in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--nonsense",),
        ("--sample", "nonsense"),
        ("--milter", "nonsense"),
        ("--milter", "inet:99999@localhost"),
        ("--header", "no colon"),
        ("--connect-macro", "no colon"),
        ("--all-timeouts", "0"),
        ("--deadline", "-1"),
        ("--negotiate-version", "5"),
        ("--threads", "0"),
        ("--message", "/nonexistent/message.eml"),
    ],
)
def test_an_option_that_makes_no_sense_is_wrong_usage(lab: Lab, words: tuple[str, ...]) -> None:
    told = console("run", "chain.test", "--lab", lab.root, *words)
    assert told.returncode == 2
    assert told.stderr.startswith("console: ")
    assert "Traceback" not in told.stderr


def test_an_error_is_a_document_too_when_json_is_asked_for() -> None:
    told = console("run", "chain.test", "--json", "--milter", "nonsense")
    document = json.loads(told.stdout)
    assert document["schema"] == "error/1"
    assert document["exit_code"] == told.returncode == 2
    assert "nonsense" in document["error"]


def test_a_report_is_one_json_document(lab: Lab) -> None:
    told = console("run", "chain.test", "--lab", lab.root, "--json")
    document = json.loads(told.stdout)
    assert (document["schema"], document["exit_code"], told.returncode) == ("chain.test/1", 0, 0)
    assert [milter["name"] for milter in document["milters"]] == ["milter-manager", "opendkim"]


@pytest.mark.parametrize(("sample", "code", "word"), [("clean", 0, "OK"), ("gtube", 2, "CRITICAL")])
def test_nagios_gets_one_line_and_its_own_exit_codes(
    lab: Lab, sample: str, code: int, word: str
) -> None:
    told = console("run", "chain.test", "--lab", lab.root, "--sample", sample, "--format", "nagios")
    assert told.returncode == code
    assert told.stdout.startswith(f"{word} - ")
    assert told.stdout.count("\n") == 1


def test_no_milter_to_reach_is_unknown_to_nagios() -> None:
    told = console("run", "chain.test", "--milter", "unix:/nonexistent", "--format", "nagios")
    assert told.returncode == 3
    assert told.stdout.startswith("UNKNOWN - ")


def test_a_lab_that_does_not_run_is_said(tmp_path: object) -> None:
    told = console("run", "sockets.check", "--lab", str(tmp_path))
    assert told.returncode == 2
    assert "no lab runs there" in told.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_no_lab_of_ours(tmp_path: Path) -> None:
    (tmp_path / ".lab").mkdir()
    os.chown(tmp_path, 65534, 65534)
    told = console("run", "sockets.check", "--lab", str(tmp_path))
    assert told.returncode == 3
    assert "not this user's own folder" in told.stderr


def test_a_reader_that_goes_away_is_no_error(lab: Lab) -> None:
    words = [sys.executable, "-c", MAIN, "run", "chain.test", "--lab", lab.root, "--trace"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.wait(30) == 0
    assert child.stderr.read() == b""
    child.stderr.close()


def test_output_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-c", MAIN, "run", "--help"]
        told = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert told.returncode == 1
    assert b"No space left on device" in told.stderr


def test_a_run_never_loads_the_screen(lab: Lab) -> None:
    program = (
        "import sys; from console.run import run; run(sys.argv[1:]); "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('textual', 'rich', 'widgets', 'sh')])"
    )
    milter = f"unix:{lab.root}/run/opendkim/opendkim.sock"
    words = [sys.executable, "-c", program, "chain.test", "--lab", lab.root, "--milter", milter]
    told = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    told = console("--version")
    assert told.stdout == f"milter-console {version('milter-console')}\n"
    assert console("run", "chain.test", "--version").stdout == told.stdout


def test_colour_is_for_terminals_only(lab: Lab) -> None:
    told = console("run", "chain.test", "--lab", lab.root)
    assert "\x1b" not in told.stdout
    told = console("run", "chain.test", "--lab", lab.root, "--color", "yes")
    assert "\x1b[" in told.stdout


def test_a_lab_is_brought_up_for_one_action() -> None:
    told = console("lab", "run", "chain.test", "--sample", "eicar")
    assert told.returncode == 1
    assert "Rejected by milter-manager at end of message" in told.stdout


@pytest.mark.parametrize("words", [("--fault", "nonsense"), ("--nonsense",), ("--fault",)])
def test_a_lab_option_that_makes_no_sense_is_wrong_usage(words: tuple[str, ...]) -> None:
    told = console("lab", *words)
    assert told.returncode == 2
    assert told.stderr.startswith("console: ")


def with_streams(script: str, lab: Lab) -> subprocess.CompletedProcess[str]:
    """Run a shell *script* in which ``$C`` is the console and ``$LAB`` the lab."""
    return subprocess.run(
        ["sh", "-c", f"C() {{ {sys.executable} -c '{MAIN}' \"$@\"; }}; {script}"],
        env={**os.environ, "LAB": lab.root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_reader_that_goes_away_does_not_make_a_rejection_fine(lab: Lab) -> None:
    script = '{ C run chain.test --lab "$LAB" --sample gtube --trace; echo $? >&2; } | true'
    assert with_streams(script, lab).stderr.strip() == "1"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_change_no_verdict(lab: Lab, closed: str) -> None:
    script = f'C run chain.test --lab "$LAB" --sample gtube --brief {closed}'
    assert with_streams(script, lab).returncode == 1


def test_a_terminal_in_another_encoding_gets_what_it_can_show(lab: Lab) -> None:
    words = ("run", "chain.test", "--lab", lab.root)
    told = console(*words, PYTHONIOENCODING="ascii")
    assert told.returncode == 0
    assert "\\u25cf" in told.stdout


@pytest.mark.parametrize("words", [("-s", "nonsense"), ("--sample", "nonsense")])
def test_an_error_is_unknown_to_nagios(words: tuple[str, ...]) -> None:
    told = console("run", "chain.test", *words, "--format=nagios")
    assert told.returncode == 3
    assert told.stdout.startswith("UNKNOWN - ")
    assert told.stdout.count("\n") == 1


def test_the_wanted_verdict_is_named_to_nagios(lab: Lab) -> None:
    words = ("run", "chain.test", "--lab", lab.root, "--expect", "reject", "--format", "nagios")
    assert "wanted reject" in console(*words).stdout


def test_a_command_that_a_report_names_goes_to_the_same_host() -> None:
    with running_lab(("socket-unwritable",)) as broken:
        told = console("run", "sockets.check", "--lab", broken.root)
        assert f"--lab {broken.root}" in told.stdout
        told = console("run", "chain.test", "--lab", broken.root)
        assert "see why: console run sockets.check" in told.stdout


def test_the_labs_own_timeouts_are_obeyed() -> None:
    with running_lab() as hanging:
        os.kill(hanging.host.units.state("opendkim").main_pid, signal.SIGSTOP)
        told = console("run", "chain.test", "--lab", hanging.root)
    assert told.returncode == 6
    assert "did not negotiate" in told.stdout
    assert "no reply within 5 s" in told.stdout


@pytest.mark.parametrize(
    "words",
    [("-r", ""), ("-r", "a b@example.org"), ("-f", "x\r\ny@z"), ("--helo", "a b")],
)
def test_what_postfix_would_not_take_is_not_sent(lab: Lab, words: tuple[str, ...]) -> None:
    assert console("run", "chain.test", "--lab", lab.root, *words).returncode == 2


def test_a_user_that_does_not_exist_is_wrong_usage(lab: Lab) -> None:
    told = console("run", "chain.test", "--lab", lab.root, "--as-user", "nosuch")
    assert told.returncode == 2
    assert "nosuch" in told.stderr


@pytest.mark.parametrize("limit", ["0", "-3", "many"])
def test_no_entries_are_not_asked_for(lab: Lab, limit: str) -> None:
    told = console("run", "journal.list", "--lab", lab.root, "--limit", limit)
    assert told.returncode == 2
    assert told.stdout == ""
