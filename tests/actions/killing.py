"""Processes killed with SIGKILL at a chosen line of the actions' own code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import actions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_TRACED = os.path.dirname(os.path.abspath(actions.__file__)) + os.sep


_WRITING = {
    *("_do", "begin", "note", "tidy"),
    *("put", "own", "make_folder", "write_new", "_give_name", "_dressed"),
}
"""Functions in which one line more or less makes a difference on the disk."""


class _Tracer:
    """Counts executed lines of the actions package, and kills this process at one of them."""

    def __init__(self, fatal: int) -> None:
        self.lines = 0
        self.writing: list[int] = []
        self._fatal = fatal

    def __call__(self, frame: FrameType, event: str, _: Any) -> _Tracer | None:
        if not frame.f_code.co_filename.startswith(_TRACED):
            return None
        if event == "line":
            self.lines += 1
            if frame.f_code.co_name in _WRITING:
                self.writing.append(self.lines)
            if self.lines == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


class Ended:
    """How a child ended: killed, or by itself after so many lines."""

    def __init__(self, status: int, told: str) -> None:
        self.killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert self.killed or status == 0, f"the child failed:\n{told}"
        numbers = [int(word) for word in told.split()]
        self.lines = numbers[0] if numbers else 0
        self.writing = numbers[1:]
        """Which of the lines were amid something that is written."""

    def some_lines(self, count: int) -> list[int]:
        """Return *count* lines spread over the run, and every sixth of those that write."""
        spread = range(1, self.lines + 1, max(1, self.lines // count))
        return sorted({*spread, *self.writing[::6]})


def in_child(work: Callable[[], object], fatal: int = 0) -> Ended:
    """Do *work* in a process of its own, killed at its line number *fatal* (0 for never)."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_and_exit(work, fatal, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        told = pipe.read()
    return Ended(os.waitpid(child, 0)[1], told)


def _work_and_exit(work: Callable[[], object], fatal: int, writing: int) -> None:
    status = 1
    tracer = _Tracer(fatal)
    told = ""
    try:
        sys.settrace(tracer)
        work()
        sys.settrace(None)
        told, status = " ".join(map(str, (tracer.lines, *tracer.writing))), 0
    except BaseException:  # noqa: BLE001 - told to the parent, which fails the test
        sys.settrace(None)
        told = traceback.format_exc()
    finally:
        os.write(writing, told.encode())
        os._exit(status)
