"""What only the folders of the queue tell: when mail is tried again, and what is not listed.

qmgr(8) notes the time of a message's next attempt as the modification time of its file: in
"deferred" it lies in the future until the message is due.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from actions.action import Context


class Folders(Record):
    """What was seen; what is None could not be."""

    retries: dict[str, float] | None
    """The time of the next attempt by queue id, in seconds since the epoch."""
    maildrop: int | None
    """Files handed in on this host that pickup(8) has not taken up yet."""
    corrupt: int | None
    """Files that Postfix could not read and has set aside."""
    denied: bool
    """Whether a want of rights was the reason."""


class _Seen:
    """Reads folders, and remembers whether one was closed."""

    def __init__(self, ctx: Context, queue: str) -> None:
        self._ctx = ctx
        self._queue = queue
        self.denied = False

    def times(self, name: str) -> dict[str, float] | None:
        """Return each file in folder *name* and below with its modification time."""
        found: dict[str, float] = {}
        try:
            self._read(os.path.join(self._queue, name), found)
        except PermissionError:
            self.denied = True
            return None
        except FileNotFoundError:  # Postfix makes its folders when it starts
            return {}
        except OSError:
            return None
        return found

    def count(self, name: str) -> int | None:
        times = self.times(name)
        return None if times is None else len(times)

    def _read(self, folder: str, found: dict[str, float]) -> None:
        self._ctx.check()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    self._read(entry.path, found)
                elif entry.is_file(follow_symlinks=False):
                    try:
                        found[entry.name] = entry.stat(follow_symlinks=False).st_mtime
                    except FileNotFoundError:  # it has left the queue a moment ago
                        continue


def look_into(ctx: Context) -> Folders:
    """Look into the folders below queue_directory; raises `HostError`."""
    seen = _Seen(ctx, ctx.host.postfix.setting("queue_directory"))
    return Folders(
        seen.times("deferred"), seen.count("maildrop"), seen.count("corrupt"), seen.denied
    )
