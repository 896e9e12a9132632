"""The one line on a terminal that is written over until the report comes."""

from __future__ import annotations

import os
import sys

from actions.printable import printable

USUAL = 80
"""Columns of a terminal that does not tell."""

_CLEAR = "\r\x1b[K"


def show(line: str) -> None:
    """Write *line* over the one before, cut to the terminal's width."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or USUAL
    except OSError:
        columns = USUAL
    sys.stderr.write(_CLEAR + printable(line)[: columns - 1])
    sys.stderr.flush()


def say(line: str) -> None:
    """Write *line* where the standing one stood, to stay."""
    sys.stderr.write(f"{_CLEAR}{printable(line)}\n")
    sys.stderr.flush()


def clear() -> None:
    """Take the line away, for what is printed next."""
    sys.stderr.write(_CLEAR)
    sys.stderr.flush()
