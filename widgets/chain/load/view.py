"""`LoadView`: many sessions through the milters of the pane, with live percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from actions.chain.load.report import LoadProgress
from actions.host.endpoint import BadEndpoint
from actions.registry import find
from widgets.chain import target
from widgets.chain.load.meter import Meter
from widgets.chain.load.rows import ending_rows, progress_rows, result_rows
from widgets.fault import fault_rows
from widgets.footer import KeyLine
from widgets.form import Form
from widgets.ink import joined, said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.page import Over
from widgets.pane import Looked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from actions.action import Action
    from actions.chain.load.report import LoadReport
    from widgets.fault import Fault
    from widgets.workplace import Workplace

ACTION = "chain.load"

WITHOUT = (
    *("milter", "chain", "as_user", "header", "body", "sender", "recipient"),
    *("all_timeouts", "deadline"),
)
"""Arguments that are taken over from the pane, and not asked for again."""

WARNING = (
    "Real milters remember what they see: greylists, Bayes databases and statistics will hold "
    "these messages too, and other mail waits meanwhile."
)


class LoadView(Over):
    """One load, from what is asked to what was measured.

    Args:
        workplace: the host.
        given: the arguments of ``chain.test``; those that a load takes too hold for it.
        own: the milters of this host.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", tooltip="stop; what was measured is kept"),
        Binding("escape", "back", "back"),
        Binding("r", "run", "run", tooltip="play the sessions once more"),
        Binding("o", "options", "options", tooltip="how many sessions, how many at once, sizes"),
        Binding("y", "command", "command", tooltip="show and copy the same as a shell command"),
    ]
    WORDS = (
        ("session", "one SMTP session through the milters: by default, with one message"),
        ("p50, p90, p99", "that share of them, in percent, took no longer"),
        ("negotiate", "connecting to the milter, and opening the session with it"),
        ("undecided", "a milter gave no answer; the errors say why"),
    )

    def __init__(
        self, workplace: Workplace, given: Mapping[str, object], own: target.OwnMilters
    ) -> None:
        super().__init__()
        self._workplace = workplace
        self._given = _taken_over(find(ACTION), given)
        self._own = own
        self._job: Job | None = None
        self._progress: LoadProgress | None = None
        self._meter = Meter()
        self._report: LoadReport | None = None
        self._fault: Fault | None = None
        self._asked = False

    def compose(self) -> ComposeResult:
        """Lay out what is asked, and what came of it."""
        yield Static(id="asked", classes="title")
        yield Lines()
        yield KeyLine("help")

    def on_mount(self) -> None:
        """Ask how much is wanted; nothing runs before."""
        self.action_options()
        self._show()

    def on_unmount(self) -> None:
        """Let go of what is under way."""
        if self._job:
            self._job.cancel()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        idle = self._job is None
        needs = {
            "cancel": self._job is not None and not self._job.cancelled,
            "run": idle and self._asked,
            "options": idle,
        }
        return needs.get(action, True)

    def action_options(self) -> None:
        """Ask how much is wanted."""
        form = Form(self._action, self._given, WITHOUT, note=WARNING)
        self.app.push_screen(form, self._options_chosen)

    def action_run(self) -> None:
        """Play the sessions."""
        function, given = self._action.function, dict(self._given)
        self._progress, self._report, self._fault = None, None, None
        self._meter = Meter()
        self._job = Job(self._workplace.host, lambda ctx: function(ctx, **given), self)
        self._job.start()
        self._show()

    def action_cancel(self) -> None:
        """Cancel what is under way and keep what was measured."""
        if self._job:
            self._job.cancel()
            self._show()

    def action_command(self) -> None:
        """Show and copy the command that does the same."""
        self.show_command(self._workplace.command_line(self._action, self._given))

    @on(Job.Told)
    def told(self, message: Job.Told) -> None:
        """Show how far it is."""
        if message.job is self._job and isinstance(message.event, LoadProgress):
            self._progress = message.event
            self._meter.look(message.event.done, message.event.seconds)
            self._show()

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Show what was measured."""
        if message.job is self._job:
            self._job, self._fault = None, message.fault
            self._report = cast("LoadReport | None", message.result)
            self.post_message(Looked())
            self._show()

    def _options_chosen(self, given: dict[str, object] | None) -> None:
        if given is not None:
            self._given, self._asked = given, True
            self.action_run()
        elif not self._asked:
            self.call_later(self.action_back)

    @property
    def _action(self) -> Action:
        return find(ACTION)

    def _show(self) -> None:
        if not self.stands:
            return
        self.query_one("#asked", Static).update(self._heading())
        self.query_one(Lines).show(self._rows())
        self.refresh_bindings()

    def _heading(self) -> Content:
        given = self._given
        try:
            asked = target.asked(self._own, given)
        except BadEndpoint as error:
            asked = str(error)
        at_once = f"{given.get('parallel', self._default('parallel'))} at once"
        told = " · ".join((asked, target.what(given), target.who(given), at_once))
        return joined(said("Load", "bold"), said(f"  {told}"))

    def _default(self, name: str) -> object:
        return next(one.default for one in self._action.parameters if one.name == name)

    def _rows(self) -> list[Row]:
        if self._fault:
            return fault_rows(self._fault)
        if self._report:
            report = self._report
            notes = (Row(said("   "), said(note, "dim")) for note in report.notes)
            rows = [*ending_rows(report, self._meter), *result_rows(report, report.errors)]
            return [*rows, Row(), *notes]
        if self._job:
            return self._running_rows(self._job)
        told = "Cancelled before it began" if self._asked else ""
        return [Row(said(" ? " if told else "", "warn"), said(told, "warn"))]

    def _running_rows(self, job: Job) -> list[Row]:
        duration = cast("float | None", self._given.get("duration"))
        width = self.app.size.width
        rows = list(progress_rows(self._progress, self._meter, duration, width=width))
        if job.cancelled:
            rows.append(Row(said(" ◐ ", "warn"), said("stopping …", "warn")))
        if self._progress:
            rows += result_rows(self._progress, self._progress.failures)
        return rows


def _taken_over(action: Action, given: Mapping[str, object]) -> dict[str, object]:
    """Return those of *given* that *action* takes too, with a value that it takes."""
    taken: dict[str, object] = {}
    for parameter in action.parameters:
        choices = parameter.option.choices
        value = given.get(parameter.name)
        if parameter.name in given and (not choices or value in choices):
            taken[parameter.name] = value
    return taken
