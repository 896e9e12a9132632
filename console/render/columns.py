"""Words set into lines no wider than the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from actions import columns
from actions.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 100
"""Columns where the output is no terminal."""


def width() -> int:
    """Return the columns that there are."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def filled(words: Iterable[str], between: str, indent: int) -> list[str]:
    """Return *words* as lines with *between* after each but the last; no word is broken.

    Args:
        words: what is set.
        between: what separates two words.
        indent: columns that the caller puts before each line.
    """
    return columns.filled(words, between, width() - indent)


def folded(text: str, first: str, more: str) -> list[str]:
    """Return *text* as harmless lines that fit, with *first* before the first, *more* after it."""
    words = printable(text).split(" ")
    lines = filled(words, " ", indent=max(len(first), len(more)))
    return [f"{more if at else first}{line}" for at, line in enumerate(lines)]
