"""Colour for text output: only on a terminal, never where NO_COLOR is set."""

from __future__ import annotations

import os
import sys

_CODES = {
    "good": "32",
    "warn": "33",
    "bad": "31",
    "dim": "2",
    "bold": "1",
}


class Ink:
    """Paints words, or leaves them as they are.

    Args:
        wish: "auto", "yes", "true", "no" or "false".
    """

    def __init__(self, wish: str = "auto") -> None:
        terminal = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._on = wish in {"yes", "true"} or (wish == "auto" and terminal)

    def paint(self, text: str, tone: str) -> str:
        """Return *text* in *tone*: good, warn, bad, dim or bold."""
        return f"\x1b[{_CODES[tone]}m{text}\x1b[0m" if self._on and tone in _CODES else text


TONES = {"●": "good", "✓": "good", "◐": "warn", "?": "warn", "✗": "bad", "–": "dim", "·": "dim"}
"""The tone of each sign; the sign and its word say it without colour too."""
