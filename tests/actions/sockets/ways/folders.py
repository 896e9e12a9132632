"""A real socket in a folder of its daemon's own, and the edge that leads to it, as a case."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from actions.finding import Finding, Health
from actions.host.ports import UnitState
from actions.mailhost.edges import Edge
from actions.mailhost.service import MailService
from actions.sockets.path import walk
from actions.sockets.report import EdgeState
from actions.sockets.ways.case import Case
from tests.actions.sandbox import MILTER, SandboxHost, furnish
from tests.postfix_ports import NoPostfix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.host.ports import Completed
    from actions.sockets.report import Cause

UNIT = UnitState(
    "milter.service", "active", True, 1, "", "running", files=("/usr/lib/systemd/milter.service",)
)
SERVICE = MailService("milter", "milter", "milter.service", user="milter")


class Queue(NoPostfix):
    """A Postfix of which nothing is known but where its queue is."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def setting(self, name: str) -> str:
        assert name == "queue_directory"
        return self._folder


class Systemctl:
    """A systemctl that answers as recorded: no systemd runs where the tests do."""

    def __init__(self, runtime: str = "", version: str = "252.39-1~deb12u2") -> None:
        self.runtime = runtime
        self.version = version
        self.command = ""
        """What the unit runs before its start."""

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        from actions.host.ports import Completed

        assert argv[:2] == ["systemctl", "show"]
        if "--property=Version" in argv:
            return Completed(tuple(argv), 0, f"Version={self.version}\n", "")
        if any("ExecStartPre" in word for word in argv):
            path = self.command.partition(" ")[0]
            told = f"ExecStartPre={{ path={path} ; argv[]={self.command} ; ignore_errors=no ; }}\n"
            return Completed(tuple(argv), 0, told if path else "", "")
        told = f"RuntimeDirectory={self.runtime}\nLoadState=loaded\n"
        return Completed(tuple(argv), 0, told, "")


class Place:
    """A host below one folder, with a daemon whose socket is closed to Postfix's user."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="ways-", dir="/var/tmp"))
        self.host = furnish(str(self.root))
        self.kind: Literal["system", "lab"] = "system"
        self.host.kind = self.kind
        self.host.postfix = Queue(str(self.root / "var/spool/postfix"))
        self.host.commands = self.systemctl = Systemctl()  # type: ignore[assignment]
        self.folder = self.root / "run/milter"
        self.folder.mkdir()
        for path in ("usr/bin", "usr/lib/tmpfiles.d", "etc/tmpfiles.d", "proc/sys/fs"):
            (self.root / path).mkdir(parents=True)
        for name in ("systemd-tmpfiles", "rm"):
            (self.root / "usr/bin" / name).touch()
        (self.root / "proc/sys/fs/protected_hardlinks").write_text("1\n")
        self.socket = self.folder / "milter.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.socket))
        self.closed(0o750, 0o660)

    def closed(self, folder: int, socket_mode: int) -> None:
        """Give folder and socket to the daemon, with these modes."""
        for path in (self.folder, self.socket):
            os.chown(path, MILTER, MILTER)
        self.folder.chmod(folder)
        self.socket.chmod(socket_mode)

    def case(self, cause: Cause = "folder", unit: UnitState = UNIT) -> Case:
        """Return the edge from Postfix to the daemon, as it stands."""
        spec = f"unix:{self.socket}"
        edge = Edge("smtpd:milter", "smtpd", "postfix", "milter", "postfix", "milter", spec, spec)
        client = self.host.accounts.user("postfix")
        steps = walk(self.host.accounts, str(self.socket), client)
        finding = Finding(Health.DOWN, "closed", spec)
        state = EdgeState(edge, finding, cause, steps, None, 0.0)
        return Case(self.host, state, client, SERVICE, unit, (SERVICE,), (edge,))

    def end(self) -> None:
        """Remove it."""
        self.host.services.end_all()
        shutil.rmtree(self.root)


__all__ = ["SERVICE", "UNIT", "Place", "SandboxHost", "Systemctl"]
