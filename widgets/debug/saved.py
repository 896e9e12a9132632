"""What a run said, as a file of the operator's own."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MODE = 0o600
"""Verbose output tells of mail and its senders."""


def offered(service: str) -> str:
    """Return where the output of *service* may go: a new name, where the console was started."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in service)
    return str(Path.cwd() / f"{name}-debug-{stamp}.log")


def objection(path: str) -> str:
    """Return why *path* can't be written; empty where it can."""
    if not path.strip():
        return "type the name of a file"
    file = _file(path)
    if os.path.lexists(file):
        return f"{file} exists; nothing is written over"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    return "" if os.access(file.parent, os.W_OK | os.X_OK) else f"{file.parent} can't be written"


def save(path: str, pieces: Iterable[str]) -> str:
    """Write *pieces* to a new file that only its owner reads, and return its whole path.

    Raises:
        OSError: it exists, or can't be written; nothing is left of it.
    """
    file = _file(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    number = os.open(file, flags, MODE)
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="replace") as opened:
            opened.writelines(pieces)
    except BaseException:
        file.unlink()
        raise
    return str(file)


def _file(path: str) -> Path:
    return Path.cwd() / Path(path.strip()).expanduser()
