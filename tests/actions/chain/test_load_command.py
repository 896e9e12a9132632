"""``console run chain.load`` as a command: its line on a terminal, and an interrupt."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.actions.chain.command import MAIN, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.milters.running import Milters


@contextmanager
def begun(*options: str, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", MAIN, "run", "chain.load", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr) as running:
        try:
            yield running
        finally:
            running.kill()


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    until = time.monotonic() + 20
    while wanted not in seen:
        assert time.monotonic() < until, seen
        seen += os.read(terminal, 4096)
    return seen


def test_an_interrupt_ends_it_with_what_was_measured(milters: Milters) -> None:
    milter = milters.start(bare=True)
    terminal, theirs = pty.openpty()
    with begun("--milter", milter.spec, "--sessions", "1000000", stderr=theirs) as running:
        os.close(theirs)
        seen = read_until(terminal, b" of 1000000 sessions, ")
        seen += read_until(terminal, b"\r\x1b[K")
        running.send_signal(signal.SIGINT)
        started = time.monotonic()
        told, _ = running.communicate(timeout=10)
        assert time.monotonic() - started < 2
        os.close(terminal)
    assert running.returncode == 6
    assert b"\n" not in seen, "each line is written over the one before"
    assert b"cancelled after " in told
    assert b"whole session" in told


def test_a_script_gets_the_report_alone(milters: Milters) -> None:
    milter = milters.start(bare=True)
    with begun("--milter", milter.spec, "--sessions", "400", stderr=subprocess.PIPE) as running:
        told, complaints = running.communicate(timeout=20)
    assert (running.returncode, complaints) == (0, b"")
    assert b"400 sessions, 4 at once" in told
