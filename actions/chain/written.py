"""Files that an operator asks a test to leave: whole or not at all, and never through a link."""

from __future__ import annotations

import os
import stat

from actions.chain.request import usage


def check_writable(option: str, path: str) -> None:
    """Refuse, before the test, a *path* that could not be written after it.

    Raises:
        ActionError: it is a link or a folder, or stands in a folder that can't be written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    taken = os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode)
    if taken or not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise usage(f"{option} {path}: can't be written", "name a file in a folder of yours")


def write(option: str, path: str, data: bytes, mode: int) -> None:
    """Put *data* in the place of *path*, which becomes ours.

    Args:
        option: that named it, for the error.
        path: the file.
        data: what it holds from now on.
        mode: its permissions, before the umask.

    Raises:
        ActionError: it can't be written; what was there is as it was.
    """
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        try:
            with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise usage(f"{option} {path}: {error.strerror}") from error
