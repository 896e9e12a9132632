"""Real milters as child processes: started, waited for, read, and killed by their own pid."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.milters.program import Script

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds after which something that must happen is taken for lost."""


class Seen(NamedTuple):
    """One event as a milter was told it."""

    session: int
    event: str
    arguments: list[Any]
    macros: dict[str, str]


class Running:
    """A milter process.

    Args:
        folder: where it keeps its socket, its record and its standard error.
        script: what it does; see `tests.milters.program.Script`.
    """

    def __init__(self, folder: Path, script: Script) -> None:
        self._record = folder / "record"
        self._errors = folder / "stderr"
        self.spec = script.get("spec") or f"unix:{folder}/socket"
        given: Script = {**script, "spec": self.spec, "record": str(self._record)}
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.milters.program"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdin is not None
        with self._process.stdin as standard_input:
            standard_input.write(json.dumps(given).encode())

    def wait(self) -> None:
        """Wait until the socket is open."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert ready, "the milter did not open its socket in time"
        assert os.read(self._process.stdout.fileno(), 6) == b"ready\n", self.errors()

    @property
    def path(self) -> str:
        """The path of its unix socket."""
        return self.spec.removeprefix("unix:")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def events(self) -> list[Seen]:
        """Return what it was told, up to the end of every session that has begun."""
        eventually(lambda: self._sessions("negotiate") == self._sessions("close"))
        return self.seen()

    def seen(self) -> list[Seen]:
        """Return what it was told so far."""
        if not self._record.exists():
            return []
        # A line that is just being written may end anywhere.
        whole = self._record.read_bytes().rpartition(b"\n")[0]
        return [Seen(**json.loads(line)) for line in whole.splitlines()]

    def names(self) -> list[str]:
        """Return the events of all sessions but their opening and closing."""
        return [seen.event for seen in self.events() if seen.event not in {"negotiate", "close"}]

    def told(self) -> list[str]:
        """Return the same without "abort", which libmilter tells only where it has a use."""
        return [name for name in self.names() if name != "abort"]

    def only(self, event: str) -> Seen:
        """Return the one *event* it was told."""
        (found,) = (seen for seen in self.events() if seen.event == event)
        return found

    def forget(self) -> None:
        """Empty the record."""
        self.events()
        os.truncate(self._record, 0) if self._record.exists() else None

    def errors(self) -> str:
        """Return what it said on standard error."""
        return self._errors.read_text(errors="replace")

    def kill(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _sessions(self, event: str) -> int:
        return sum(seen.event == event for seen in self.seen())


class Milters:
    """Starts milters, and ends all that it started."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="milters-"))
        self._running: list[Running] = []

    def start(self, **script: Any) -> Running:
        """Start a milter and wait for its socket."""
        (running,) = self.start_all(script)
        return running

    def start_all(self, *scripts: Any) -> list[Running]:
        """Start several milters at once and wait for their sockets."""
        started = [self._launch(script) for script in scripts]
        for running in started:
            running.wait()
        return started

    def end(self) -> None:
        """End every milter; what they said on standard error is shown by a test that failed."""
        for running in self._running:
            running.kill()
            if said := running.errors():
                sys.stderr.write(f"milter {running.spec} said:\n{said}\n")
        shutil.rmtree(self._root)

    def path(self, name: str) -> str:
        """Return a path for a socket of the test's own."""
        return str(self._root / name)

    def _launch(self, script: Script) -> Running:
        folder = self._root / str(len(self._running))
        folder.mkdir()
        self._running.append(Running(folder, script))
        return self._running[-1]


def eventually(true: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until *true* says so; fail where it never does."""
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        select.select([], [], [], 0.005)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.create_server((host, 0)) as taken:
        return int(taken.getsockname()[1])
