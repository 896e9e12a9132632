"""Words and signs with a tone: the few looks that text has on the screen.

Text from outside enters through `said`, which takes it as data: no markup, nothing that a
terminal would obey.
"""

from __future__ import annotations

from typing import Literal

from textual.content import Content

from actions.printable import printable

Tone = Literal["", "good", "warn", "bad", "dim", "bold", "accent", "key"]

STYLES: dict[Tone, str] = {
    "": "",
    "good": "$success",
    "warn": "$warning",
    "bad": "$error",
    "dim": "dim",
    "bold": "bold",
    "accent": "$accent",
    "key": "bold $accent",
}

SIGN_TONES: dict[str, Tone] = {
    "●": "good",
    "✓": "good",
    "◐": "warn",
    "?": "warn",
    "✗": "bad",
    "–": "dim",
    "·": "dim",
}
"""The tone of each sign; a word beside it says the same."""

LONGEST = 4000
"""Characters shown of one piece of text from outside."""


def said(text: str, tone: Tone = "") -> Content:
    """Return *text* as it is, harmless to a terminal, in *tone*."""
    shown = printable(text[:LONGEST])
    if len(text) > LONGEST:
        shown += f" … ({len(text) - LONGEST:,} more characters)"
    return Content.styled(shown, STYLES[tone])


def signed(sign: str, text: str) -> Content:
    """Return *text* with its sign before it, both in the sign's tone."""
    return said(f"{sign} {text}", SIGN_TONES.get(sign, ""))


def joined(*parts: Content | str) -> Content:
    """Return *parts* one after another; a plain string is our own text."""
    return Content.assemble(*(said(part) if isinstance(part, str) else part for part in parts))


def spaced(width: int) -> Content:
    """Return *width* cells of nothing."""
    return Content(" " * max(width, 0))


def took(seconds: float) -> str:
    """Return a duration as it is shown."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


_SGR: dict[str, Tone] = {"32": "good", "33": "warn", "31": "bad", "2": "dim", "1": "bold"}


def from_terminal(line: str) -> Content:
    """Return a line that was rendered for a terminal; its colours become tones."""
    first, *rest = line.split("\x1b[")
    parts = [said(first)]
    for piece in rest:
        code, _, text = piece.partition("m")
        parts.append(said(text, _SGR.get(code, "")))
    return joined(*parts)
