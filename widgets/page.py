"""`Page`: a view over a pane, with a title, text that scrolls, and Esc back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from widgets.footer import KeyLine
from widgets.ink import said
from widgets.lines import Lines, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


class View(Screen[None]):
    """What every full screen has, panes and what is opened over them."""

    AUTO_FOCUS = "Lines"
    WORDS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Terms and signs of this view with what they mean, for the help."""

    @property
    def reason_to_stay(self) -> str:
        """Why the program must not end now; empty where it may."""
        return ""

    def wind_up(self) -> None:
        """Do what lets the program end after all, where that can be asked for by leaving."""

    @property
    def stands(self) -> bool:
        """Whether there is something to draw on: not before it opens, nor while it closes."""
        return self.is_mounted and bool(self.query(Lines))

    def copy(self, text: str, what: str) -> None:
        """Hand *text* to the terminal's clipboard, and say so."""
        self.app.copy_to_clipboard(text)
        self.notify(f"{what} copied, if this terminal takes it (OSC 52)")

    def show_command(self, line: str) -> None:
        """Copy the command *line* that does the same as this view, and show it whole."""
        self.copy(line, "command")
        self.app.push_screen(Page("The same from a shell", [Row(said(" "), said(line))], line))


class Over(View):
    """A view over a pane, or over another view."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back")]

    def action_back(self) -> None:
        """Close this view."""
        self.dismiss()


class Page(Over):
    """Text under a title.

    Args:
        title: what it is.
        rows: the text.
        copied: what `y` copies; by default the text itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy", "copy")]

    def __init__(self, title: str, rows: Sequence[Row], copied: str = "") -> None:
        super().__init__()
        self._title = title
        self._rows = rows
        self._copied = copied

    def compose(self) -> ComposeResult:
        """Lay out the title, the text and the keys."""
        yield Static(said(self._title, "bold"), classes="title")
        yield Lines(self._rows)
        yield KeyLine()

    def action_copy(self) -> None:
        """Copy the text."""
        self.copy(self._copied or self.query_one(Lines).plain, "text")


def heading(text: str) -> Row:
    """Return a heading inside a text."""
    return Row(Content(" "), said(text, "bold"))
