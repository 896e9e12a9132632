"""Daemons of the system as private child processes, without root's rights."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 60.0
"""Seconds in which a daemon opens its socket, on a machine that is busy with other things."""


class Daemon:
    """A daemon that listens on a unix socket.

    Args:
        folder: its own folder; what it says is kept in ``output`` there.
        argv: the command; it must stay in the foreground.
        listens: the path of its socket.
    """

    def __init__(self, folder: Path, argv: Sequence[str], listens: Path) -> None:
        self._output = folder / "output"
        self._socket = listens
        self._process = _unprivileged(folder, argv, self._output)

    @property
    def spec(self) -> str:
        """Where it listens, as a milter's address."""
        return f"unix:{self._socket}"

    @property
    def path(self) -> str:
        """The path of its socket."""
        return str(self._socket)

    @property
    def name(self) -> str:
        """What the chain test calls it, when it is a milter."""
        return self._socket.name

    def wait(self) -> None:
        """Wait until it can be connected to."""
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < end, f"no socket in time: {self.said()}"
            time.sleep(0.02)

    def said(self) -> str:
        """Return what it wrote on its outputs."""
        return self._output.read_text(errors="replace")

    def ask_to_end(self) -> None:
        """Send it the signal to end; harmless where it is gone."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self, patience: float = 1.0) -> None:
        """End it by its own pid, after *patience* seconds by force, and take its socket away."""
        self.ask_to_end()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()  # libmilter looks for signals every five seconds only
            self._process.wait()
        self._socket.unlink(missing_ok=True)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket))
            except OSError:
                return False
            return True


def _unprivileged(folder: Path, argv: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start *argv*; as root, as a user without rights: some of them refuse to be root."""
    drop: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    place = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with output.open("ab") as said:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env={**place, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            umask=0,
            **drop,
        )


class Daemons:
    """Starts daemons, and ends all that it started."""

    def __init__(self) -> None:
        # Short, as the path of a unix socket has 107 bytes; and where every user can go.
        self._root = Path(tempfile.mkdtemp(prefix="f-", dir="/tmp"))
        self._root.chmod(0o755)
        self._running: list[Daemon] = []

    def folder(self, name: str) -> Path:
        """Return a new folder that belongs to the user the daemons run as."""
        folder = self._root / name
        folder.mkdir()
        self.give(folder)
        return folder

    def write(self, path: Path, text: str) -> Path:
        """Write *text* into a new file that only the daemons' user reads."""
        path.write_text(text)
        path.chmod(0o600)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Give *path* to the user the daemons run as."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(path, user.pw_uid, user.pw_gid)

    def start(self, folder: Path, argv: Sequence[str], listens: Path) -> Daemon:
        """Start a daemon; see `Daemon`. It is not waited for."""
        daemon = Daemon(folder, argv, listens)
        self._running.append(daemon)
        return daemon

    def end(self) -> None:
        """End all and remove their folders."""
        try:
            for daemon in self._running:
                daemon.ask_to_end()
            last = time.monotonic() + 1.0
            for daemon in self._running:
                daemon.end(max(0.0, last - time.monotonic()))
        finally:
            shutil.rmtree(self._root)
