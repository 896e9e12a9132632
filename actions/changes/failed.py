"""The last words of a program that failed, as every change quotes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.host.ports import Completed

MOST_LINES = 3
"""Lines of what a program says that are quoted."""


def quoted(lines: Sequence[str]) -> str:
    """Return *lines* as a part of one line."""
    return "; ".join(line.strip() for line in lines)


def last_words(ended: Completed, heard: Sequence[str] = ()) -> str:
    """Return why a program ended as it did, as far as it says so; else with which code.

    Args:
        ended: what it wrote as errors counts, else what it wrote.
        heard: what it wrote, where that was handed on line by line.
    """
    said = ended.stderr.splitlines(), ended.stdout.splitlines(), heard
    told = [[line for line in lines if line.strip()] for lines in said]
    last = next((lines[-MOST_LINES:] for lines in told if lines), [])
    return quoted(last) or f"it ended with {ended.exit_code}"
