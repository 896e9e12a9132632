"""The one line on a terminal that is written over until the report comes."""

from __future__ import annotations

import os
import sys

from actions.printable import printable

_CLEAR = "\r\x1b[K"


def show(line: str) -> None:
    """Write *line* over the one before, cut to the terminal's width."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 80
    sys.stderr.write(_CLEAR + printable(line)[: max(columns - 1, 1)])
    sys.stderr.flush()


def clear() -> None:
    """Take the line away, for what is printed next."""
    sys.stderr.write(_CLEAR)
    sys.stderr.flush()
