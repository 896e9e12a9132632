"""Small questions over a view: choose one of several, or type a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from actions.record import Record
from widgets.ink import joined, said, spaced
from widgets.lines import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


WIDEST = 0.9
"""How much of the screen's width a question takes at most, as in the style sheet."""

BORDERS = 4
"""Cells that the box around it takes."""


class Alternative(Record):
    """One thing that can be chosen."""

    value: str
    title: str
    summary: str = ""


class Choice(ModalScreen[str | None]):
    """Choose one of several; the value, or None where nothing was chosen.

    Args:
        title: what is chosen.
        alternatives: from what.
        current: the value that holds now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, title: str, alternatives: Sequence[Alternative], current: str) -> None:
        super().__init__()
        self._title = title
        self._alternatives = tuple(alternatives)
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the title and the list."""
        width = max(said(one.title).cell_length for one in self._alternatives)
        with Vertical(classes="box"):
            yield Static(said(self._title, "bold"), classes="question")
            yield OptionList(*(Option(self._line(one, width)) for one in self._alternatives))
            yield Static(said("Enter choose   Esc back", "dim"), classes="hint")

    def on_mount(self) -> None:
        """Begin at what holds now."""
        values = [one.value for one in self._alternatives]
        place = values.index(self._current) if self._current in values else 0
        self.query_one(OptionList).highlighted = place

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Return what was chosen."""
        self.dismiss(self._alternatives[event.option_index].value)

    def _line(self, one: Alternative, width: int) -> Content:
        mark = said("● ", "accent") if one.value == self._current else said("  ")
        title = said(one.title)
        head = joined(mark, title, spaced(width - title.cell_length + 2))
        row = Row(head, said(one.summary, "dim"))
        return Content("\n").join(row.folded(int(self.app.size.width * WIDEST) - BORDERS))


class Question(ModalScreen[str | None]):
    """Type one line; the text, or None where nothing was typed.

    Args:
        title: what is asked.
        hint: how it is written.
        objection: returns what is wrong with a text; empty where it will do.
        start: the text to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(
        self, title: str, hint: str, objection: Callable[[str], str], start: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._hint = hint
        self._objection = objection
        self._start = start

    def compose(self) -> ComposeResult:
        """Lay out the title, the line and what is wrong with it."""
        with Vertical(classes="box"):
            yield Static(said(self._title, "bold"), classes="question")
            yield Input(self._start, compact=True)
            yield Static(said(self._hint, "dim"), id="objection")
            yield Static(said("Enter go on   Esc back", "dim"), classes="hint")

    def on_mount(self) -> None:
        """Keep the cursor still: a blinking one wakes the program for nothing."""
        self.query_one(Input).cursor_blink = False

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        """Return the text, or say what is wrong with it."""
        objection = self._objection(event.value)
        if objection:
            self.query_one("#objection", Static).update(said(f"✗ {objection}", "bad"))
        else:
            self.dismiss(event.value)
