"""Messages in files beside a suite, and never anywhere else.

A suite may come from somebody else, and who runs it may read more than its author: what it
names must not be able to send any file of this host to a milter.
"""

from __future__ import annotations

import os
import stat

from actions.chain.request import message_in

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotBeside(Exception):
    """A name that leads to no file below the suite's folder; the text says why."""


def message_beside(folder: str, name: str) -> bytes:
    """Return the message in the file *name*, looked for below *folder*.

    Links are followed as long as they lead to something below *folder*.

    Raises:
        NotBeside: it is somewhere else, no regular file, or can't be read.
        ActionError: it is too large, or empty.
    """
    top = os.path.realpath(folder)
    try:
        path = os.path.realpath(os.path.join(top, name))
        if os.path.commonpath((top, path)) != top:
            raise NotBeside(f"{name}: is not below the suite's own folder")
        number = _opened(top, os.path.relpath(path, top))
    except FileNotFoundError:
        raise NotBeside(f"{name}: no such file below {top}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotBeside(f"{name}: {reason}") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NotBeside(f"{name}: is no regular file")
    with os.fdopen(number, "rb") as file:
        return message_in(file, name)


def _opened(top: str, path: str) -> int:
    """Return a descriptor of *path*, reached from *top* without any link.

    Where it leads was looked at before; somebody may have put a link in its way since.
    """
    *folders, last = path.split("/")
    held = os.open(top, _FOLDER)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER, dir_fd=held)
            os.close(held)
            held = inner
        return os.open(last, _READ, dir_fd=held)
    finally:
        os.close(held)
