"""A program on a terminal of its own: a real pty, whose other end the test holds."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PATIENCE = 15.0

CONSOLE = "import sys; from console.cli import main; sys.argv[0] = 'console'; main()"


class Terminal:
    """A terminal, and the console that runs on it.

    Args:
        arguments: of the console.
        environment: what is set besides the test's own; None takes a name away.
        size: columns and lines.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
        size: tuple[int, int] = (80, 24),
    ) -> None:
        self.written = b""
        self._cut = False
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        wanted = {**os.environ, "TERM": "xterm-256color", "COLORTERM": None, **(environment or {})}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={name: value for name, value in wanted.items() if value is not None},
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  (two system calls, no lock)
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def sees(self, text: str) -> None:
        """Wait until *text* was drawn."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.written:
            assert time.monotonic() < end, f"{text!r} was not drawn:\n{self.written[-2000:]!r}"
            assert self.process.poll() is None, f"it ended:\n{self.written[-2000:]!r}"
            time.sleep(0.02)

    def press(self, keys: str) -> None:
        """Type *keys*."""
        os.write(self._ours, keys.encode())

    def hang_up(self) -> None:
        """Cut the line, as a lost connection does."""
        self._cut = True
        self._reader.join(PATIENCE)
        os.close(self._ours)
        self._ours = -1

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait until the console has ended; return its exit code."""
        code = self.process.wait(timeout)
        time.sleep(0.1)
        return code

    def cpu(self) -> float:
        """Return the seconds of processor time that the console took so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._cut = True
        self._reader.join(PATIENCE)
        if self._ours >= 0:
            os.close(self._ours)

    def _read(self) -> None:
        # A line that is being read from is not cut by closing it.
        with suppress(OSError):
            while not self._cut:
                if select.select([self._ours], [], [], 0.05)[0]:
                    self.written += os.read(self._ours, 65536)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
