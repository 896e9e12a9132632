"""`EdgeView`: one edge with its path walked, and the ways to mend it beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from actions.finding import Health
from actions.registry import find
from widgets.cursor import CursorLines
from widgets.fault import Fault, fault_rows
from widgets.footer import KeyLine
from widgets.header import HostLine
from widgets.ink import joined, said
from widgets.job import Job
from widgets.lines import Row
from widgets.page import Over, View
from widgets.pane import Open, Turn
from widgets.sockets.closer import ACTION, Closer, look_closer
from widgets.sockets.remedies import declined_rows, heading, way_rows
from widgets.sockets.walk import Walk, edge_rows
from widgets.sockets.words import WORDS

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.timer import Timer

    from actions.sockets.report import EdgeState
    from actions.sockets.ways.way import Way
    from widgets.workplace import Workplace


FIX = "sockets.fix"

SCROLLBAR = 1
"""Cells that are kept free for it."""


class EdgeView(Over):
    """One edge.

    Args:
        workplace: the host.
        name: the edge's name.
        state: how it was seen last, to be shown until it is looked at again; None where it was not.
    """

    CSS_PATH = "sockets.tcss"
    WORDS = WORDS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "fix", "plan it", tooltip="open the plan of the way under the cursor"),
        Binding("f", "fix", show=False),
        Binding("t", "test", "test", tooltip="send a test message through this milter"),
        Binding("r", "look", "look again", tooltip="walk and prove it again"),
        Binding("y", "command", "command", tooltip="show and copy the same as a shell command"),
    ]

    def __init__(self, workplace: Workplace, name: str, state: EdgeState | None = None) -> None:
        super().__init__()
        self._workplace = workplace
        self._edge = name
        self._state = state
        self._closer: Closer | None = None
        self._fault: Fault | None = None
        self._job: Job | None = None
        self._clock: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the walk, the ways, and the keys."""
        place = self._workplace
        kind = "lab" if place.host.kind == "lab" else ""
        yield HostLine(place.host.name, kind, place.user, read_only=place.read_only)
        yield Walk(id="walk")
        yield Static(id="mending")
        yield CursorLines(id="ways")
        yield KeyLine("help")

    def on_mount(self) -> None:
        """Look at once."""
        self._clock = self.set_interval(0.5, self._show, pause=True)
        self.action_look()

    def on_unmount(self) -> None:
        """Stop looking."""
        if self._job:
            self._job.cancel()

    def on_resize(self) -> None:
        """Draw the walk anew: its columns depend on the width."""
        self.call_after_refresh(self._show)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        needs = {
            "fix": self._plan is not None,
            "test": self._state is not None and is_testable(self._state),
            "look": self._job is None,
        }
        return needs.get(action, True)

    def action_look(self) -> None:
        """Look at the edge again."""
        if self._job is None:
            name = self._edge
            self._job = Job(self._workplace.host, lambda ctx: look_closer(ctx, name), self)
            self._job.start()
            self._show()

    def action_fix(self) -> None:
        """Open the plan of the way under the cursor."""
        if self._plan:
            self.post_message(self._plan)

    def action_test(self) -> None:
        """Test the milter in the chain pane."""
        if self._state:
            send_through(self, self._state)

    def action_command(self) -> None:
        """Show and copy the command that tells the same."""
        line = self._workplace.command_line(find(ACTION), {"edge": self._edge})
        self.show_command(line)

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take what was seen."""
        if message.job is not self._job:
            return
        self._job, self._fault = None, message.fault
        closer = cast("Closer | None", message.result)
        if closer:
            self._closer, self._state = closer, closer.state
        self._show()

    @on(CursorLines.Moved)
    def moved(self) -> None:
        """Offer the plan of the way under the cursor."""
        self.refresh_bindings()

    @property
    def _ways(self) -> tuple[Way, ...]:
        return self._closer.ways if self._closer else ()

    @property
    def _plan(self) -> Open | None:
        """What asks for the plan of the way under the cursor; None where there is none."""
        if self._state is None or not self.stands:
            return None
        at = self.query_one(CursorLines).cursor if self._ways else 0
        return plan_of(self._state, self._closer, at)

    def _show(self) -> None:
        if not self.stands:
            return
        if self._clock:
            (self._clock.resume if self._job else self._clock.pause)()
        walk, ways = self.query_one(Walk), self.query_one(CursorLines)
        walk.put(self._rows(walk.scrollable_content_region.width), self._state)
        self.query_one("#mending", Static).update(self._mending())
        self.set_class(bool(self._ways), "-mendable")
        was_shown, ways.display = ways.display, bool(self._ways)
        ways.put(way_rows(self._ways, self.size.width - SCROLLBAR))
        if self._ways and not was_shown:
            ways.focus()
        self.refresh_bindings()

    def _rows(self, width: int) -> list[Row]:
        rows = fault_rows(self._fault) if self._fault else []
        if self._state is None:
            return rows
        user = self._closer.user if self._closer else self._state.edge.user
        rows += [*([Row()] if rows else []), *edge_rows(self._state, user, width)]
        if self._closer and self._closer.not_offered:
            rows += [Row(), *declined_rows(self._closer.not_offered)]
        return rows

    def _mending(self) -> Content:
        if self._job:
            return said(f"looking {self._job.seconds:.0f} s …", "accent")
        if self._ways:
            return heading(self.size.width - SCROLLBAR)
        finding = self._state.finding if self._state else None
        if finding is None or finding.health is Health.OK:
            return said("")
        if finding.remedy and self._plan:
            return joined(said("f  ", "key"), said(finding.remedy.summary))
        if finding.needs_root:
            return said("As root it would be proved, and what mends it would be known.", "warn")
        if self._closer and self._closer.not_offered:
            return said("What would mend it stands above, with why it is not offered here.", "dim")
        return said("No way is known that would mend it from here.", "dim")


def plan_of(state: EdgeState, closer: Closer | None, at: int | None = None) -> Open | None:
    """Return what asks for a plan that mends an edge; None where there is none.

    Args:
        state: the edge.
        closer: what was seen of it by itself, where it was looked at.
        at: the place of the way that is asked for; None for what is recommended.
    """
    ways, remedy = closer.ways if closer else (), state.finding.remedy
    if at is not None and ways:
        return _fix(state, ways[min(at, len(ways) - 1)])
    if remedy and not (closer and remedy.action == FIX and not ways):
        return Open(remedy.action, dict(remedy.arguments))
    return next((_fix(state, way) for way in ways if way.recommended), None)


def _fix(state: EdgeState, way: Way) -> Open:
    return Open(FIX, {"edge": state.edge.name, "way": way.name})


def is_testable(state: EdgeState) -> bool:
    """Return whether a message can be sent through what is at the edge's end."""
    return state.edge.speech == "milter" and bool(state.edge.endpoint)


def send_through(view: View, state: EdgeState) -> None:
    """Ask for a test of the milter at the end of an edge."""
    view.post_message(Turn("chain", "chain.test", {"milter": (state.edge.endpoint,)}))
