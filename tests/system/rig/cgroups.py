"""A control group of its own for each machine.

systemd in a machine takes the group it is started in for its root: two machines in one group
would end each other's processes.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def make(name: str) -> tuple[Path, ...]:
    """Make the group *name* below this process's own, in each hierarchy that systemd uses."""
    made = []
    for parent in _own():
        folder = parent / name
        folder.mkdir(exist_ok=True)
        made.append(folder)
    return tuple(made)


def sweep(prefix: str) -> None:
    """End the groups called *prefix* and a pid, where that process is gone."""
    for parent in _own():
        for folder in parent.glob(f"{prefix}*"):
            if not Path(f"/proc/{folder.name.removeprefix(prefix)}").exists():
                end((folder,))


def end(folders: tuple[Path, ...], patience: float = 10.0) -> None:
    """Kill all that runs in these groups and remove them, for at most *patience* seconds."""
    until = time.monotonic() + patience
    while running := {pid for folder in folders for pid in _processes(folder)}:
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert time.monotonic() < until, f"processes outlive a SIGKILL: {running}"
        time.sleep(0.005)
    for folder in folders:
        for group in _tree(folder):
            with suppress(FileNotFoundError):  # another process tidies up too
                group.rmdir()


def _tree(folder: Path) -> list[Path]:
    """Return this group and all below it, the innermost first."""
    return [Path(group) for group, _, _ in os.walk(folder, topdown=False)]


def _processes(folder: Path) -> set[int]:
    found: set[int] = set()
    for group in _tree(folder):
        with suppress(FileNotFoundError):
            found.update(map(int, (group / "cgroup.procs").read_text().split()))
    return found - {0}


def _own() -> list[Path]:
    """Return the folders of this process's groups: systemd's own hierarchy, and version 2."""
    mounts = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = before.split()[4]
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            mounts[""] = place
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            mounts["name=systemd"] = place
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in mounts:
            found.append(Path(mounts[controllers]) / path.lstrip("/"))
    return found
