"""`Lines`: text that folds at the width of the screen, never cut, however long it is."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from actions.record import Record
from widgets.ink import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType
    from textual.events import Resize

EMPTY = Content("")

MOST_ROWS = 20_000
"""Rows that one view shows; what is more is said."""


class Row(Record):
    """One line of text, before it is folded."""

    head: Content = EMPTY
    """Stands before the first line; the others are indented by as much."""
    body: Content = EMPTY
    right: Content = EMPTY
    """Stands at the right edge, or on a line of its own where there is no room."""

    @property
    def plain(self) -> str:
        """The row as plain text."""
        return f"{self.head.plain}{self.body.plain}  {self.right.plain}".rstrip()

    def folded(self, width: int) -> list[Content]:
        """Return the row as lines of at most *width* cells."""
        indent = self.head.cell_length
        room = max(width - indent, 8)
        if self.body.cell_length <= room and not self.right and "\t" not in self.body.plain:
            return [self.head + self.body]
        lines = self.body.wrap(room)
        beside = room - self.right.cell_length - 2
        if self.right and len(lines) > 1 and beside >= room // 2:
            lines = self.body.wrap(beside)
        margin = Content(" " * indent)
        folded = [
            (self.head if number == 0 else margin) + line for number, line in enumerate(lines)
        ]
        return _with_right(folded, self.right, width) if self.right else folded


def _with_right(lines: list[Content], right: Content, width: int) -> list[Content]:
    gap = width - lines[0].cell_length - right.cell_length
    if gap >= 2:
        return [lines[0] + Content(" " * gap) + right, *lines[1:]]
    below = right.wrap(width)
    return [*lines, *(Content(" " * (width - line.cell_length)) + line for line in below)]


class Lines(ScrollView, can_focus=True):
    """Rows of text under each other, drawn line by line as they come into sight."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("space", "page_down", show=False),
    ]

    def __init__(self, rows: Sequence[Row] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._starts: list[int] = []
        self._strips: dict[int, Strip] = {}
        self._width = 0
        """The width at which the rows are folded, until the next resize is told."""
        self._take(rows)

    def show(self, rows: Sequence[Row]) -> None:
        """Show *rows* in place of what was shown; the view stays where it was scrolled to."""
        self._take(rows)
        self._lay_out()

    def reveal(self, row: int) -> None:
        """Scroll as little as it takes to show *row*; negative counts from the end."""
        if self._rows and self._starts and self._width:
            start = self._starts[row % len(self._rows)]
            height = len(self._rows[row % len(self._rows)].folded(self._width))
            self.scroll_to_region(Region(0, start, 1, height), animate=False)

    @property
    def plain(self) -> str:
        """What is shown, as plain text that was not folded."""
        return "\n".join(row.plain for row in self._rows)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        place = y + self.scroll_offset.y
        strip = self._strips.get(place)
        if strip is None:
            strip = self._strips[place] = self._drawn(place)
        return strip

    def notify_style_update(self) -> None:
        """Draw anew in another style."""
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self, _: Resize) -> None:
        """Fold anew."""
        self._lay_out()

    def get_content_height(self, _container: Size, _viewport: Size, width: int) -> int:
        """Return how many lines there are at *width*, for a view as high as its text."""
        room = width - self.styles.scrollbar_size_vertical  # kept free for it, shown or not
        return sum(len(row.folded(room)) for row in self._rows)

    def _take(self, rows: Sequence[Row]) -> None:
        if len(rows) > MOST_ROWS:
            more = said(f" … {len(rows) - MOST_ROWS:,} more lines", "dim")
            rows = [*rows[:MOST_ROWS], Row(more)]
        self._rows = rows

    def _lay_out(self) -> None:
        self._width = width = self.scrollable_content_region.width
        self._starts, count = [], 0
        for row in self._rows:
            self._starts.append(count)
            count += len(row.folded(width)) if width else 1
        self._strips.clear()
        self.virtual_size = Size(width, count)
        self.refresh(layout=self.styles.auto_dimensions)

    def _drawn(self, place: int) -> Strip:
        width = self._width
        index = bisect_right(self._starts, place) - 1
        if not width or index < 0 or place >= self.virtual_size.height:
            return Strip.blank(self.size.width, self.rich_style)
        line = self._rows[index].folded(width)[place - self._starts[index]]
        style = self.visual_style
        return Visual.to_strips(self, line, width, 1, style, apply_selection=False, pad=True)[0]
