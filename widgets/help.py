"""The help: the keys that work here, and what the words and signs mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from widgets.ink import said, spaced
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.dom import DOMNode

SIGNS = (
    ("●", "it works; seen by trying it"),
    ("◐", "it works, but not as it should"),
    ("✗", "it does not work"),
    ("?", "it could not be seen, for want of rights or of an answer"),
    (
        "● nothing wrong",
        "at the top: what the overview found, without what is acknowledged",
    ),
)

TERMS = (
    ("plan", "what would change, shown before it happens; nothing changes without one"),
    ("exact undo", "bytes, owner and mode are put back as they were"),
    ("proof", "the look that must find nothing wrong after the changes; else all is taken back"),
    ("journal", "what was changed on this host; each entry can be undone"),
)

ALWAYS = (
    ("arrows", "move; PgUp and PgDn scroll"),
    ("Tab", "go to the next part of the view"),
    ("Esc", "go back, or cancel what is under way"),
)


def help_rows(app: DOMNode, screen: DOMNode, words: Iterable[tuple[str, str]]) -> list[Row]:
    """Return the help for *screen*, with its own *words*."""
    parts = {
        "Keys": (*_keys(screen), *_keys(app), *ALWAYS),
        "Words": tuple(words),
        "Signs": SIGNS,
        "Changing the host": TERMS,
    }
    rows: list[Row] = []
    for title, table in parts.items():
        if table:
            width = max(said(word).cell_length for word, _ in table)
            rows += [heading(title), *(_line(*line, width) for line in table), Row()]
    return rows


def _keys(node: DOMNode) -> Iterator[tuple[str, str]]:
    """Yield the keys that are declared for *node*, also those that do nothing just now."""
    for kind in type(node).__mro__:
        for binding in kind.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.show and binding.tooltip:
                yield node.app.get_key_display(binding), binding.tooltip


def _line(word: str, meaning: str, width: int) -> Row:
    head = said(f"   {word}", "accent")
    return Row(head + spaced(width + 5 - head.cell_length), said(meaning))
