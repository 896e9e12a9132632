"""The console on a real terminal: how it opens, what it writes there, and how it ends."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from console.lab.lab import running_lab
from console.screen import screen
from tests.console.terminal import CONSOLE, ROOT, Terminal
from tests.milters.fixtures import peers
from tests.widgets.test_hostile import CLEAR, TITLE, malicious

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.lab.lab import Lab
    from tests.milters.peer import Peers

__all__ = ["peers"]

READY = "nothing is delivered"
"""Drawn once the host's chain is read: from then on every key means something."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
def opened(lab: Lab) -> Iterator[Callable[..., Terminal]]:
    """Opens the console on the lab, and ends it with the test."""
    terminals: list[Terminal] = []

    def open_it(*arguments: str, **environment: str | None) -> Terminal:
        terminals.append(Terminal(f"--lab={lab.root}", *arguments, environment=environment))
        terminals[-1].press("3")
        terminals[-1].sees(READY)
        return terminals[-1]

    yield open_it
    for terminal in terminals:
        terminal.end()


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_it_ends_at_once_and_says_what_to_use(stream: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    ours, theirs = os.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, stream: subprocess.PIPE}
    with subprocess.Popen(  # type: ignore[call-overload]
        [sys.executable, "-c", CONSOLE], cwd=ROOT, **streams
    ) as process:
        assert process.wait(10) == 2
        told = process.stderr.read() if process.stderr else os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)
    assert b"is no terminal" in told
    assert b"console run" in told
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 1.0


def test_a_terminal_that_can_t_be_drawn_on_is_refused() -> None:
    terminal = Terminal(environment={"TERM": "dumb"})
    assert terminal.wait() == 2
    assert b"TERM=dumb" in terminal.written
    terminal.end()


@pytest.mark.parametrize("word", ["--nonsense", "--lab", "chain.test"])
def test_an_unknown_argument_is_a_usage_error(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert screen([word]) == 2
    assert f"{word!r} is not known" in capsys.readouterr().err


def test_a_folder_without_a_lab_is_a_usage_error() -> None:
    terminal = Terminal("--lab=/nowhere")
    assert terminal.wait() == 2
    assert b"no lab runs there" in terminal.written
    terminal.end()


def test_q_leaves_the_terminal_as_it_was(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    terminal.press("q")
    assert terminal.wait() == 0
    assert b"\x1b[?1049l" in terminal.written


@pytest.mark.parametrize("keys", ["t", "3r"])
def test_keys_that_are_typed_at_once_are_not_lost(lab: Lab, keys: str) -> None:
    terminal = Terminal(f"--lab={lab.root}")
    terminal.press(keys)
    try:
        terminal.sees("delivered")
    finally:
        terminal.end()


def test_read_only_is_shown(opened: Callable[..., Terminal]) -> None:
    opened("--read-only").sees("read-only")


def test_it_idles_without_the_processor(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    time.sleep(0.5)
    before = terminal.cpu()
    time.sleep(1.0)
    assert terminal.cpu() - before <= 0.03


def test_it_ends_when_the_line_is_cut(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    terminal.hang_up()
    assert terminal.process.wait(6) == 128 + signal.SIGHUP


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_and_restores_the_terminal(
    opened: Callable[..., Terminal], number: signal.Signals
) -> None:
    terminal = opened()
    terminal.process.send_signal(number)
    assert terminal.wait(6) == 128 + number
    assert b"\x1b[?1049l" in terminal.written


def test_it_ends_though_a_milter_hangs(opened: Callable[..., Terminal], peers: Peers) -> None:
    silent = peers.start(lambda wire: wire.wait_for_close())
    terminal = opened()
    _ask(terminal, silent.spec)
    terminal.sees("waiting for")
    terminal.press("q")
    assert terminal.wait(3) == 0


def test_no_color_is_obeyed(opened: Callable[..., Terminal]) -> None:
    terminal = opened(NO_COLOR="1")
    terminal.press("s\x1b[B\r")
    terminal.sees("traces")
    terminal.press("r")
    terminal.sees("Blocked by SpamAssassin")
    terminal.press("q")
    assert terminal.wait() == 0
    assert not list(_colours(terminal.written))


def test_colour_is_the_terminal_s_own(opened: Callable[..., Terminal]) -> None:
    terminal = opened()
    terminal.press("r")
    terminal.sees("delivered")
    used = set(_colours(terminal.written))
    assert used
    assert used <= {*range(30, 38), *range(90, 98)}


def test_what_a_milter_says_never_reaches_the_terminal(
    opened: Callable[..., Terminal], peers: Peers
) -> None:
    terminal = opened()
    _ask(terminal, peers.start(malicious).spec)
    terminal.sees("[session][end]")
    for key in "dnt":
        terminal.press(key)
        time.sleep(0.2)
        terminal.press("\x1b")
        time.sleep(0.2)
    terminal.press("q")
    assert terminal.wait() == 0
    assert TITLE not in terminal.written
    assert b"owned\x07" not in terminal.written
    assert CLEAR[:4] not in terminal.written
    assert b"\x9b31m" not in terminal.written


def _ask(terminal: Terminal, spec: str) -> None:
    """Test the milter at *spec*."""
    terminal.press("m")
    terminal.sees("Which milters")
    terminal.press("\x1b[F")
    terminal.sees("another")
    terminal.press("\r")
    terminal.sees("several")
    terminal.press(spec)
    terminal.press("\r")
    terminal.sees("alone")
    terminal.press("r")


def _colours(written: bytes) -> Iterator[int]:
    """Yield every colour that was set, but the default one."""
    for codes in re.findall(rb"\x1b\[([0-9;]*)m", written):
        for code in filter(None, codes.split(b";")):
            number = int(code)
            if (30 <= number <= 49 and number not in {39, 49}) or 90 <= number <= 107:
                yield number
