"""A whole host in a folder: real files and owners, real commands, services as real processes.

Its services outlive the process that started them, so that the tests can kill that one.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

from actions.host.accounts import FolderAccounts
from actions.host.commands import SystemCommands
from actions.host.errors import HostError
from actions.host.files import Files
from actions.host.ports import UnitState
from tests.postfix_ports import NoPostfix
from tests.unit_ports import NoForeground, NoTimers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Accounts, Commands, Operation, Postfix, Timers, Units, UnitWatch

IS_UNABLE = os.geteuid() != 0 and not os.environ.get("CI")
WHY_UNABLE = "gives files to other users, which only root can; run the tests as root"
needs_root = pytest.mark.skipif(IS_UNABLE, reason=WHY_UNABLE)

MILTER, POSTFIX = 12001, 12002
"""Numbers of the users (and groups of the same name) of the sandbox."""

SETTING = b"# the milter of the tests\nSOCKET_GROUP=milter\n"
MENDED = SETTING.replace(b"=milter", b"=postfix")


class SandboxHost:
    """Everything below one folder, as a host."""

    kind: Literal["system", "lab"] = "lab"
    name = "sandbox"

    def __init__(self, root: str) -> None:
        self.root = root
        self.files = Files()
        self.accounts: Accounts = FolderAccounts(root, self.files)
        self.commands: Commands = SystemCommands()
        self.services = SandboxUnits(root)
        self.units: Units = self.services
        self.timers: Timers = NoTimers()
        self.postfix: Postfix = NoPostfix()
        self.state_folder = os.path.join(root, "state")

    def at(self, path: str) -> str:
        return self.root + path

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        raise HostError("the sandbox has no milter")


_SERVICE = 'echo $$ > "$PIDFILE"; read nothing < "$FOREVER"'
"""What a service does: say its number, and wait for what never comes."""


class SandboxUnits(NoForeground):
    """Services that are waiting shells, each with the settings it was started with."""

    def __init__(self, root: str) -> None:
        self._folder = os.path.join(root, "units")
        self._settings = os.path.join(root, "etc/milter.conf")

    def state(self, unit: str) -> UnitState:
        pid = self._pid(unit)
        if pid:
            return UnitState(unit, "active", None, pid, f"{pid}-{_started(pid)}", "running")
        failed = os.path.exists(self._path(unit, "failed"))
        return UnitState(unit, "failed" if failed else "inactive", None, 0, "", "")

    def absent(self) -> str:
        return ""

    def names(self) -> tuple[str, ...]:
        with suppress(FileNotFoundError):
            return tuple(
                sorted(
                    name.removesuffix(".fifo")
                    for name in os.listdir(self._folder)
                    if name.endswith(".fifo")
                )
            )
        return ()

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        return tuple(map(self.state, units))

    def watch(self, changed: Callable[[str], None]) -> UnitWatch:
        raise HostError("nothing in the sandbox tells of changes")

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        if operation in {"stop", "restart"}:
            self._stop(unit)
        if operation in {"start", "restart"}:
            self._start(unit)

    def settings_of(self, unit: str) -> bytes:
        """Return the settings that the running process was started with."""
        pid = self._pid(unit)
        assert pid, f"{unit} does not run"
        with open(f"/proc/{pid}/environ", "rb") as file:
            told = dict(entry.partition(b"=")[::2] for entry in file.read().split(b"\0"))
        return told[b"SETTINGS"]

    def end_all(self) -> None:
        with suppress(FileNotFoundError):
            for name in os.listdir(self._folder):
                if name.endswith(".pid"):
                    self._stop(name.removesuffix(".pid"))

    def _start(self, unit: str) -> None:
        if self._pid(unit):
            return
        os.makedirs(self._folder, exist_ok=True)
        with suppress(FileExistsError):
            os.mkfifo(self._path(unit, "fifo"))
        with open(self._settings, "rb") as file:
            settings = file.read()
        with suppress(FileNotFoundError):
            os.unlink(self._path(unit, "failed"))
        if b"broken" in settings:
            with open(self._path(unit, "failed"), "wb"):
                pass
            raise HostError(f"cannot start {unit}: its settings are broken")
        subprocess.run(
            ["/bin/sh", "-c", f"/bin/sh -c '{_SERVICE}' &"],
            env={
                "SETTINGS": settings.decode(),
                "PIDFILE": self._path(unit, "pid"),
                "FOREVER": self._path(unit, "fifo"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )
        self._await(unit, runs=True)

    def _stop(self, unit: str) -> None:
        pid = self._pid(unit)
        if pid:
            os.kill(pid, signal.SIGKILL)
        self._await(unit, runs=False)

    def _await(self, unit: str, *, runs: bool) -> None:
        deadline = time.monotonic() + 5
        while bool(self._pid(unit)) != runs:
            assert time.monotonic() < deadline, f"{unit} hangs"
            time.sleep(0.0005)

    def _path(self, unit: str, kind: str) -> str:
        return os.path.join(self._folder, f"{unit}.{kind}")

    def _pid(self, unit: str) -> int:
        """Return the process of *unit* where it runs and really is the one."""
        try:
            with open(self._path(unit, "pid"), encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/environ", "rb") as file:
                ours = self._path(unit, "pid").encode() in file.read()
        except (OSError, ValueError):
            return 0
        return pid if ours else 0


def _started(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[19]


def furnish(root: str) -> SandboxHost:
    """Put a mail host's files into *root* and start its milter."""
    os.chmod(root, 0o755)
    for folder in ("etc", "etc/conf.d", "run", "var"):
        os.mkdir(os.path.join(root, folder))
    _file(
        root,
        "etc/passwd",
        b"root:x:0:0::/:/bin/sh\n"
        + f"milter:x:{MILTER}:{MILTER}::/:/bin/false\n".encode()
        + f"postfix:x:{POSTFIX}:{POSTFIX}::/:/bin/false\n".encode(),
    )
    _file(
        root,
        "etc/group",
        b"root:x:0:\n" + f"milter:x:{MILTER}:clam,virus\npostfix:x:{POSTFIX}:\n".encode(),
    )
    setting = _file(root, "etc/milter.conf", SETTING, 0o640, MILTER)
    # An ACL that gives group postfix read access, as setfacl -m g:12002:r would.
    entries = ((1, 6, -1), (4, 4, -1), (8, 4, POSTFIX), (16, 4, -1), (32, 0, -1))
    acl = b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little")
        + bits.to_bytes(2, "little")
        + (who & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, bits, who in entries
    )
    for name, value in (("user.note", b"kept"), ("system.posix_acl_access", acl)):
        with suppress(OSError):
            os.setxattr(setting, name, value)
    _file(root, "etc/old.conf", b"obsolete\xff\0 \r\nno newline", 0o600, MILTER)
    with socket.socket(socket.AF_UNIX) as listener:
        # A short way to it: the path of a socket has at most 107 bytes.
        short = os.open(os.path.join(root, "run"), os.O_PATH)
        listener.bind(f"/proc/self/fd/{short}/milter.sock")
        os.close(short)
    os.chown(os.path.join(root, "run/milter.sock"), MILTER, MILTER)
    os.chmod(os.path.join(root, "run/milter.sock"), 0o640)
    host = SandboxHost(root)
    host.units.operate("start", "milter")
    return host


def _file(root: str, name: str, content: bytes, mode: int = 0o644, gid: int = 0) -> str:
    path = os.path.join(root, name)
    with open(path, "wb") as file:
        file.write(content)
    os.chown(path, 0, gid)
    os.chmod(path, mode)
    return path


class Seen(NamedTuple):
    """All of one entry of the tree."""

    mode: int
    uid: int
    gid: int
    content: bytes
    labels: tuple[tuple[str, bytes], ...]


def snapshot(root: str) -> dict[str, Seen]:
    """Return all of the tree below *root* but the journal and the services' own files."""
    seen: dict[str, Seen] = {}
    for folder, folders, names in os.walk(root):
        if folder == root:
            folders[:] = [name for name in folders if name not in {"state", "units"}]
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            entry = os.lstat(path)
            content = b""
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            labels = tuple(
                (label, os.getxattr(path, label)) for label in sorted(os.listxattr(path))
            )
            short = os.path.relpath(path, root)
            seen[short] = Seen(entry.st_mode, entry.st_uid, entry.st_gid, content, labels)
    return seen
