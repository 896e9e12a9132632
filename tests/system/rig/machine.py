"""A running machine, and what a test does in it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPERATOR = "operator1"
"""An ordinary user without sudo."""
SUDOER = "operator2"
"""An ordinary user who may run everything by sudo without a password."""

PYTHON = "/opt/milter-console/bin/python3"
"""The product's Python, in the machine."""

PATIENCE = 60.0
"""Seconds after which something that must happen is taken for lost."""

_POWER_OFF, _REBOOT = 4, 5
"""What systemd does on these real-time signals: see systemd(1)."""


class Completed(NamedTuple):
    """A command that has ended."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return what was written as JSON; a failure shows what was written instead."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            raise AssertionError(f"no JSON came of {self}") from None

    def checked(self) -> Completed:
        """Return this; fail where the command failed."""
        assert self.returncode == 0, f"failed: {self}"
        return self


class Machine:
    """A machine that runs; `boot.boot` makes one.

    Attributes:
        name: of the machine, as nspawn knows it.
        image: what it is a copy of: "debian/healthy".
        folder: where its console log and its record are kept, on the outer machine.
        leader: the pid of its process 1, as the outer machine sees it.
    """

    def __init__(self, name: str, image: str, folder: Path, argv: Sequence[str]) -> None:
        self.name, self.image, self.folder = name, image, folder
        self.leader = 0
        self._notices = self._listen()
        with (folder / "console").open("wb") as console:
            self._keeper = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is not for it
                env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify")},
            )

    @property
    def keeper(self) -> int:
        """The process outside that holds the machine."""
        return self._keeper.pid

    def enter(
        self, argv: Sequence[str], user: str = "root", env: dict[str, str] | None = None
    ) -> list[str]:
        """Return the command line that runs *argv* in the machine as *user*."""
        return entering(self.leader, argv, user, env)

    def run(
        self,
        argv: Sequence[str],
        user: str = "root",
        input: str | None = None,  # noqa: A002 - as subprocess calls it
        timeout: float = PATIENCE,
        env: dict[str, str] | None = None,
    ) -> Completed:
        """Run *argv* to its end, which takes about 10 ms more than outside.

        Args:
            argv: program and arguments; the program is found on the user's path in the machine.
            user: who runs it, with all groups of the user.
            input: standard input; it is empty otherwise.
            timeout: seconds, after which it is killed and `subprocess.TimeoutExpired` is raised.
            env: variables beside HOME, USER, SHELL, PATH and LANG.
        """
        ended = subprocess.run(
            self.enter(argv, user, env),
            input=input or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            check=False,
        )
        return Completed(tuple(argv), ended.returncode, ended.stdout, ended.stderr)

    def console(
        self, action: str, *arguments: str, user: str = "root", timeout: float = PATIENCE
    ) -> Completed:
        """Run `console run ACTION ARGUMENT…` in the machine."""
        return self.run(["console", "run", action, *arguments], user=user, timeout=timeout)

    def python(self, script: str, *arguments: str, user: str = "root") -> Completed:
        """Run a Python script that may import the product."""
        return self.run([PYTHON, "-c", script, *arguments], user=user)

    def popen(self, argv: Sequence[str], user: str = "root") -> subprocess.Popen[str]:
        """Start *argv* in the machine, to be read while it runs; it ends with `kill()` too."""
        return subprocess.Popen(
            self.enter(argv, user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )

    def sh(self, script: str, *arguments: str, user: str = "root") -> str:
        """Run a shell script; return what it wrote, and fail where it failed."""
        return self.run(["sh", "-euc", script, "sh", *arguments], user=user).checked().stdout

    def read(self, path: str) -> str:
        """Return the text of the file at *path*; raises `FileNotFoundError`."""
        # By a process inside: a link there must never lead into the outer machine's files.
        ended = self.run(["cat", "--", path])
        if ended.returncode:
            raise FileNotFoundError(ended.stderr.strip())
        return ended.stdout

    def write(self, path: str, text: str) -> None:
        """Put *text* into the file at *path*; the owner and mode of one that is there stay."""
        self.run(["sh", "-euc", 'cat >"$1"', "sh", path], input=text).checked()

    def exists(self, path: str) -> bool:
        """Return whether something is at *path*."""
        return self.run(["test", "-e", path]).returncode == 0

    def systemctl(self, *arguments: str) -> str:
        """Run systemctl; return what it wrote, and fail where it failed."""
        return self.run(["systemctl", *arguments]).checked().stdout

    def log(self, *arguments: str) -> str:
        """Return the journal of this boot, messages only: `log("-u", "milter-greylist")`."""
        return (
            self.run(["journalctl", "-b", "-q", "--no-pager", "-o", "cat", *arguments])
            .checked()
            .stdout
        )

    def wait_for(
        self, true: Callable[[], object], what: str = "it", timeout: float = PATIENCE
    ) -> None:
        """Wait until *true* says so; fail where it never does."""
        until = time.monotonic() + timeout
        while not true():
            assert time.monotonic() < until, f"{what} did not happen in {timeout:.0f} s"
            time.sleep(0.02)

    def booted(self, timeout: float = 3 * PATIENCE) -> None:
        """Wait until the machine has started, and learn its process 1."""
        until = time.monotonic() + timeout
        ready = False
        with self._notices:
            while not ready:
                try:
                    ready = "READY=1" in self._notices.recv(4096).decode().splitlines()
                except TimeoutError:
                    self._require_life(until)
        self.leader = first_process(self.keeper)
        assert self.leader, f"{self.name} has no process 1"

    def reboot(self) -> None:
        """Start the machine again: what is on its disk stays, /run is empty."""
        self._notices = self._listen()
        os.kill(self.leader, signal.SIGRTMIN + _REBOOT)
        self.booted()

    def power_off(self, timeout: float = PATIENCE) -> None:
        """Shut the machine down in order; what does not end in *timeout* seconds is killed."""
        os.kill(self.leader, signal.SIGRTMIN + _POWER_OFF)
        try:
            self._keeper.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait(self) -> None:
        """Wait until the machine has ended by itself, or was ended by someone."""
        self._keeper.wait()

    def kill(self) -> None:
        """End the machine at once; its copy of the image is thrown away in any case."""
        self._keeper.kill()
        self._keeper.wait()
        self._notices.close()

    def console_log(self) -> str:
        """Return what systemd wrote to the machine's console."""
        return (self.folder / "console").read_text(errors="replace")

    def _listen(self) -> socket.socket:
        """Return where nspawn tells that the machine is ready.

        It is closed after that: systemd goes on telling of each reload, and stands still when
        nobody takes that in.
        """
        place = self.folder / "notify"
        place.unlink(missing_ok=True)
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(str(place))
        notices.settimeout(0.5)
        return notices

    def _require_life(self, until: float) -> None:
        if self._keeper.poll() is not None:
            raise AssertionError(f"{self.name} ended while it started:\n{self._last_words()}")
        if time.monotonic() > until:
            waits = f"{self._jobs()}\n{self._last_words()}"
            raise AssertionError(f"{self.name} did not start in time:\n{waits}")

    def _jobs(self) -> str:
        """Return what systemd in there waits for."""
        leader = first_process(self.keeper)
        if not leader:
            return "it has no process 1"
        ask = entering(leader, ["timeout", "10", "systemctl", "list-jobs", "--no-pager"])
        told = subprocess.run(ask, capture_output=True, text=True, check=False)
        return told.stdout + told.stderr

    def _last_words(self) -> str:
        return "\n".join(self.console_log().splitlines()[-20:])


