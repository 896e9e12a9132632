"""The pane itself: the debug modes of this host, and what can be done with the one in hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from actions.registry import find
from widgets.cursor import CursorLines
from widgets.debug.rows import heading, state_row, state_rows
from widgets.fault import fault_rows
from widgets.ink import said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.pane import Open, Pane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widget import Widget

    from actions.debug.report import DebugReport, DebugState
    from widgets.fault import Fault
    from widgets.header import Outlook
    from widgets.pane import Frame

ACTION = "debug.status"

WORDS = (
    ("◐ on", "it logs more than usual; that costs time and fills the log"),
    ("◐ pending", "it is set, and begins with the next start"),
    ("◐ blocking", "it is set in a way that keeps the daemon from starting"),
    ("◐ left", "nothing sets it any more, and it ends with the next start"),
    ("– off", "as it should be"),
    ("? not known", "it could not be seen; root sees more"),
    ("ends in", "the host itself switches it off then, though this console is gone"),
    ("live", "run in the foreground, in the place of its unit, its output on the screen"),
)

GRACE = 2.0
"""Seconds after its end in which a debug mode is switched off."""


class DebugPane(Pane):
    """See which services are in debug mode; switch it on for a while; watch one live."""

    AUTO_FOCUS = "CursorLines"
    CSS_PATH = "debug.tcss"
    DIGIT = "6"
    WORDS = WORDS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "on", "on", tooltip="switch it on for 15 minutes, or as long as you say"),
        Binding("x", "off", "off", tooltip="switch it off now"),
        Binding("f", "off", show=False),
        Binding("enter", "run", "run live", tooltip="run it in the foreground, its output live"),
        Binding("r", "run", show=False),
        Binding("f5", "look", "look again", key_display="F5", tooltip="look at all of them again"),
        Binding("y", "command", "command", tooltip="show and copy the same as a shell command"),
    ]

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._job: Job | None = None
        self._report: DebugReport | None = None
        self._shared: object = None
        """What the look that all panes share told last."""
        self._fault: Fault | None = None
        self._cursor = ""
        """The service under the cursor."""
        self._clock: Timer | None = None

    def body(self) -> tuple[Widget, ...]:
        """Return the heading, the services, and what is known of the one under the cursor."""
        return (Static(id="heading"), CursorLines(id="items"), Lines(id="details"))

    def on_mount(self) -> None:
        """Have a clock for the time that is left."""
        self._clock = self.set_interval(1.0, self._tick, pause=True)

    def on_screen_resume(self) -> None:
        """Look, and count down, while somebody sees it."""
        super().on_screen_resume()
        if self._clock:
            self._clock.resume()
        self.action_look()

    def on_screen_suspend(self) -> None:
        """Count no more: another view is in front."""
        if self._clock:
            self._clock.pause()

    def on_unmount(self) -> None:
        """Let go of a look under way."""
        if self._job:
            self._job.cancel()

    def show_outlook(self, outlook: Outlook) -> None:
        """Show how the host is, and what the look that all panes share told of this."""
        super().show_outlook(outlook)
        told = self.frame.host_look.latest(ACTION)
        if told is not None and told is not self._shared:
            self._shared = told
            self._report = cast("DebugReport", told)
            self._draw()

    def forget(self) -> None:
        """Look anew: the host was changed."""
        self.action_look()

    def adopt(self, action: str, given: Mapping[str, object]) -> bool:
        """Take over the report that this pane shows."""
        if action != ACTION or given:
            return False
        self.action_look()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        current = self._current
        needs = {
            "on": current is not None,
            "off": current is not None and current.word not in {"live", "off"},
            "run": current is not None,
            "look": self._job is None,
        }
        return needs.get(action, True)

    # What the keys do

    def action_look(self) -> None:
        """Look again."""
        if self._job is None:
            self._job = Job(self.workplace.host, find(ACTION).function, self)
            self._job.start()
            self._draw()

    def action_on(self) -> None:
        """Open the plan that switches it on for a while."""
        self._open("debug.on")

    def action_off(self) -> None:
        """Open the plan that switches it off."""
        self._open("debug.off")

    def action_run(self) -> None:
        """Open the plan that runs it in the foreground."""
        self._open("debug.run")

    def action_command(self) -> None:
        """Show and copy the command that tells the same."""
        self.show_command(self.workplace.command_line(find(ACTION), {}))

    # What happens

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take what the look told."""
        if message.job is self._job:
            self._job, self._fault = None, message.fault
            if message.result is not None:
                self._report = cast("DebugReport", message.result)
            self._draw()

    @on(CursorLines.Moved)
    def moved(self) -> None:
        """Tell of the service that the cursor came to."""
        current = self._current
        self._cursor = current.service if current else ""
        self._draw_details()

    def _open(self, action: str) -> None:
        if self._current:
            self.post_message(Open(action, {"service": self._current.service}))

    def _tick(self) -> None:
        """Count down; look again where something should have ended by now."""
        ends = [one.until for one in self._states if one.until is not None]
        if not ends:
            return
        now = time.time()
        # A look at each of the seconds in which the host switches it off.
        if any(0 <= now - end - GRACE < GRACE for end in ends):
            self.action_look()
        self._draw_items()

    @property
    def _states(self) -> tuple[DebugState, ...]:
        return self._report.states if self._report else ()

    @property
    def _current(self) -> DebugState | None:
        if not self.stands or not self._states:
            return None
        return self._states[min(self.query_one(CursorLines).cursor, len(self._states) - 1)]

    # What is shown

    def _draw(self) -> None:
        if not self.stands:
            return
        items = self.query_one(CursorLines)
        told = heading(self._report) if self._report else said("looking …", "accent")
        self.query_one("#heading", Static).update(told)
        was_shown, items.display = items.display, bool(self._states)
        self._draw_items()
        if self._states and (not was_shown or self.focused is None):
            items.focus()
        self._draw_details()

    def _draw_items(self) -> None:
        if not self.stands:
            return
        now = time.time()
        names = [one.service for one in self._states]
        place = names.index(self._cursor) if self._cursor in names else None
        self.query_one(CursorLines).put([state_row(one, now) for one in self._states], place)

    def _draw_details(self) -> None:
        current = self._current
        rows: list[Row] = [*state_rows(current)] if current else []
        if self._report is not None:
            rows += [Row(said("   "), said(note, "dim")) for note in self._report.notes]
            if not self._states:
                rows.append(Row(said(" "), said("No service here has a debug mode.")))
        if self._fault:
            rows = [*fault_rows(self._fault), Row(), *rows]
        self.query_one("#details", Lines).show(rows)
        self.refresh_bindings()
