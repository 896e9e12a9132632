"""A host whose Postfix is a folder of this test's, read by the real postconf."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.host.commands import SystemCommands
from actions.host.system import SystemHost
from tests.programs import needs

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Completed

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
myhostname = mx.example.org
mydomain = example.org
"""


class PrivateCommands(SystemCommands):
    """Real programs; postconf is pointed at a folder, and what was run is remembered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ran: list[tuple[str, ...]] = []
        self.users: list[str | None] = []

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        self.ran.append(tuple(argv))
        self.users.append(user)
        if argv[0] == "postconf":
            argv = [needs("postconf")[0], "-c", str(self._folder), *argv[1:]]
        return super().run(argv, timeout=timeout)


class PrivateHost(SystemHost):
    """This machine, with a Postfix and a milter-manager of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own_commands = PrivateCommands(root / "postfix")
        self.commands = self.own_commands
        self.name = "mx.example.org"

    def at(self, path: str) -> str:
        return f"{self.root}{path}"

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        raise ConnectionRefusedError(f"asked as {user}")


def private_host(root: Path, main: str = "", master: str = "") -> PrivateHost:
    """Return a host whose main.cf has *main* besides the usual, and whose master.cf is *master*."""
    needs("postconf")
    (root / "postfix").mkdir()
    (root / "queue").mkdir()
    (root / "postfix/main.cf").write_text(MAIN.format(root=root) + main.format(root=root))
    (root / "postfix/master.cf").write_text(master.format(root=root))
    for name in ("main.cf", "master.cf"):  # postconf waits until what it reads is 2 s old
        os.utime(root / "postfix" / name, (1.0, 1.0))
    return PrivateHost(root)