def first_process(keeper: int) -> int:
    """Return the pid, out here, of process 1 in the innermost namespace below *keeper*.

    It is 0 where there is none; processes that end meanwhile are passed over.
    """
    left = [keeper]
    while left:
        pid = left.pop()
        with suppress(FileNotFoundError, ProcessLookupError):
            left += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = status.partition("NSpid:")[2].splitlines()[0].split()
            if len(numbers) == len(_own_numbers()) + 2 and numbers[-1] == "1":
                return pid
    return 0


def _own_numbers() -> list[str]:
    return Path("/proc/self/status").read_text().partition("NSpid:")[2].splitlines()[0].split()


def entering(
    leader: int, argv: Sequence[str], user: str = "root", env: dict[str, str] | None = None
) -> list[str]:
    """Return the command line that runs *argv* as *user* where the process *leader* is the first.

    The environment is that of a fresh login; nothing of the outer machine's is handed in.
    """
    # A kill of nsenter alone would leave the command running.
    switch = ["setpriv", "--pdeathsig", "KILL"]
    if user == "root":
        switch += ["--reset-env"]
    else:
        switch += ["--reuid", user, "--regid", user, "--init-groups", "--reset-env"]
    given = {"LANG": "C.UTF-8", **(env or {})}
    variables = [f"{name}={value}" for name, value in given.items()]
    return [
        *("nsenter", "--target", str(leader), "--all", "--wdns=/", "--"),
        *(*switch, "env", *variables, *argv),
    ]
