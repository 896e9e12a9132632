"""The built layers: a cache folder outside the checkout, shared by all who use the rig.

A layer is built in a folder of another name and renamed when it is whole, so an interrupted build
leaves nothing that looks whole. Who boots a layer holds a shared lock on its folder. Checkouts with
different recipes share the folder, so of each layer those stay that were used last; what is older
is removed when nobody holds it. One build goes on at a time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(os.environ.get("MILTER_CONSOLE_RIG") or "/var/cache/milter-console-rig")

KEPT = 4
"""How many builds of one layer stay: of some checkouts, or of a branch and back."""

KEPT_FOR = 7 * 24 * 3600.0
"""Seconds after its last use until one of these goes too: the lowest takes most of a gigabyte."""


class Held(NamedTuple):
    """A layer that nobody removes before `let_go` is called or this process ends."""

    root: Path
    lock: int

    def let_go(self) -> None:
        os.close(self.lock)


def hold(name: str, digest: str, build: Callable[[Path], None]) -> Held:
    """Return the layer *name* of this *digest*, built first where it is missing.

    Args:
        name: such as "debian/stock".
        digest: changes with what the layer is made of.
        build: fills the folder it is given with `root`, the files of the layer.
    """
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    stem = name.replace("/", "-")
    folder = FOLDER / f"{stem}@{digest}"
    held = _held(folder)
    while held is None:
        with _builder(name):
            held = _held(folder)
            if held is None:
                _build(folder, build)
                held = _held(folder)
    os.utime(held.lock)  # the time of its last use
    _sweep(stem, folder)
    return held


def _held(folder: Path) -> Held | None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not _is(lock, folder):  # it was removed while this process waited
        os.close(lock)
        return None
    return Held(folder / "root", lock)


def _is(lock: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), folder.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _builder(name: str) -> Iterator[None]:
    """Be the only one that builds; the lock ends with the process."""
    with (FOLDER / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"rig: {name}: waiting for another build\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o755)
    try:
        build(part)
        for entry in part.iterdir():
            if entry.name != "root":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        os.sync()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sweep(stem: str, current: Path) -> None:
    """Remove the old layers of this name that nobody holds, unless a build goes on."""
    others = {folder: _used(folder) for folder in FOLDER.glob(f"{stem}@*") if folder != current}
    latest = sorted(others, key=others.__getitem__, reverse=True)[: KEPT - 1]
    fresh = [folder for folder in latest if others[folder] > time.time() - KEPT_FOR]
    old = [folder for folder in others if folder not in fresh]
    if not old:
        return
    with (FOLDER / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for other in old:
            _remove(other)


def _used(folder: Path) -> float:
    """Return when a layer was used last; 0 where it is gone, or only part of one."""
    try:
        return 0.0 if folder.suffix == ".part" else folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(other: Path) -> None:
    try:
        lock = os.open(other, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        # Under another name first: who waits for the lock must not find half a layer.
        part = other.with_name(f"{other.name.removesuffix('.part')}.part")
        other.rename(part)
        shutil.rmtree(part, ignore_errors=True)
    finally:
        os.close(lock)
