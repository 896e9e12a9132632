"""Programs run to their end."""

from __future__ import annotations

import os
import time

import pytest

from actions.host.commands import OUTPUT_LIMIT, SystemCommands
from actions.host.errors import HostError, UnknownAccount
from tests.actions.sandbox import needs_root

RUN = SystemCommands().run


def test_output_and_exit_code() -> None:
    ended = RUN(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert ended == (("sh", "-c", "echo out; echo err >&2; exit 3"), 3, "out\n", "err\n")
    assert RUN(["sh", "-c", "kill -9 $$"]).exit_code == -9


def test_arguments_are_no_shell_words() -> None:
    words = ["$HOME", "a b", ";id", "*", "--x=1", "'", ""]
    assert RUN(["printf", "%s|", *words]).stdout == "".join(f"{word}|" for word in words)


def test_no_terminal_and_nothing_to_read() -> None:
    assert RUN(["sh", "-c", "tty; cat; pwd"]).stdout == "not a tty\n/\n"
    # A session of its own: Ctrl+C and a hang-up of the operator's line don't reach it.
    assert RUN(["sh", "-c", "ps -o sid= -p $$"]).stdout.strip() != str(os.getsid(0))


def test_a_hangup_is_heard() -> None:
    # A daemon started with it ignored could never reload.
    assert RUN(["sh", "-c", "kill -HUP $$; echo deaf"]).exit_code == -1


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/nonexistent.so")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    told = RUN(["env"]).stdout.splitlines()
    assert "LC_ALL=C" in told
    assert not [line for line in told if line.startswith(("LD_", "LANG", "PYTHON"))]


def test_output_that_is_no_text() -> None:
    assert RUN(["printf", r"caf\303\251 \377"]).stdout == "café \ufffd"


def test_too_slow_is_ended_with_all_it_started() -> None:
    started = time.monotonic()
    marker = "86397.25"
    with pytest.raises(HostError, match=r"sh -c .*: not ended after 0\.2 s"):
        RUN(["sh", "-c", f"sleep {marker} & sleep {marker}"], timeout=0.2)
    assert time.monotonic() - started < 2
    assert marker not in RUN(["ps", "axo", "args"]).stdout


@pytest.mark.parametrize(
    "program", ["yes", "cat /dev/zero", "yes >&2", "yes & yes", "yes | head -c 9M"]
)
def test_endless_output_ends_the_program_and_is_not_kept(program: str) -> None:
    started = time.monotonic()
    with pytest.raises(HostError, match=r"sh -c .*: wrote more than 4 MiB, and was stopped"):
        RUN(["sh", "-c", program])
    assert time.monotonic() - started < 10
    assert f"sh -c {program}" not in RUN(["ps", "axo", "args"]).stdout


def test_a_large_output_is_kept_whole_in_both_streams() -> None:
    half = OUTPUT_LIMIT // 2
    write = f"yes é | head -c {half}; yes | tr -d '\\n' | head -c {half} >&2"
    ended = RUN(["sh", "-c", write])
    assert len(ended.stdout.encode()) == len(ended.stderr) == half
    assert set(ended.stdout.splitlines()) <= {"é", "\ufffd", ""}
    assert len(RUN(["head", "-c", str(OUTPUT_LIMIT), "/dev/zero"]).stdout) == OUTPUT_LIMIT


def test_an_end_is_seen_at_once() -> None:
    started = time.monotonic()
    for _ in range(5):
        RUN(["true"])
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "/etc/passwd"])
def test_a_missing_program(program: str) -> None:
    with pytest.raises(HostError, match="no such program here"):
        RUN([program])


@needs_root
def test_as_another_user() -> None:
    assert RUN(["id", "-un"], user="daemon").stdout == "daemon\n"
    assert RUN(["sh", "-c", "echo $USER $LOGNAME"], user="daemon").stdout == "daemon daemon\n"
    assert RUN(["id", "-G"], user="daemon").stdout == RUN(["id", "-G", "daemon"]).stdout
    with pytest.raises(UnknownAccount):
        RUN(["id"], user="no-such-user")
