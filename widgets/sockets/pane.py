"""The pane itself: the edges as a list, and the path of the one under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from actions.finding import Health
from actions.registry import find
from widgets.cursor import CursorLines
from widgets.fault import fault_rows, on_screen
from widgets.ink import SIGN_TONES, joined, said, signed, spaced
from widgets.job import Job
from widgets.lines import Row
from widgets.look import QUICK
from widgets.pane import Open, Pane
from widgets.sockets.closer import ACTION as WAYS
from widgets.sockets.closer import Closer, look_closer
from widgets.sockets.edge import EdgeView, is_testable, plan_of, send_through
from widgets.sockets.remedies import brief_rows
from widgets.sockets.walk import Walk, edge_rows
from widgets.sockets.words import WORDS, title, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType
    from textual.content import Content
    from textual.widget import Widget

    from actions.sockets.report import EdgeState, SocketsReport
    from widgets.header import Outlook
    from widgets.pane import Frame

ACTION = "sockets.check"


class SocketsPane(Pane):
    """See who opens whose socket, what stands in the way, and what mends it for good."""

    AUTO_FOCUS = "CursorLines"
    CSS_PATH = "sockets.tcss"
    DIGIT = "5"
    WORDS = WORDS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "walk", "open", tooltip="the path, and every way to mend it"),
        Binding("f", "fix", "fix", tooltip="open the plan that is recommended"),
        Binding("t", "test", "test", tooltip="send a test message through this milter"),
        Binding("r", "look", "look again", tooltip="walk and prove every edge again"),
        Binding("y", "command", "command", tooltip="show and copy the same as a shell command"),
    ]

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._report: SocketsReport | None = None
        self._drawn: tuple[EdgeState, ...] = ()
        self._placed = 0
        """Where the cursor was put when the edges were drawn."""
        self._is_chosen = False
        """Whether the operator put the cursor where it is; else it is on the worst."""
        self._closer: dict[str, Closer | None] = {}
        """By edge: what it was seen to be by itself; None where that failed."""
        self._job: Job | None = None
        self._asked = ""
        """The edge that the job looks at."""

    def body(self) -> tuple[Widget, ...]:
        """Return the whole in a line, the edges, and the path of one of them."""
        return (Static(id="heading"), CursorLines(id="edges"), Walk(id="walk"))

    def on_screen_resume(self) -> None:
        """Follow the host while somebody sees it."""
        super().on_screen_resume()
        self.frame.host_look.watch(self, watched=True)
        self._take()

    def on_screen_suspend(self) -> None:
        """Follow it no more: another view is in front."""
        self.frame.host_look.watch(self, watched=False)

    def on_unmount(self) -> None:
        """Let go of what is under way."""
        if self._job:
            self._job.cancel()

    def on_resize(self) -> None:
        """Draw the path anew: its columns depend on the width."""
        self.call_after_refresh(self._draw)

    def show_outlook(self, outlook: Outlook) -> None:
        """Show how the host is, at the top and in the list."""
        super().show_outlook(outlook)
        self._take()

    def adopt(self, action: str, given: Mapping[str, object]) -> bool:
        """Take over the looks at this host's own edges."""
        names = given.get("edge", ())
        names = (names,) if isinstance(names, str) else cast("tuple[str, ...]", names)
        if action not in {ACTION, WAYS} or set(given) - {"edge"}:
            return False
        if len(names) == 1:
            self._open(names[0])
        else:
            self.action_look()
        return True

    def forget(self) -> None:
        """Look anew at what is opened: the host was changed."""
        self._closer.clear()
        for one in self.app.screen_stack:
            if isinstance(one, EdgeView):
                one.action_look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        current = self._current
        needs = {
            "walk": current is not None,
            "fix": current is not None and self._plan_of(current) is not None,
            "test": current is not None and is_testable(current),
            "look": not self.frame.host_look.is_under_way,
        }
        return needs.get(action, True)

    # What the keys do

    def action_walk(self) -> None:
        """Open the edge under the cursor."""
        if self._current:
            self._open(self._current.edge.name)

    def action_fix(self) -> None:
        """Open the plan that mends the edge as is recommended."""
        plan = self._plan_of(self._current) if self._current else None
        if plan:
            self.post_message(plan)

    def action_test(self) -> None:
        """Test the milter in the chain pane."""
        if self._current:
            send_through(self, self._current)

    def action_look(self) -> None:
        """Look again."""
        self.frame.host_look.begin(QUICK)

    def action_command(self) -> None:
        """Show and copy the command that tells the same."""
        self.show_command(self.workplace.command_line(find(ACTION), {}))

    # What happens

    @on(CursorLines.Moved)
    def moved(self) -> None:
        """Tell of the edge that the cursor came to."""
        self._is_chosen = True
        self._draw_walk()

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take what is known of one edge besides."""
        if message.job is self._job:
            self._job = None
            self._closer[self._asked] = cast("Closer | None", message.result)
            self._draw_walk()

    def _take(self) -> None:
        """Take what the shared look told, and draw it."""
        latest = self.frame.host_look.latest(ACTION)
        if latest is not None and latest is not self._report:
            self._report = cast("SocketsReport", latest)
            self._closer.clear()
        self._draw()

    def _open(self, name: str) -> None:
        state = next((one for one in self._edges if one.edge.name == name), None)
        self.app.push_screen(EdgeView(self.workplace, name, state))

    def _look_closer(self, state: EdgeState) -> None:
        """Find out what mends the edge under the cursor, one edge at a time."""
        name = state.edge.name
        if self._job is None and name not in self._closer:
            self._asked = name
            self._job = Job(self.workplace.host, lambda ctx: look_closer(ctx, name), self)
            self._job.start()

    def _plan_of(self, state: EdgeState) -> Open | None:
        """Return what asks for the plan that is recommended for an edge; None where none is."""
        return plan_of(state, self._closer.get(state.edge.name))

    @property
    def _edges(self) -> tuple[EdgeState, ...]:
        return self._report.edges if self._report else ()

    @property
    def _current(self) -> EdgeState | None:
        if not self.stands or not self._edges:
            return None
        return self._edges[min(self.query_one(CursorLines).cursor, len(self._edges) - 1)]

    # What is shown

    def _draw(self) -> None:
        if not self.stands:
            return
        self.query_one("#heading", Static).update(self._heading())
        edges, states = self.query_one(CursorLines), self._edges
        # The cursor itself tells where it is: that it moved may not have been told yet.
        self._is_chosen = self._is_chosen or edges.cursor != self._placed
        held = [one.edge.name for one in self._drawn[edges.cursor : edges.cursor + 1]]
        places = (at for at, state in enumerate(states) if [state.edge.name] == held)
        edges.put(_rows(states), next(places, None) if self._is_chosen else _worst(states))
        self._drawn, self._placed = states, edges.cursor
        was_shown, edges.display = edges.display, bool(states)
        if states and (not was_shown or self.focused is None):
            edges.focus()
        self._draw_walk()

    def _draw_walk(self) -> None:
        if not self.stands:
            return
        walk, current = self.query_one(Walk), self._current
        told: list[Row] = []
        if current:
            self._look_closer(current)
            told = self._told(current, walk.scrollable_content_region.width)
        rows = [*self._faults(), *told]
        notes = self._report.notes if self._report else ()
        rows += [Row()] if rows and notes else []
        rows += [Row(said(" ? ", "warn"), said(note, "dim")) for note in notes]
        walk.put(rows, current)
        self.refresh_bindings()

    def _faults(self) -> list[Row]:
        """Return why nothing newer was seen."""
        look = self.frame.host_look
        looks = look.report.looks if look.report else ()
        troubles = [one.trouble for one in looks if one.name == ACTION and one.trouble]
        rows = fault_rows(look.fault) if look.fault else []
        rows += [Row(said(" ? ", "warn"), said(on_screen(one), "warn")) for one in troubles]
        return [*rows, Row()] if rows else []

    def _told(self, state: EdgeState, width: int) -> list[Row]:
        closer = self._closer.get(state.edge.name)
        rows = edge_rows(state, closer.user if closer else state.edge.user, width)
        is_broken = state.finding.health in {Health.DOWN, Health.DEGRADED}
        if self._job and self._asked == state.edge.name and is_broken:
            rows += [Row(), Row(said(" "), said("looking what mends it …", "accent"))]
        if closer and closer.ways:
            rows += [Row(), Row(said(" "), said("What mends it", "bold")), *brief_rows(closer.ways)]
        return rows

    def _heading(self) -> Content:
        if self._report is None:
            is_looking = self.frame.host_look.is_under_way
            return said(" looking …" if is_looking else " not seen", "accent")
        states = self._edges
        parts = [said(f" {len(states)} {'edge' if len(states) == 1 else 'edges'}")]
        for health in (Health.DOWN, Health.DEGRADED, Health.UNKNOWN):
            count = sum(state.finding.health is health for state in states)
            if count:
                parts += [said(" · "), signed(health.sign, f"{count} {health.value}")]
        if len(parts) == 1 and states:
            parts += [said(" · "), signed("●", "all open to their clients")]
        return joined(*parts)


def _worst(states: tuple[EdgeState, ...]) -> int:
    """Return the place of the first that is worst."""
    ranks = [state.finding.health.rank for state in states]
    return ranks.index(max(ranks)) if ranks else 0


def _rows(states: tuple[EdgeState, ...]) -> list[Row]:
    width = max((said(title(state.edge)).cell_length for state in states), default=0)
    return [_row(state, width) for state in states]


def _row(state: EdgeState, width: int) -> Row:
    sign, name = state.finding.health.sign, said(title(state.edge))
    body = joined(name, spaced(width - name.cell_length + 2), said(told(state), SIGN_TONES[sign]))
    client = f"as {state.edge.user}" if state.edge.user else ""
    return Row(said(f" {sign} ", SIGN_TONES[sign]), body, said(client, "dim"))
