"""Standard output and error as they really are: missing, full, gone, or in another encoding."""

from __future__ import annotations

import errno
import os
import sys

_GONE = {errno.EPIPE, errno.EIO}
"""What writing meets when the reader has ended, or the line was cut."""


def prepare() -> None:
    """Make both streams take any text; one that is closed swallows it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        else:
            stream.reconfigure(errors="backslashreplace")


def put(text: str, *, to_stderr: bool = False) -> None:
    """Write *text* and a line's end; a reader that has gone away is no error.

    Raises:
        OSError: the output can't be written.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    try:
        stream.write(text if text.endswith("\n") else f"{text}\n")
        stream.flush()
    except OSError as error:
        if error.errno not in _GONE:
            raise
        _swallow(stream.fileno())


def written_out(code: int) -> int:
    """Return the exit code once everything is written: *code*, or 1 where that fails."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        if error.errno not in _GONE:
            os.write(2, f"console: the output can't be written: {error.strerror}\n".encode())
            return code or 1
    return code


def _swallow(number: int) -> None:
    """Let what is still in the buffer go nowhere, so that nobody trips over it at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
