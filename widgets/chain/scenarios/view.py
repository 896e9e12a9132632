"""`ScenariosView`: a test suite, its scenarios as they run, and what differed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from actions.chain.scenario.report import ScenarioDone
from actions.registry import find
from widgets.chain.scenarios.rows import (
    below_rows,
    problem_rows,
    result_row,
    scenario_rows,
    sum_line,
)
from widgets.choice import Alternative, Choice, Question
from widgets.cursor import CursorLines
from widgets.fault import fault_rows
from widgets.footer import KeyLine
from widgets.form import Form
from widgets.ink import joined, said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.page import Over, Page
from widgets.pane import Looked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.timer import Timer

    from actions.action import Action
    from actions.chain.scenario.file import Listed
    from actions.chain.scenario.report import ScenarioReport, ScenarioResult
    from widgets.fault import Fault
    from widgets.workplace import Workplace

ACTION = "chain.scenario"

WITHOUT = ("file", "shipped", "verbose", "junit")
"""Arguments that the view asks for itself, or that are for the command line."""

OTHER = "/"
"""The choice beside the suites of the program; none of them has such a name."""

REDRAW = 0.2
"""Seconds between two drawings of what runs, however many results come."""


class ScenariosView(Over):
    """The scenarios of a suite.

    Args:
        workplace: the host.
        given: the arguments of ``chain.scenario``; where they name no file, one is asked for.
    """

    AUTO_FOCUS = "CursorLines"
    CSS_PATH = "scenarios.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", tooltip="stop; what came so far is kept"),
        Binding("escape", "back", "back"),
        Binding("enter", "explain", "explain", tooltip="what was expected, and all that came"),
        Binding("r", "run", "run", tooltip="run the scenarios once more"),
        Binding("s", "suite", "suite", tooltip="another suite: one of the program's, or a file"),
        Binding("o", "options", "options", tooltip="where milters listen, as whom, which ones"),
        Binding("y", "command", "command", tooltip="show and copy the same as a shell command"),
    ]
    WORDS = (
        ("suite", "a file of scenarios: who sends what, and what is expected of each milter"),
        ("✓ passed", "all that was expected came"),
        ("✗ failed", "something came otherwise; what, stands below"),
        ("? undecided", "a milter gave no decision"),
        ("– not run", "left out, because one before it failed"),
    )

    def __init__(self, workplace: Workplace, given: Mapping[str, object]) -> None:
        super().__init__()
        self._workplace = workplace
        self._given = dict(given)
        self._shipped: tuple[Listed, ...] = ()
        self._listing: Job | None = None
        self._job: Job | None = None
        self._report: ScenarioReport | None = None
        self._fault: Fault | None = None
        self._results: list[ScenarioResult] = []
        self._total = 0
        self._cancelled_after: float | None = None
        self._follows = True
        """Whether the cursor goes along with the newest result."""
        self._clock: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the suite, its scenarios, the sum, and what differed."""
        yield Static(id="suite", classes="title")
        yield CursorLines()
        yield Static(id="sum")
        yield Lines(id="difference")
        yield KeyLine("help")

    def on_mount(self) -> None:
        """See which suites there are; run the one that was given."""
        self._clock = self.set_interval(REDRAW, self._tick, pause=True)
        function = self._action.function
        self._listing = Job(self._workplace.host, lambda ctx: function(ctx, shipped=True), self)
        self._listing.start()
        if self._files:
            self.action_run()
        self._show()

    def on_unmount(self) -> None:
        """Let go of what is under way."""
        for job in (self._job, self._listing):
            if job:
                job.cancel()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        idle = self._job is None
        needs = {
            "cancel": not idle,
            "explain": bool(self._results),
            "run": idle and bool(self._files),
            "suite": idle and self._listing is None,
            "options": idle and bool(self._files),
            "command": bool(self._files),
        }
        return needs.get(action, True)

    # What is run

    def action_suite(self) -> None:
        """Choose a suite of the program, or a file."""
        suites = [Alternative(one.name, one.name, _about(one)) for one in self._shipped]
        other = Alternative(OTHER, "a file", "type the path of a suite of your own")
        held = self._files[0] if self._files else ""
        current = held if any(one.value == held for one in suites) or not held else OTHER
        question = Choice("Which scenarios are run", [*suites, other], current)
        self.app.push_screen(question, self._suite_chosen)

    def action_options(self) -> None:
        """Set what else the run can be told."""
        self.app.push_screen(Form(self._action, self._given, WITHOUT), self._options_chosen)

    def action_run(self) -> None:
        """Run the scenarios."""
        function, given = self._action.function, dict(self._given)
        self._report, self._fault, self._cancelled_after = None, None, None
        self._results, self._total, self._follows = [], 0, True
        self._job = Job(self._workplace.host, lambda ctx: function(ctx, **given), self)
        self._job.start()
        self._show()

    def action_cancel(self) -> None:
        """Cancel what is under way; a milter that holds the line is not waited for."""
        if self._job:
            self._job.cancel()
            self._cancelled_after, self._job = self._job.seconds, None
            self._show()

    def action_explain(self) -> None:
        """Show all about the scenario under the cursor."""
        result = self._current
        if result:
            self.app.push_screen(Page(result.name, scenario_rows(result, self._report)))

    def action_command(self) -> None:
        """Show and copy the command that does the same."""
        self.show_command(self._workplace.command_line(self._action, self._given))

    def _suite_chosen(self, value: str | None) -> None:
        if value == OTHER:
            held = next((file for file in self._files if "/" in file or "." in file), "")
            hint = "a path; docs/scenarios.md says what stands in such a file"
            question = Question("Which file of scenarios is run", hint, _objection, held)
            self.app.push_screen(question, self._file_typed)
        elif value is not None:
            self._file_typed(value)
        elif not self._files:
            self.call_later(self.action_back)

    def _file_typed(self, text: str | None) -> None:
        if text is not None:
            file = os.path.expanduser(text.strip())  # noqa: PTH111 - Path fails on "~nobody/x"
            self._given = {**self._given, "file": (file,)}
            self.action_run()
        elif not self._files:
            self.call_later(self.action_back)

    def _options_chosen(self, given: dict[str, object] | None) -> None:
        if given is not None:
            self._given = given
            self.action_run()

    # What happens

    @on(Job.Told)
    def told(self, message: Job.Told) -> None:
        """Take a scenario that is over; it is drawn soon."""
        if message.job is self._job and isinstance(message.event, ScenarioDone):
            self._total = message.event.total
            self._results.append(message.event.result)

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take which suites there are, or what came of a run."""
        if message.job is self._listing:
            self._listing = None
            listed = cast("ScenarioReport | None", message.result)
            self._shipped = listed.shipped if listed else ()
            if not self._files:
                self.action_suite()
        elif message.job is self._job:
            self._job, self._fault = None, message.fault
            self._report = cast("ScenarioReport | None", message.result)
            self._point_at_the_first_that_failed()
            self.post_message(Looked())
        else:
            return
        self._show()

    @on(CursorLines.Moved)
    def moved(self) -> None:
        """Show what differed in the scenario under the cursor."""
        self._follows = False
        self._show()

    def _point_at_the_first_that_failed(self) -> None:
        if self._follows:
            bad = (
                n for n, one in enumerate(self._results) if one.status in {"failed", "undecided"}
            )
            self.query_one(CursorLines).cursor = next(bad, 0)
            self._follows = False

    # What is shown

    @property
    def _action(self) -> Action:
        return find(ACTION)

    @property
    def _files(self) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._given.get("file", ()))

    @property
    def _current(self) -> ScenarioResult | None:
        place = self.query_one(CursorLines).cursor
        return self._results[place] if place < len(self._results) else None

    def _tick(self) -> None:
        if self._job:
            self._show()

    def _show(self) -> None:
        if not self.stands:
            return
        if self._clock:
            (self._clock.resume if self._job else self._clock.pause)()
        self.query_one("#suite", Static).update(self._heading())
        results = self.query_one(CursorLines)
        several = len({one.file for one in self._results}) > 1
        rows = [result_row(one, with_suite=several) for one in self._results]
        results.put(rows, len(rows) - 1 if self._follows else None)
        if rows and not results.display:
            results.display = True
            results.focus()
        results.display = bool(rows)
        line = self.query_one("#sum", Static)
        line.update(self._sum())
        line.display = bool(self._results or self._job)
        self.query_one("#difference", Lines).show(self._below())
        self.refresh_bindings()

    def _heading(self) -> Content:
        named = said(", ".join(self._files) or "Scenarios", "bold")
        suites = self._report.suites if self._report else ()
        about = next((one.about for one in suites if len(suites) == 1), "")
        if not about and len(self._files) == 1:
            about = next((one.about for one in self._shipped if one.name == self._files[0]), "")
        return joined(named, said(f"  {about}" if about else ""))

    def _sum(self) -> Content:
        if self._job:
            of = f"{len(self._results)} of {self._total} · " if self._total else ""
            return said(f"{of}running {self._job.seconds:.0f} s", "accent")
        if self._cancelled_after is not None:
            left = self._total - len(self._results)
            told = sum_line(self._results, self._cancelled_after)
            return joined(told, said(f" · cancelled, {left} not run", "warn"))
        return sum_line(self._results, self._report.seconds if self._report else 0.0)

    def _below(self) -> list[Row]:
        if self._fault:
            return fault_rows(self._fault)
        if self._report and self._report.problems:
            return list(problem_rows(self._report.problems))
        if self._cancelled_after is not None and not self._results:
            told = "Cancelled before the first scenario was over"
            return [Row(said(" ? ", "warn"), said(told, "warn"))]
        notes = self._report.notes if self._report else ()
        current = self._current
        rows = list(below_rows(current)) if current else []
        return [*rows, *(Row(said("   "), said(note, "dim")) for note in notes)]


def _about(suite: Listed) -> str:
    many = "s" if suite.scenarios != 1 else ""
    return f"{suite.about} ({suite.scenarios} scenario{many})"


def _objection(text: str) -> str:
    return "" if text.strip() else "Type a path, such as /etc/console/mail.toml"
