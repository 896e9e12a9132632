"""Starting a lab, being its console, and finding one that another process has started."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.errors import HostError
from actions.mailhost.values import items
from actions.record import Record
from console.lab import layout
from console.lab.faults import faults_named
from console.lab.host import LabHost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from console.lab.faults import Fault
    from console.lab.folder import LabFolder

NEEDED = ("Milter", "milter", "aiosmtpd")
"""Modules of the extra "lab"."""

START_TIMEOUT = 30.0
END_TIMEOUT = 5.0

PORTS = range(20000, 30000)
"""Where the SMTP front's port is chosen: below those that the kernel hands out by itself, so
that the port is still free when the front is started again."""


class Lab(Record):
    """A lab that runs."""

    host: LabHost
    root: str
    smtp_port: int
    """On 127.0.0.1."""
    faults: tuple[Fault, ...] = ()

    @property
    def milters(self) -> tuple[str, ...]:
        """The milters' endpoints in the order in which Postfix asks them."""
        return items(self.host.postfix.setting("smtpd_milters"))


@contextmanager
def running_lab(faults: Iterable[str] = ()) -> Iterator[Lab]:
    """Start a lab, and end it with everything in it when the block is left.

    Args:
        faults: names of what is to be broken; see `console.lab.faults`.

    Raises:
        ActionError: the lab's packages are missing, a fault is unknown, or it can't start.
    """
    chosen = faults_named(faults)
    require_packages()
    from console.lab import folder

    made = folder.make_folder(layout.LONGEST_SOCKET)
    try:
        supervisor = _Supervisor(made, chosen)
    except BaseException:
        os.close(made.lock)
        folder.remove(made.root)
        raise
    os.close(made.lock)
    try:
        supervisor.await_ready()
        host = LabHost(made.root)
        try:
            yield Lab(host, made.root, supervisor.port, chosen)
        finally:
            host.close()
    finally:
        supervisor.end()
        folder.remove(made.root)


def attach(root: str) -> LabHost:
    """Return the host of a lab that another process has started.

    Raises:
        ActionError: no lab runs in that folder.
    """
    root = os.path.realpath(root)
    with socket.socket(socket.AF_UNIX) as link:
        try:
            _require_own(root)
            link.connect(root + layout.CONTROL)
            _require_own_peer(root, link)
            return LabHost(root)
        except (OSError, HostError) as error:
            raise ActionError(
                f"{root}: no lab runs there: {getattr(error, 'strerror', None) or error}",
                Exit.USAGE,
                "start one with: console lab",
            ) from error


def _require_own(root: str) -> None:
    """Refuse a folder that another user made or can fill: what it says would be believed."""
    for folder in (root, os.path.dirname(root + layout.CONTROL)):
        entry = os.lstat(folder)
        if entry.st_uid != os.geteuid() or entry.st_mode & 0o022:
            raise ActionError(
                f"{folder} is not this user's own folder; the lab in it is not trusted",
                Exit.NOT_PERMITTED,
                "work on it as the user who started it",
            )


def _require_own_peer(root: str, link: socket.socket) -> None:
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    if uid != os.geteuid():
        raise ActionError(f"the lab in {root} is run by another user", Exit.NOT_PERMITTED)


def require_packages() -> None:
    """Raise `ActionError` where the packages that only the lab needs are missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ActionError(
            f"the lab needs packages that are not installed ({', '.join(missing)})",
            Exit.USAGE,
            "install them: pip install 'milter-console[lab]'",
        )


class _Supervisor:
    """The process that runs the lab, on the leash of this one."""

    def __init__(self, made: LabFolder, faults: tuple[Fault, ...]) -> None:
        leash, self._leash = os.pipe()
        self._report, report = os.pipe()
        self._root = made.root
        try:
            with _listener() as listener:
                self.port: int = listener.getsockname()[1]
                layout.furnish(made.root, self.port, faults)
                numbers = (leash, report, listener.fileno())
                names = ",".join(fault.name for fault in faults)
                self._process = subprocess.Popen(  # noqa: S603 - this program itself
                    [sys.executable, "-P", "-c", _PROGRAM, made.root, *map(str, numbers), names],
                    pass_fds=(*numbers, made.lock),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._leash)
            os.close(self._report)
            raise
        finally:
            os.close(leash)
            os.close(report)

    def await_ready(self) -> None:
        """Wait until every unit runs or is as broken as asked; raises `ActionError`."""
        told = _read_all(self._report, START_TIMEOUT)
        failure = json.loads(told)["failed"] if told else "its supervisor ended"
        if failure:
            raise ActionError(
                f"the lab did not start: {failure}", Exit.UNDECIDED, "try again, or another TMPDIR"
            )

    def end(self) -> None:
        """Let go of the leash and wait until everything is stopped and removed."""
        os.close(self._leash)
        os.close(self._report)
        try:
            self._process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_PACKAGES = str(Path(__file__).parents[2])
_PROGRAM = f"""\
import sys
if {_PACKAGES!r} not in sys.path:
    sys.path.insert(0, {_PACKAGES!r})
from console.lab.supervisor import main
main()
"""
"""Runs this very copy of the program, installed or not, whatever the current folder holds."""


def _listener() -> socket.socket:
    """Return a socket that listens on loopback, on a port of `PORTS`."""
    start = int.from_bytes(os.urandom(2), "big") % len(PORTS)
    for number in (*PORTS[start:], *PORTS[:start]):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", number))
    raise ActionError("every port for the lab's SMTP front is taken", Exit.UNDECIDED)


def _read_all(number: int, timeout: float) -> bytes:
    until = time.monotonic() + timeout
    told = b""
    while True:
        left = until - time.monotonic()
        if not select.select([number], [], [], max(left, 0))[0]:
            return b'{"failed": "it took too long"}'
        piece = os.read(number, 65536)
        if not piece:
            return told
        told += piece
