"""One switch in a PHP file of settings, read and set by its lines; nothing is run.

All else in the file stays as it is, whatever it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from actions.settings.text import newline_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_FALSE = {"false", "null", "0", "''", '""', "'0'", '"0"', "[]", "array()"}
"""What PHP takes for false (Booleans, "Converting to boolean")."""

_OPENED = re.compile(r"\s*<\?(?:php\b|=)?", re.IGNORECASE)
_CLOSED = re.compile(r"\?>\s*\Z")


def is_php(text: str) -> bool:
    """Return whether PHP would run *text*: without its first tag it is shown, not read."""
    return _OPENED.match(text.lstrip("\ufeff")) is not None


def is_set(text: str, name: str) -> bool:
    """Return whether the last line that sets *name* in ``$config`` sets it to true."""
    values = [match["value"].strip() for match in _settings(text, name)]
    return bool(values) and values[-1].lower().replace(" ", "") not in _FALSE


def with_switch(text: str, name: str, *, on: bool) -> str:
    """Return *text* with *name* of ``$config`` on or off.

    The last line that sets it is changed; where there is none, one is added at the end.
    """
    word = "true" if on else "false"
    found = list(_settings(text, name))
    if found:
        last = found[-1]
        return text[: last.start("value")] + word + text[last.end("value") :]
    newline = newline_of(text)
    line = f"$config['{name}'] = {word};{newline}"
    closed = _CLOSED.search(text)
    at = closed.start() if closed else len(text)
    gap = "" if text[:at].endswith("\n") else newline
    return text[:at] + gap + line + text[at:]


def _settings(text: str, name: str) -> Iterator[re.Match[str]]:
    """Yield where ``$config['name'] = …;`` or ``'name' => …`` stands outside of comments."""
    key = rf"""['"]{re.escape(name)}['"]"""
    value = r"""(?P<value>'[^'\n]*'|"[^"\n]*"|[\w-]+(?:\(\s*\))?|\[\s*\])"""
    pattern = re.compile(
        rf"(?:\$(?:rcmail_)?config\s*\[\s*{key}\s*\]\s*=(?!=)|{key}\s*=>)[ \t]*{value}"
    )
    spans = [match.span() for match in _COMMENT.finditer(text) if match["comment"]]
    for match in pattern.finditer(text):
        # The last comment that begins before it: comments are in their order, side by side.
        before = bisect_right(spans, (match.start(), len(text)))
        if not before or spans[before - 1][1] <= match.start():
            yield match


# A text without an end goes to the end of the file: who may write it must not keep us here by
# many of them.
_COMMENT = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*+(?:'|\\?\Z)|"(?:\\.|[^"\\])*+(?:"|\\?\Z))
    |(?P<comment>/\*.*?(?:\*/|\Z)|(?://|\#(?!\[))[^\n]*)""",
    re.VERBOSE | re.DOTALL,
)
