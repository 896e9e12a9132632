"""The folders of the journal and the lock: believed only where nobody else could write them."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from actions.host.errors import HostError, NotPermitted
from actions.host.walk import refusal

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_own(folder: str, *, make: bool = False) -> int | None:
    """Open *folder*, which must be this user's own; the caller closes it.

    Args:
        folder: its path.
        make: make it, and those above it, where they are missing; and take away the right
            to read it from everybody else.

    Returns:
        A descriptor, or None where the folder does not exist.

    Raises:
        NotPermitted: it is root's.
        HostError: it is a link or no folder, another user's, or others may write it.
    """
    try:
        if make:
            with suppress(FileExistsError):
                os.makedirs(folder, 0o700)
        held = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise HostError(
            f"{folder}: not a folder, or a link to one, so it is not believed; "
            "look who put it there, and move it away"
        ) from None
    except OSError as error:
        raise refusal(folder, "open it", error) from error
    try:
        _require_own(folder, held)
        if make and os.fstat(held).st_mode & 0o077:
            os.fchmod(held, 0o700)
    except BaseException:
        os.close(held)
        raise
    return held


def require_own(folder: str, *, make: bool = False) -> bool:
    """Return whether *folder* exists; raises as `open_own` does."""
    held = open_own(folder, make=make)
    if held is not None:
        os.close(held)
    return held is not None


def _require_own(folder: str, held: int) -> None:
    entry = os.fstat(held)
    us = os.geteuid()
    if entry.st_uid != us and entry.st_uid == 0:
        raise NotPermitted(f"{folder}: it is root's; run as root or with sudo")
    if entry.st_uid != us:
        raise HostError(
            f"{folder}: not this user's own folder but uid {entry.st_uid}'s, so it is not "
            "believed; look at what it holds, and move it away"
        )
    mode = stat.S_IMODE(entry.st_mode)
    if mode & 0o022:
        raise HostError(
            f"{folder}: others may write it (mode {mode:04o}), so it is not believed; look at "
            f"what it holds, then chmod 0700 it"
        )
