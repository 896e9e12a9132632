"""`OutputView`: a service in the foreground, its output live over the pane that started it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input, Static

from widgets.choice import Question
from widgets.debug import saved
from widgets.debug.tail import Tail
from widgets.debug.tape import file_lines, pattern_of
from widgets.footer import KeyLine
from widgets.header import HostLine
from widgets.ink import joined, said
from widgets.job import Job
from widgets.page import Over

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from widgets.debug.live import LiveRun
    from widgets.workplace import Workplace

LOCAL_TICK = 0.1
"""Seconds between two drawings of what came."""

REMOTE_TICK = 0.25
"""The same where every byte goes over a line."""


class OutputView(Over):
    """What a service says while it runs in the foreground.

    Args:
        workplace: the host.
        run: the run; it goes on beside this view.
    """

    AUTO_FOCUS = "Tail"
    CSS_PATH = "debug.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "seek", "find", key_display="/", tooltip="find a text in the output"),
        Binding("n", "step(1)", "next", tooltip="go to the next that was found; N goes back"),
        Binding("N", "step(-1)", show=False),
        Binding("y", "copy", "copy", tooltip="copy the lines in sight"),
        Binding("w", "save", "save", tooltip="write all that is kept to a file of yours"),
        Binding("escape", "unseek", "seek no more"),
        Binding("escape", "stop", "end the run", tooltip="the unit is brought back"),
        Binding("escape", "back", "back"),
        Binding("ctrl+c", "stop", show=False),
    ]
    WORDS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("live", "in the foreground, in the place of its unit, which is brought back at the end"),
        ("stays", "scrolling up holds the lines in sight; End follows what comes again"),
        ("let go", "only so many lines are kept; the oldest go first"),
    )
    STAGED: ClassVar[bool] = False
    """Whether stages of a test stand among the output."""

    def __init__(self, workplace: Workplace, run: LiveRun) -> None:
        super().__init__()
        self.run = run
        self.workplace = workplace
        self._found = ""
        """What was sought, and how often it was found."""
        self._saving: Job | None = None
        self._clock: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out how it stands, what it says, the line to seek by, and the keys."""
        place = self.workplace
        kind = "lab" if place.host.kind == "lab" else ""
        yield HostLine(place.host.name, kind, place.user, read_only=place.read_only)
        yield Static(id="standing")
        yield Tail(self.run.tape, staged=self.STAGED)
        yield Input(id="sought", placeholder="text to find", compact=True)
        yield KeyLine("help")

    def on_mount(self) -> None:
        """Follow the run."""
        line = self.query_one(Input)
        line.cursor_blink, line.display = False, False
        tick = REMOTE_TICK if os.environ.get("SSH_CONNECTION") else LOCAL_TICK
        self._clock = self.set_interval(tick, self._tick)
        self.show_run()

    def on_screen_resume(self) -> None:
        """Draw while somebody sees it."""
        if self._clock:
            self._clock.resume()

    def on_screen_suspend(self) -> None:
        """Draw no more: another view is in front."""
        if self._clock:
            self._clock.pause()

    @property
    def reason_to_stay(self) -> str:
        """Why the program must not end now."""
        return f"{self.run.service} is not back yet" if self.run.is_on else ""

    @property
    def stands(self) -> bool:
        """Whether there is something to draw on."""
        return self.is_mounted and bool(self.query(Tail))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        sought = bool(self._found) or self._is_seeking
        needs = {
            "step": bool(self._found),
            "unseek": sought,
            "stop": self.run.is_on and not sought,
            "back": not self.run.is_on and not sought,
            "copy": bool(self.run.tape.heard),
            "save": bool(self.run.tape.heard) and self._saving is None,
        }
        return needs.get(action, True)

    # What the keys do

    def action_stop(self) -> None:
        """End the run."""
        if self.run.phase == "ending":
            self.notify("It ends already; the unit is brought back.")
        self.run.stop()
        self.show_run()

    def action_seek(self) -> None:
        """Ask what is sought."""
        line = self.query_one(Input)
        line.display = True
        line.focus()
        self.refresh_bindings()

    def action_unseek(self) -> None:
        """Seek no more."""
        self._found = ""
        self.query_one(Tail).seek(None)
        self._end_seeking()

    def action_step(self, by: int) -> None:
        """Go to the next that was found, or to the one before."""
        sought = self.query_one(Input).value
        number, count = self.query_one(Tail).step(by)
        times = f"{number:,} of {count:,}" if count else "not found"
        self._found = f"“{sought}” {times}"
        self.show_run()

    def action_copy(self) -> None:
        """Copy the lines in sight, whole."""
        lines = self.query_one(Tail).in_sight
        self.copy("".join(f"{one.text}\n" for one in lines), f"{len(lines)} lines")

    def action_save(self) -> None:
        """Ask where all that is kept goes."""
        question = Question(
            "Save the output",
            "a new file; only you can read it (0600)",
            saved.objection,
            saved.offered(self.run.service),
        )
        self.app.push_screen(question, self._save)

    # What happens

    @on(Input.Submitted)
    def sought(self, event: Input.Submitted) -> None:
        """Mark what is sought, and go there."""
        if not event.value:
            self.action_unseek()
            return
        self.query_one(Tail).seek(pattern_of(event.value))
        self._end_seeking()
        self.action_step(1)

    @on(Tail.Turned)
    def turned(self) -> None:
        """Say whether it follows."""
        self.show_run()

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Tell where the file is."""
        if message.job is self._saving:
            self._saving = None
            if message.fault:
                self.notify(message.fault.what, severity="error")
            else:
                self.notify(f"saved to {cast('str', message.result)}")
            self.refresh_bindings()

    def _save(self, path: str | None) -> None:
        if path is None:
            return
        kept = list(self.run.tape.heard)
        self._saving = Job(self.workplace.host, lambda _: saved.save(path, file_lines(kept)), self)
        self._saving.start()

    def _end_seeking(self) -> None:
        line = self.query_one(Input)
        line.display = False
        self.query_one(Tail).focus()
        self.show_run()

    @property
    def _is_seeking(self) -> bool:
        return self.stands and self.query_one(Input).display

    # What is shown

    def _tick(self) -> None:
        if not self.stands:
            return
        had_some = bool(self.run.tape.heard)
        came = self.query_one(Tail).look()
        self._show_heading()
        if came and not had_some:
            self.refresh_bindings()

    def show_run(self) -> None:
        """Show how the run stands."""
        if self.stands:
            self._show_heading()
            self.refresh_bindings()

    def _show_heading(self) -> None:
        shown = self.heading()
        standing = self.query_one("#standing", Static)
        if standing.content != shown:
            standing.update(shown)

    def heading(self) -> Content:
        """Return how the run stands, and what is shown of it."""
        name = said(f"{self.run.service} live", "bold")
        parts = [said("  "), self.run.standing, said(f" · {self._amount()}")]
        if not self.query_one(Tail).follows:
            parts.append(said(" · stays", "accent"))
        if self._found:
            parts.append(said(f" · {self._found}", "accent"))
        return Content("\n").join([joined(name, *parts), *self.below()])

    def below(self) -> list[Content]:
        """Return what else is told above the output, line by line."""
        return [said(self.run.more, "dim")] if self.run.more else []

    def _amount(self) -> str:
        tape = self.run.tape
        gone = f", {tape.gone:,} of them let go" if tape.gone else ""
        return f"{tape.lines:,} line{'s' if tape.lines != 1 else ''}{gone}"
