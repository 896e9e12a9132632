"""What a program writes, kept in a file of this program's own: bounded, and for nobody else."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from actions.host.walk import refusal
from actions.journal.own import open_own, require_own
from actions.printable import printable

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

MOST_BYTES = 16 * 1024 * 1024
"""Of one file; what comes after is not kept."""

MOST_FILES = 10
"""The newest that are kept."""

MORE = f"more was written, and is not kept: {MOST_BYTES >> 20} MiB are"

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Recorded:
    """A new file *name* below *folder*, which is below *state*, to be written line by line.

    Raises:
        HostError: it can't be made, or a folder is not this user's own.
    """

    def __init__(self, state: str, folder: str, name: str) -> None:
        plain = re.sub(r"[^A-Za-z0-9_.@-]", "-", name)
        self.path = os.path.join(folder, f"{plain}.log")
        require_own(state, make=True)
        held = open_own(folder, make=True)
        assert held is not None
        try:
            number = os.open(os.path.basename(self.path), _CREATE, 0o600, dir_fd=held)
            _forget_old(held)
        except OSError as error:
            raise refusal(self.path, "write it", error) from error
        finally:
            os.close(held)
        self._file: TextIO = open(number, "w", encoding="utf-8", errors="replace", buffering=1)  # noqa: SIM115
        self._left = MOST_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._file.close()

    def write(self, line: str, when: float) -> None:
        """Keep *line*, written at *when*; a full disk keeps nobody from going on."""
        if self._left <= 0:
            return
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
        clock = f"{clock}.{int(when % 1 * 1000):03}"
        text = f"{clock} {printable(line)}\n"
        self._left -= len(text.encode("utf-8", "replace"))
        if self._left <= 0:
            text = f"{clock} {MORE}\n"
        try:
            self._file.write(text)
        except OSError:
            self._left = 0


def _forget_old(folder: int) -> None:
    """Remove all but the newest files of *folder*."""
    names = [name for name in os.listdir(folder) if name.endswith(".log")]
    ages: list[tuple[int, str]] = []
    for name in names:
        with suppress(FileNotFoundError):  # another run may do the same
            ages.append((os.stat(name, dir_fd=folder).st_mtime_ns, name))
    for _, name in sorted(ages)[:-MOST_FILES]:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
