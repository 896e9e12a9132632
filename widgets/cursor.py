"""`CursorLines`: rows under each other, one of them under the cursor."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from textual.message import Message

from widgets.lines import Lines, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click, Resize


class CursorLines(Lines):
    """Rows with a cursor; whatever scrolls other text moves it."""

    class Moved(Message):
        """The cursor stands on another row."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._items: Sequence[Row] = ()
        self.cursor = 0

    def put(self, items: Sequence[Row], cursor: int | None = None) -> None:
        """Show *items* with the cursor on one of them, or on the one where it was."""
        self._items = items
        wanted = self.cursor if cursor is None else cursor
        self.cursor = min(max(wanted, 0), max(len(items) - 1, 0))
        self._draw()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.call_next(self._draw)

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.call_next(self._draw)

    def on_resize(self, _: Resize) -> None:
        """Keep the cursor in sight: the height comes only after the rows."""
        self.call_next(self._see_cursor)

    def on_click(self, event: Click) -> None:
        """Put the cursor where was clicked."""
        self._go(bisect_right(self._starts, event.y + self.scroll_offset.y) - 1)

    def action_scroll_down(self) -> None:
        """Go to the next; from the last, to what stands below these rows."""
        if self.cursor + 1 >= len(self._items):
            self.screen.focus_next()
        else:
            self._go(self.cursor + 1)

    def action_scroll_up(self) -> None:
        """Go to the one before."""
        self._go(self.cursor - 1)

    def action_scroll_home(self) -> None:
        """Go to the first."""
        self._go(0)

    def action_scroll_end(self) -> None:
        """Go to the last."""
        self._go(len(self._items) - 1)

    def action_page_down(self) -> None:
        """Go down by what is in sight."""
        self._go(self.cursor + self.size.height)

    def action_page_up(self) -> None:
        """Go up by what is in sight."""
        self._go(self.cursor - self.size.height)

    def _go(self, place: int) -> None:
        self.put(self._items, place)
        self.post_message(self.Moved())

    def _see_cursor(self) -> None:
        self.reveal(self.cursor)

    def _draw(self) -> None:
        rows = [
            row._replace(body=row.body.stylize("reverse"))
            if number == self.cursor and self.has_focus
            else row
            for number, row in enumerate(self._items)
        ]
        self.show(rows)
        self._see_cursor()
