"""`Tail`: a tape on the screen. It follows what comes, or stays where it was scrolled to.

Only what is in sight is ever drawn; of each line no more than its height is worked out before.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, chop_cells
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from actions.record import Record
from widgets.debug.tape import clock
from widgets.ink import joined, said, spaced

if TYPE_CHECKING:
    import re

    from textual.binding import BindingType
    from textual.events import Resize

    from widgets.debug.tape import Heard, Tape

ROOMY = 100
"""From this width on, stages stand beside the output; below it, between its lines."""

STAGES = 36
"""Cells of the column of stages."""

LEAST = 8
"""Cells that a line is folded to at least."""


class Columns(Record):
    """What stands where at a given width."""

    time: int
    """Cells of the time of day."""
    stages: int
    """Cells of the stages beside the output; 0 where they stand between its lines."""
    room: int
    """Cells that are left for a line of output."""
    whole: int
    """Cells beside the time."""


class Tail(ScrollView, can_focus=True):
    """What a tape holds, under each other.

    Args:
        tape: what is shown.
        staged: whether there are stages among it.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("space", "page_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("end,G", "follow", "follow", key_display="End", tooltip="show what comes, again"),
    ]

    class Turned(Message):
        """It follows now, or it stays."""

    def __init__(self, tape: Tape, *, staged: bool = False) -> None:
        super().__init__()
        self.follows = True
        """Whether it shows the newest, whatever comes."""
        self._tape = tape
        self._staged = staged
        self._columns = columns(80, staged=staged)
        self._starts: list[int] = []
        """By place on the tape: the row on which it begins, as rows were counted at first."""
        self._begin = 0
        """The row of what is the oldest now."""
        self._end = 0
        """The row after the last."""
        self._pattern: re.Pattern[str] | None = None
        self._pointed: Heard | None = None
        """What was found last."""
        self._is_moving = False
        """Whether it is this view that scrolls, not the operator."""

    @property
    def allow_vertical_scroll(self) -> bool:
        """Whether it scrolls: also in the moment before its scrollbar is there."""
        return True

    # What comes

    def look(self) -> bool:
        """Show what came to the tape since; return whether anything did."""
        top, into = self._top()
        news = self._tape.look()
        if not news.added:
            return False
        if news.between or news.gone > len(self._starts):
            self._lay_out()
        else:
            del self._starts[: news.gone]
            self._begin = self._starts[0] if self._starts else self._end
            self._append()
        self._settle(top - news.gone, into if top >= news.gone else 0)
        return True

    def on_resize(self, _: Resize) -> None:
        """Fold anew; what is at the top stays there."""
        top, _into = self._top()
        self._lay_out()
        self._settle(top, 0)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow from the end on, and from nowhere else."""
        super().watch_scroll_y(old_value, new_value)
        follows = round(new_value) >= self.max_scroll_y
        if not self._is_moving and follows is not self.follows:
            self.follows = follows
            self.post_message(self.Turned())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer to follow where it does not."""
        return action != "follow" or not self.follows

    def action_follow(self) -> None:
        """Show what comes, as it comes."""
        self.scroll_end(animate=False)

    # What is sought

    def seek(self, pattern: re.Pattern[str] | None) -> None:
        """Mark all that *pattern* is found in; None for nothing."""
        self._pattern, self._pointed = pattern, None
        self.refresh()

    def step(self, by: int) -> tuple[int, int]:
        """Go to the next that was found, or with -1 to the one before.

        From the last it goes on at the first. The first step goes from the top of the screen.

        Returns:
            Which one it is, from 1, and how many there are; zeros where there is none.
        """
        found = self._tape.found(self._pattern) if self._pattern else []
        if not found:
            return 0, 0
        heard = self._tape.heard
        at = next((n for n, place in enumerate(found) if heard[place] is self._pointed), None)
        if at is None:
            top = self._top()[0]
            later = next((n for n, place in enumerate(found) if place >= top), 0)
            at = later if by > 0 else (later - 1) % len(found)
        else:
            at = (at + by) % len(found)
        self._pointed = heard[found[at]]
        row = self._starts[found[at]] - self._begin
        self.scroll_to(y=max(row - self.size.height // 3, 0), animate=False, force=True)
        self.refresh()
        return at + 1, len(found)

    @property
    def in_sight(self) -> list[Heard]:
        """What is on the screen now."""
        first = self._top()[0]
        last = bisect_right(self._starts, self._begin + self.scroll_offset.y + self.size.height - 1)
        return self._tape.heard[max(first, 0) : last]

    # How it is drawn

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        row = self._begin + y + self.scroll_offset.y
        place = bisect_right(self._starts, row) - 1
        width = self.size.width
        if place < 0 or row >= self._end:
            return Strip.blank(width, self.rich_style)
        drawn = self._drawn(place, row - self._starts[place])
        style = self.visual_style
        return Visual.to_strips(self, drawn, width, 1, style, apply_selection=False, pad=True)[0]

    def _drawn(self, place: int, row: int) -> Content:
        one, columns = self._tape.heard[place], self._columns
        head = "▸" if row == 0 and one is self._pointed else " "
        time = clock(one.when)[: columns.time] if row == 0 else ""
        margin = joined(said(head, "accent"), said(f"{time:<{columns.time}} ", "dim"))
        if one.stage is not None:
            lines = one.stage.wrap(columns.whole)
            line = lines[row] if row < len(lines) else Content("")
            # Between lines of output, where there is no room beside them, it has to stand out.
            return joined(margin, line if columns.stages else line.stylize("bold"))
        beside = Content("")
        if row == 0 and place and self._merges(place - 1):
            beside = self._tape.heard[place - 1].stage or beside
        if columns.stages:
            margin = joined(margin, beside, spaced(columns.stages - beside.cell_length))
        return joined(margin, self._piece(one.text, row))

    def _piece(self, text: str, row: int) -> Content:
        """Return one row of a folded line, with what was sought marked in it."""
        room = self._columns.room
        if text.isascii():
            start, piece = row * room, text[row * room : (row + 1) * room]
        else:
            pieces = chop_cells(text, room) or [""]
            start, piece = sum(map(len, pieces[:row])), pieces[row]
        drawn = Content(piece)
        if self._pattern:
            for found in self._pattern.finditer(text):
                first, last = max(found.start() - start, 0), min(found.end() - start, len(piece))
                if first < last:
                    drawn = drawn.stylize("reverse", first, last)
        return drawn

    # Where it stands

    def _top(self) -> tuple[int, int]:
        """Return what is at the top of the screen, and which of its rows."""
        row = self._begin + self.scroll_offset.y
        place = max(bisect_right(self._starts, row) - 1, 0)
        return place, row - self._starts[place] if self._starts else 0

    def _settle(self, top: int, into: int) -> None:
        """Scroll to the end, or to where *top* stands now."""
        self._is_moving = True
        try:
            self.virtual_size = Size(self._columns_width, self._end - self._begin)
            row = self.max_scroll_y
            if not self.follows:
                row = self._starts[max(top, 0)] - self._begin + into if self._starts else 0
            # What the operator has asked for, and comes with the next frame, is not to be lost.
            if not self.app.animator.is_being_animated(self, "scroll_y"):
                self.scroll_to(y=row, animate=False, force=True)
        finally:
            self._is_moving = False
        self.refresh()

    @property
    def _columns_width(self) -> int:
        return self.scrollable_content_region.width

    def _lay_out(self) -> None:
        """Work out anew where everything stands."""
        self._columns = columns(self._columns_width, staged=self._staged)
        self._starts, self._begin, self._end = [], 0, 0
        self._append()

    def _append(self) -> None:
        """Work out where that stands which is new at the end."""
        starts, heard, end = self._starts, self._tape.heard, self._end
        room, staged = self._columns.room, self._staged
        for place in range(len(starts), len(heard)):
            one = heard[place]
            if staged and place and self._merges(place - 1):
                end = starts[place - 1]
            starts.append(end)
            text = one.text
            if one.stage is not None:
                end += len(one.stage.wrap(self._columns.whole))
            elif len(text) <= room and text.isascii():
                end += 1
            else:
                end += _height(text, room)
        self._end = end

    def _merges(self, place: int) -> bool:
        """Return whether a stage stands on the same row as the output after it."""
        heard = self._tape.heard
        stage = heard[place].stage
        if stage is None or not self._columns.stages or place + 1 >= len(heard):
            return False
        return heard[place + 1].stage is None and stage.cell_length < self._columns.stages


def columns(width: int, *, staged: bool) -> Columns:
    """Return what stands where in *width* cells.

    Args:
        width: of the view.
        staged: whether there are stages.
    """
    time = len("00:00:00.000") if width >= ROOMY else len("00:00:00")
    stages = STAGES if staged and width >= ROOMY else 0
    whole = max(width - time - 2, LEAST)
    return Columns(time, stages, max(whole - stages, LEAST), whole)


def _height(text: str, room: int) -> int:
    if text.isascii():
        return max(-(-len(text) // room), 1)
    return 1 if cell_len(text) <= room else len(chop_cells(text, room))
