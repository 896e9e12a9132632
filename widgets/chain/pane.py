"""The pane itself: what is asked, the table that fills, and what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.widgets import Static

from actions.host.endpoint import BadEndpoint
from actions.registry import find
from widgets.chain import compare, target
from widgets.chain.details import all_negotiations, cell_line, lane_rows
from widgets.chain.difference import difference_rows
from widgets.chain.keys import KEYS
from widgets.chain.over import view_of
from widgets.chain.packets import packet_rows
from widgets.chain.table import ChainTable
from widgets.chain.trial import Trial
from widgets.chain.words import WORDS
from widgets.choice import Choice, Question
from widgets.fault import Fault
from widgets.form import Form
from widgets.ink import said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.page import Page
from widgets.pane import Looked, Open, Pane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widget import Widget

    from actions.action import Action, Context
    from actions.chain.report import ChainReport
    from actions.sockets.report import SocketsReport
    from widgets.pane import Frame


REDRAW = 0.1
"""Seconds between two drawings of a table that fills."""

CLOCK = 0.5
"""Seconds between two drawings while nothing comes; the time goes on."""


class ChainPane(Pane):
    """Test the milter chain and see what each milter did."""

    AUTO_FOCUS = "ChainTable"
    CSS_PATH = "chain.tcss"
    DIGIT = "3"
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    WORDS = WORDS

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._given: dict[str, object] = {}
        self._smtp_chain = ""
        """The chain that was asked before one that goes without SMTP."""
        self._own: target.OwnMilters | None = None
        self._trial = Trial(())
        self._job: Job | None = None
        self._loading: Job | None = None
        self._looking: Job | None = None
        self._runs = compare.Runs()
        self._soon = False
        """Whether it is to run as soon as the chain is read."""
        self._clock: Timer | None = None
        self._news = False
        self._drawn = 0.0

    def body(self) -> tuple[Widget, ...]:
        """Return the heading, the table, the cell in words, and the verdict."""
        return (
            Static(id="heading"),
            ChainTable(),
            Static(id="cell"),
            Lines(id="verdict"),
        )

    def on_mount(self) -> None:
        """Ask the host for its chain."""
        self._clock = self.set_interval(REDRAW, self._tick, pause=True)
        self._loading = self._started(target.read_own)
        self._show()

    def on_unmount(self) -> None:
        """Let go of what is under way."""
        for job in (self._job, self._loading, self._looking):
            if job:
                job.cancel()

    def adopt(self, action: str, given: Mapping[str, object]) -> bool:
        """Take over tests of the chain."""
        own = self._own or target.OwnMilters()
        over = view_of(self.workplace, action, given, self._arguments, own)
        if over:
            self.app.push_screen(over)
            return True
        if action != target.ACTION:
            return False
        self._choose({**self._given, **given})
        if not given:
            self.action_options()
        return True

    def forget(self) -> None:
        """Show no result of the host as it was; its chain may be another too."""
        if not self._job:
            self._loading = self._started(target.read_own)
            self._reset()

    def begin(self) -> None:
        """Send the message; where the chain is not read yet, as soon as it is."""
        if self._loading:
            self._soon = True
        elif self._job is None and self._trial.course.lanes:
            self.action_run()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something now."""
        running, asked = self._job is not None, bool(self._trial.course.lanes)
        tested = self._trial.report is not None
        needs: dict[str, bool] = {
            "run": (asked or self._loading is not None) and not running,
            "cancel": running,
            "choose_milter": not running and self._own is not None,
            "choose_sample": not running,
            "choose_profile": not running,
            "options": not running,
            "fix": self._trial.remedy is not None,
            "debug": tested and not running,
            "difference": tested,
            "negotiation": tested,
            "packets": tested,
            "compare": self._runs.comparable and not running,
            "over": not running and (asked or parameters != ("load",)),
            "command": asked,
        }
        return needs.get(action, True)

    # What is asked

    def action_choose_milter(self) -> None:
        """Choose whom to ask."""
        assert self._own is not None
        question = Choice(
            "Which milters are asked",
            target.alternatives(self._own),
            target.current(self._own, self._given),
        )
        self.app.push_screen(question, self._milter_chosen)

    def action_choose_sample(self) -> None:
        """Choose the message."""
        held = str(self._given.get("sample", "clean"))
        question = Choice("Which message is sent", target.sample_alternatives(), held)
        self.app.push_screen(question, self._sample_chosen)

    def action_choose_profile(self) -> None:
        """Choose the client."""
        held = str(self._given.get("profile", "outside"))
        question = Choice("Who sends it", target.profile_alternatives(), held)
        self.app.push_screen(question, self._profile_chosen)

    def action_options(self) -> None:
        """Set whatever else a test can be told."""
        form = Form(self._action, self._given, target.SHOWN_BY_THE_PANE)
        self.app.push_screen(form, self._options_chosen)

    def _milter_chosen(self, value: str | None) -> None:
        if value == target.OTHER:
            held = " ".join(map(str, cast("tuple[str, ...]", self._given.get("milter", ()))))
            hint = "unix:PATH, inet:HOST:PORT or inet:PORT@HOST; several make a chain"
            question = Question("Which milter is asked", hint, target.objection, held)
            self.app.push_screen(question, self._milter_typed)
        elif value is not None:
            given = {**target.without_milters(self._given), **target.choice(value)}
            self._choose(target.fitting_profile(self._own or target.OwnMilters(), given))

    def _milter_typed(self, text: str | None) -> None:
        if text is not None:
            given = target.without_milters(self._given)
            self._choose({**given, "milter": tuple(text.split())})

    def _sample_chosen(self, value: str | None) -> None:
        if value is not None:
            self._given.pop("message", None)
        self._set("sample", value)

    def _profile_chosen(self, value: str | None) -> None:
        if value is None:
            return
        own, given = self._own or target.OwnMilters(), {**self._given, "profile": value}
        fitting = target.fitting_chain(own, given, self._smtp_chain)
        if fitting is None:
            self.notify(target.NO_LOCAL_CHAIN, severity="warning")
            return
        if not target.is_local(own, self._given):
            self._smtp_chain = str(self._given.get("chain", ""))
        self._choose(fitting)

    def _options_chosen(self, given: dict[str, object] | None) -> None:
        if given is not None:
            self._choose(given)

    def _set(self, name: str, value: object) -> None:
        if value is not None:
            self._choose({**self._given, name: value})

    def _choose(self, given: dict[str, object]) -> None:
        self._given = given
        self._reset()

    # The test

    def action_run(self) -> None:
        """Send the message through the milters."""
        if self._loading:
            self._soon = True
            return
        self._reset()
        function, given = self._action.function, {**self._arguments, "trace": True}
        self._job = self._started(lambda ctx: function(ctx, **given))
        self._show()

    def action_cancel(self) -> None:
        """Give up the test; a milter that holds the line is not waited for."""
        if self._job:
            self._job.cancel()
            self._job = None
            awaited = self._trial.course.awaited
            self._trial.cancelled = awaited.name if awaited else "an answer"
            self._show()

    def action_fix(self) -> None:
        """Open the plan that would mend what was found."""
        remedy = self._trial.remedy
        if remedy:
            self.post_message(Open(remedy.action, dict(remedy.arguments)))

    @on(Job.Told)
    def told(self, message: Job.Told) -> None:
        """Take what happened in the test, and draw it soon."""
        if message.job is self._job:
            self._trial.course.take(message.event)
            self._news = True

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take what came of a job."""
        if message.job is self._loading:
            self._loading = None
            self._own = cast("target.OwnMilters | None", message.result) or target.OwnMilters()
            self._reset()
            self._trial.fault = message.fault or self._trial.fault
            if self._soon and self._trial.fault is None:
                self.begin()
            self._soon = False
        elif message.job is self._looking:
            self._looking = None
            self._trial.sockets = cast("SocketsReport | None", message.result)
        elif message.job is self._job:
            self._job, self._trial.fault = None, message.fault
            self._tested(cast("ChainReport | None", message.result))
        else:
            return
        self._show()

    def _tested(self, report: ChainReport | None) -> None:
        trial = self._trial
        trial.report = report
        self.post_message(Looked())
        if report is None:
            return
        self._runs.keep(report, self._heading, self._arguments)
        trial.course.settle(report)
        self._show()
        for table in self.query(ChainTable):
            table.point_at(report.decided_by, report.decided_at)
        if trial.closed:
            check = find("sockets.check").function
            self._looking = self._started(lambda ctx: check(ctx, milter=trial.closed))

    def _reset(self) -> None:
        """Forget the last test; show what the next one asks."""
        try:
            links, managers = target.chosen(self._own or target.OwnMilters(), self._given)
        except BadEndpoint as error:
            self._trial = Trial(())
            self._trial.fault = Fault(str(error), "m chooses another milter")
        else:
            self._trial = Trial(links, managers)
        self._looking = None
        self._show()

    def _started(self, work: Callable[[Context], object]) -> Job:
        job = Job(self.workplace.host, work, self)
        job.start()
        return job

    @property
    def _action(self) -> Action:
        return find(target.ACTION)

    @property
    def _heading(self) -> str:
        if self._own is None:
            return ""
        return target.heading(self._trial.course, self._own, self._given)

    @property
    def _arguments(self) -> dict[str, object]:
        return target.arguments(self._own or target.OwnMilters(), self._given)

    # What is shown

    @on(ChainTable.Moved)
    def moved(self) -> None:
        """Say what is under the cursor."""
        table, cell = self.query_one(ChainTable), self.query_one("#cell", Static)
        lane = table.lane
        cell.display = lane is not None and lane.opened is not None
        if lane:
            cell.update(cell_line(lane, table.stage))

    @on(ChainTable.Chosen)
    def explain(self, message: ChainTable.Chosen) -> None:
        """Show all about a milter or a stage of it."""
        where = f" at {message.stage.words}" if message.stage else ""
        rows = lane_rows(message.lane, message.stage)
        self.app.push_screen(Page(f"{message.lane.name}{where}", rows))

    def action_debug(self) -> None:
        """Run the milter under the cursor in the foreground, and the same test beside it."""
        from widgets.debug.again import Suspect
        from widgets.debug.beside import SuspectPlan

        lane = self.query_one(ChainTable).lane
        if lane:
            asked = (lane.name, lane.manager, lane.endpoint, self._heading, self._arguments)
            self.app.push_screen(SuspectPlan(self.workplace, Suspect(*asked)))

    def action_difference(self) -> None:
        """Show the message before and after."""
        rows = difference_rows(self._trial.course.edited)
        self.app.push_screen(Page("Message before and after", rows))

    def action_negotiation(self) -> None:
        """Show how each session was opened."""
        self.app.push_screen(Page("Negotiation", all_negotiations(self._trial.course.lanes)))

    def action_packets(self) -> None:
        """Show what went over the sockets."""
        report = self._trial.report
        trace = report.trace if report else ()
        self.app.push_screen(Page("Packets", packet_rows(trace)))

    def action_compare(self) -> None:
        """Compare the last run with an earlier one."""
        compare.ask(self.app, self._runs)

    def action_over(self, name: str) -> None:
        """Open the view of another action of the chain."""
        self.adopt(f"chain.{name}", {})

    def action_command(self) -> None:
        """Show and copy the command that does the same."""
        self.show_command(self.workplace.command_line(self._action, self._arguments))

    def action_page(self, down: int) -> None:
        """Scroll what is under the table."""
        lines = self.query_one("#verdict", Lines)
        (lines.scroll_page_down if down > 0 else lines.scroll_page_up)(animate=False)

    def _tick(self) -> None:
        """Draw what came since; where nothing came, the time at least."""
        if self._news or time.monotonic() - self._drawn > CLOCK:
            self._show()

    def _show(self) -> None:
        if not self.stands:
            return
        trial = self._trial
        self._news, self._drawn = False, time.monotonic()
        if self._clock:
            (self._clock.resume if self._job else self._clock.pause)()
        self.query_one("#heading", Static).update(said(self._heading, "bold"))
        table = self.query_one(ChainTable)
        table.show(
            trial.course,
            awaited=trial.course.awaited if self._job else None,
            decider=trial.report.decided_by if trial.report else None,
        )
        table.display = bool(trial.course.lanes)
        self.moved()
        self.query_one("#verdict", Lines).show(self._rows())
        self.refresh_bindings()

    def _rows(self) -> list[Row]:
        if self._loading:
            return [Row(said(" "), said("reading Postfix's settings …", "dim"))]
        if self._job:
            return self._trial.running_rows(self._job.seconds)
        return self._trial.rows(self._given, looking=self._looking is not None)
