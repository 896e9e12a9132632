"""The chain as a table: milters down, stages across; the cells fill as answers come."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.visual import Visual

from actions.chain.table import STAGES, milliseconds, row
from actions.printable import printable
from actions.record import Record
from widgets.ink import SIGN_TONES, said, spaced

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.events import Click, Resize
    from textual.strip import Strip

    from actions.milter.protocol import Stage
    from widgets.chain.course import Course, Lane

TOTAL = 10
"""Cells of the last column."""

LONGEST_NAME = 40
ROOMY = 100
"""From this width on, the columns stand further apart."""

CRAMPED = 74
"""Below this width, the stages are named by their first letters."""


class Columns(Record):
    """Where everything stands in a table of a given width."""

    name: int
    gap: int
    stages: tuple[str, ...]
    """What each stage is called."""

    @property
    def margin(self) -> int:
        """Cells before the first stage."""
        return 1 + self.name + 2

    def stage_at(self, x: int) -> int | None:
        """Return the stage in whose column *x* is."""
        start = self.margin
        for number, stage in enumerate(self.stages):
            if start <= x < start + len(stage) + self.gap:
                return number
            start += len(stage) + self.gap
        return None


def columns(names: list[str], width: int) -> Columns:
    """Return the columns that fit *width*; a name too long for its column gets its own line."""
    gap = 1 if width < ROOMY else 3
    stages = tuple(stage.value if width >= CRAMPED else stage.value[:3] for stage in STAGES)
    room = width - sum(len(stage) + gap for stage in stages) - TOTAL - 4
    longest = max((cell_len(name) for name in names), default=0)
    return Columns(max(min(longest, room, LONGEST_NAME), 6), gap, stages)


class ChainTable(ScrollView, can_focus=True):
    """The table, with a cursor on one of its cells."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "explain", "explain", tooltip="macros, reply and time of each event"),
        Binding("up", "move(-1, 0)", show=False),
        Binding("down", "move(1, 0)", show=False),
        Binding("left", "move(0, -1)", show=False),
        Binding("right", "move(0, 1)", show=False),
        Binding("home", "to(0)", show=False),
        Binding("end", "to(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another cell."""

    class Chosen(Message):
        """The operator wants to know all about a milter, or about one stage of it."""

        def __init__(self, lane: Lane, stage: Stage | None) -> None:
            super().__init__()
            self.lane = lane
            self.stage = stage

    def __init__(self) -> None:
        super().__init__()
        self._course: Course | None = None
        self._awaited: Lane | None = None
        self._decider: str | None = None
        self._columns = Columns(8, 1, ())
        self._places: list[tuple[int, bool]] = []
        """For each line below the head: the milter, and whether it is its name alone."""
        self._line, self._column = 0, 0

    def show(
        self, course: Course, *, awaited: Lane | None = None, decider: str | None = None
    ) -> None:
        """Show how far *course* is.

        Args:
            course: the test.
            awaited: the milter that owes an answer.
            decider: once the test is over, the milter that decided; empty where none did.
        """
        self._course, self._awaited, self._decider = course, awaited, decider
        self._line = min(self._line, max(len(course.lanes) - 1, 0))
        self._lay_out()

    def point_at(self, name: str, stage: Stage | None) -> None:
        """Put the cursor on what a milter made of a stage, or on the milter."""
        titles = [lane.title for lane in self._course.lanes] if self._course else []
        if name in titles:
            column = STAGES.index(stage) + 1 if stage in STAGES else 0
            self._go(titles.index(name), column)

    @property
    def lane(self) -> Lane | None:
        """The milter under the cursor."""
        lanes = self._course.lanes if self._course else []
        return lanes[self._line] if self._line < len(lanes) else None

    @property
    def stage(self) -> Stage | None:
        """The stage under the cursor; None on the name and on the total."""
        return STAGES[self._column - 1] if 1 <= self._column <= len(STAGES) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Explain only what was asked."""
        return action != "explain" or (self.lane is not None and self.lane.opened is not None)

    def on_resize(self, _: Resize) -> None:
        """Place the columns anew."""
        self._lay_out()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Put the cursor where was clicked; a second click explains."""
        line = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or line >= len(self._places):
            return
        stage = self._columns.stage_at(event.x)
        place = (self._places[line][0], 0 if stage is None else stage + 1)
        if place == (self._line, self._column) and event.chain > 1:
            self.action_explain()
        self._go(*place)

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor; below the last milter lies the text under the table."""
        lanes = len(self._course.lanes) if self._course else 0
        if self._line + down >= lanes:
            self.screen.focus_next()
            return
        column = min(max(self._column + right, 0), len(STAGES) + 1)
        self._go(max(self._line + down, 0), column)

    def action_to(self, column: int) -> None:
        """Move the cursor to the first or the last column."""
        self._go(self._line, column % (len(STAGES) + 2))

    def action_explain(self) -> None:
        """Ask for all about the cell under the cursor."""
        if self.lane:
            self.post_message(self.Chosen(self.lane, self.stage))

    def get_content_height(self, _container: Size, _viewport: Size, _width: int) -> int:
        """Return the head and the milters."""
        return 1 + len(self._places)

    def render_line(self, y: int) -> Strip:
        """Draw the head, which stays, or a milter."""
        width = self.size.width
        line = y - 1 + self.scroll_offset.y
        if y == 0:
            content = self._head()
        elif line < len(self._places):
            content = self._drawn(*self._places[line])
        else:
            content = Content("")
        style = self.visual_style
        return Visual.to_strips(self, content, width, 1, style, apply_selection=False, pad=True)[0]

    def _go(self, line: int, column: int) -> None:
        self._line, self._column = line, column
        places = [at for at, (lane, _) in enumerate(self._places) if lane == line]
        if places:
            self.scroll_to_region(Region(0, places[-1] + 1, 1, 1), animate=False)
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Moved())

    def _lay_out(self) -> None:
        lanes = self._course.lanes if self._course else []
        width = self.size.width
        if not width:
            return
        names = [printable(lane.title) for lane in lanes]
        self._columns = columns(names, width)
        self._places = []
        for number, name in enumerate(names):
            if cell_len(name) > self._columns.name:
                self._places.append((number, True))
            self._places.append((number, False))
        self.virtual_size = Size(width, 1 + len(self._places))
        self.refresh(layout=True)

    def _head(self) -> Content:
        gap = " " * self._columns.gap
        stages = gap.join(self._columns.stages)
        return said(f"{'':{self._columns.margin}}{stages}{gap}{'total':>{TOTAL}}", "dim")

    def _drawn(self, number: int, name_alone: bool) -> Content:  # noqa: FBT001
        assert self._course is not None
        lane = self._course.lanes[number]
        here = number == self._line and self.has_focus
        name = printable(lane.title)
        if name_alone:
            return said(f" {name}", "bold" if lane.title == self._decider else "")
        shown = said(name if cell_len(name) <= self._columns.name else "")
        shown += spaced(self._columns.name - shown.cell_length)
        if lane.title == self._decider:
            shown = shown.stylize("bold")
        parts = [said(" "), _under(shown, here, self._column == 0)]
        parts.append(said("  "))
        for place, cell in enumerate(row(tuple(lane.exchanges)), 1):
            width = len(self._columns.stages[place - 1])
            sign = said(f"{cell.sign:^{width}}", SIGN_TONES.get(cell.sign, ""))
            parts.append(_under(sign, here, self._column == place))
            parts.append(spaced(self._columns.gap))
        told = self._total(lane)
        tone = SIGN_TONES.get(told[:1], "") if lane.opened else "dim"
        total = said(f"{told:>{TOTAL}}", tone)
        parts.append(_under(total, here, self._column > len(STAGES)))
        return Content.assemble(*parts)

    def _total(self, lane: Lane) -> str:
        if lane.opened and lane.opened.trouble:
            kind = lane.opened.trouble.kind
            return "? not open" if kind == "connection" else f"? {kind}"
        if lane is self._awaited:
            return "waiting"
        if lane.opened:
            return milliseconds(lane.seconds)
        return "not asked" if self._decider is not None else ""


def _under(content: Content, here: bool, on_it: bool) -> Content:  # noqa: FBT001
    return content.stylize("reverse") if here and on_it else content
