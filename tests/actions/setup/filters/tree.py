"""Hosts that are folders: the files as packages ship them, by Debian's layout and by RHEL's.

Programs and files are real. Services are a table, since no service manager can be told to run
these daemons out of a folder; what runs is proved on a booted host.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from actions.host.accounts import FolderAccounts
from actions.host.commands import SystemCommands
from actions.host.errors import HostError
from actions.host.files import Files
from actions.host.ports import UnitState
from console.lab.postfix import DEFAULTS
from tests.postfix_ports import TablePostfix
from tests.unit_ports import NoForeground, NoTimers

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from actions.host.endpoint import Endpoint
    from actions.host.ports import (
        Accounts,
        Activity,
        Commands,
        Operation,
        Postfix,
        Timers,
        Units,
        UnitWatch,
    )

SHIPPED = Path(__file__).with_name("shipped")

UNITS = {
    "debian": (
        "spamd.service",
        "spamass-milter.service",
        "clamav-daemon.service",
        "clamav-freshclam.service",
        "clamav-milter.service",
        "milter-greylist.service",
        "postfix.service",
    ),
    "rhel": (
        "spamassassin.service",
        "spamass-milter.service",
        "clamd@scan.service",
        "clamav-freshclam.service",
        "clamav-milter.service",
        "milter-greylist.service",
        "milter-manager.service",
        "postfix.service",
    ),
}

ACCOUNTS = {
    "debian": ("postfix", "greylist", "clamav", "spamass-milter", "mail"),
    "rhel": (
        "postfix",
        "grmilter",
        "clamilt",
        "clamscan",
        "sa-milt",
        "mail",
        "milter-manager",
    ),
}

# It shows its configuration as it read it: what it found by itself, then the operator's own.
MANAGER = """\
#!/bin/sh
cd {root}/etc/milter-manager || exit 1
if grep -q BROKEN *.conf; then
  echo 'milter-manager.local.conf:3: syntax error, unexpected end-of-input'
  exit 0
fi
for child in milter-greylist:{root}/run/milter-greylist/milter-greylist.sock \\
  clamav-milter:{root}/run/clamav-milter/clamav-milter.socket \\
  spamass-milter:{root}/run/spamass-milter/postfix/sock
do
  echo "define_milter(\\"${{child%%:*}}\\") do |milter|"
  echo "  # default"
  echo "  milter.connection_spec = \\"unix:${{child#*:}}\\""
  echo "  milter.enabled = true"
  echo "end"
done
cat milter-manager.local.conf 2>/dev/null || exit 0
"""


class TreeUnits(NoForeground):
    """Units as a table; what was done to them is remembered."""

    def __init__(self, names: Sequence[str]) -> None:
        self.table: dict[str, tuple[Activity, bool]] = dict.fromkeys(names, ("active", True))
        self.done: list[tuple[str, str]] = []

    def absent(self) -> str:
        return ""

    def names(self) -> tuple[str, ...]:
        return tuple(self.table)

    def state(self, unit: str) -> UnitState:
        if unit not in self.table:
            return UnitState(unit, "inactive", None, 0, "", "no such unit", known=False)
        activity, enabled = self.table[unit]
        starts = sum(1 for _, name in self.done if name == unit)
        file = f"/usr/lib/systemd/system/{unit}"
        return UnitState(
            unit,
            activity,
            enabled,
            0,
            str(starts),
            "",
            files=(file,),
        )

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        return tuple(map(self.state, units))

    def watch(self, changed: Callable[[str], None]) -> UnitWatch:
        raise HostError("nothing here tells of changes")

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        activity, enabled = self.table[unit]
        if operation in {"start", "restart"}:
            activity = "active"
        elif operation == "stop":
            activity = "inactive"
        self.table[unit] = (activity, {"enable": True, "disable": False}.get(operation, enabled))
        self.done.append((operation, unit))


class TreeHost:
    """A host in a folder."""

    kind: Literal["system", "lab"] = "lab"
    name = "mx.example.org"

    def __init__(self, root: str, layout: str) -> None:
        self.root = root
        self.files = Files()
        self.accounts: Accounts = FolderAccounts(root, self.files)
        self.commands: Commands = SystemCommands()
        self.services = TreeUnits(UNITS[layout])
        self.units: Units = self.services
        self.timers: Timers = NoTimers()
        self.postfix: Postfix = TablePostfix(dict(DEFAULTS))
        self.state_folder = os.path.join(root, "state")

    def at(self, path: str) -> str:
        return self.root + path

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        raise HostError("nothing listens in this folder")

    def path(self, path: str) -> Path:
        return Path(self.at(path))

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the one place of *old* in the file *path*; at its end where *old* is empty."""
        file = self.path(path)
        text = file.read_bytes().decode()
        old = old.replace("@ROOT@", self.root)
        new = new.replace("@ROOT@", self.root)
        assert not old or text.count(old) == 1, f"{path}: {text.count(old)} times {old!r}"
        file.write_bytes((text.replace(old, new) if old else text + new).encode())


def furnish(root: Path, layout: str) -> TreeHost:
    """Lay the files of *layout* out in *root*, as their packages ship them."""
    shutil.copytree(SHIPPED / layout, root, dirs_exist_ok=True)
    names = ("root", *ACCOUNTS[layout])
    numbers = {name: 0 if name == "root" else 12100 + at for at, name in enumerate(names)}
    (root / "etc/passwd").write_text(
        "".join(f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in numbers.items())
    )
    (root / "etc/group").write_text("".join(f"{name}:x:{gid}:\n" for name, gid in numbers.items()))
    if layout == "rhel":
        program = root / "usr/sbin/milter-manager"
        program.parent.mkdir(parents=True)
        program.write_text(MANAGER.format(root=root))
        program.chmod(0o755)
    return TreeHost(str(root), layout)


def contents(host: TreeHost) -> dict[str, bytes]:
    """Return every file below etc, and its bytes."""
    files = (path for path in host.path("/etc").rglob("*") if path.is_file())
    return {str(path.relative_to(host.root)): path.read_bytes() for path in files}
