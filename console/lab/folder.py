"""The lab's temporary folder: made, held by a lock while the lab lives, swept when it is dead.

The lock is on the folder itself, so that there is never a file to forget. Whoever holds it
owns the folder; a folder of ours that nobody holds belongs to a lab that was killed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.endpoint import UNIX_PATH_LIMIT
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "mc-lab-"
NAME_LENGTH = len(PREFIX) + 8
"""The length of a folder's name: mkdtemp adds eight characters."""

_OURS = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")
_SHORTER = "set TMPDIR to a folder with a short path, such as TMPDIR=/tmp"


class LabFolder(Record):
    """The folder of a lab that is being made, with its lock."""

    root: str
    lock: int
    """A descriptor; the folder is held as long as any process has it open."""


def make_folder(room: int) -> LabFolder:
    """Make a folder for a lab and hold it; stale ones beside it are removed first.

    Args:
        room: bytes that the longest socket's path needs below the folder.

    Raises:
        ActionError: the folder for temporary files can't be used for a lab.
    """
    parent = os.path.realpath(tempfile.gettempdir())
    _check_length(parent, room)
    _check_plain(parent)
    if os.geteuid() == 0:
        _check_passable(parent)
    sweep_stale(parent)
    while True:
        try:
            root = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        except OSError as error:
            raise ActionError(
                f"{parent}: no folder can be made: {error.strerror}", Exit.NOT_PERMITTED
            ) from error
        lock = _hold(root)
        if lock is not None:
            return LabFolder(root, lock)


def sweep_stale(parent: str) -> None:
    """Remove what labs of this user left in *parent* when they were killed."""
    for root in lab_folders(parent):
        lock = _hold(root) if _is_lab(root) else None
        if lock is not None:
            remove(root)
            os.close(lock)


def _is_lab(root: str) -> bool:
    """Return whether *root* is empty or has a lab's mark; anything else is somebody's own."""
    names = os.listdir(root)
    return not names or ".lab" in names


def lab_folders(parent: str) -> Iterator[str]:
    """Yield the folders of this user's labs in *parent*, living or dead."""
    with os.scandir(parent) as entries:
        for entry in entries:
            if not _OURS.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
                continue
            if entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                yield entry.path


def remove(root: str) -> None:
    """Remove the folder with all that is in it, as far as it is still there."""
    shutil.rmtree(root, ignore_errors=True)


def _hold(root: str) -> int | None:
    """Lock *root*; None where another process holds it or has just removed it."""
    try:
        lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.lstat(root), os.fstat(lock)):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _check_length(parent: str, room: int) -> None:
    length = len(os.fsencode(parent)) + 1 + NAME_LENGTH + room
    if length > UNIX_PATH_LIMIT:
        raise ActionError(
            f"{parent} is too long for the lab's sockets: their paths would have {length} "
            f"bytes, at most {UNIX_PATH_LIMIT} are possible",
            Exit.USAGE,
            _SHORTER,
        )


def _check_plain(parent: str) -> None:
    if not _PLAIN.fullmatch(parent):
        raise ActionError(
            f"{parent!r} can't stand in Postfix's settings: it has a space or a special sign",
            Exit.USAGE,
            "set TMPDIR to a folder with a plain name, such as TMPDIR=/tmp",
        )


def _check_passable(parent: str) -> None:
    for folder in (Path(parent), *Path(parent).parents):
        entry = folder.stat()
        mode = entry.st_mode
        if entry.st_uid != 0 or (mode & 0o022 and not mode & stat.S_ISVTX):
            raise ActionError(
                f"{folder} is not root's alone; another user could exchange what is in it",
                Exit.USAGE,
                "set TMPDIR to a folder of root's, such as TMPDIR=/tmp",
            )
        if not mode & stat.S_IXOTH:
            raise ActionError(
                f"the lab's service users can't pass {folder} (mode {stat.S_IMODE(mode):04o})",
                Exit.USAGE,
                "set TMPDIR to a folder that every user can pass, such as TMPDIR=/tmp",
            )
