"""`ReportView`: any report action, run and shown as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from widgets.fault import Fault, fault_rows
from widgets.footer import KeyLine
from widgets.form import Form
from widgets.ink import from_terminal, joined, said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.page import Over
from widgets.pane import Looked, Open

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from actions.action import Action, Report
    from actions.finding import Finding, Remedy
    from widgets.workplace import Workplace


class ReportView(Over):
    """One report.

    Args:
        workplace: the host.
        action: what is looked at.
        given: its arguments.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run again"),
        Binding("o", "options", "options"),
        Binding("f", "fix", "fix"),
        Binding("y", "command", "copy command"),
    ]

    def __init__(self, workplace: Workplace, action: Action, given: Mapping[str, object]) -> None:
        super().__init__()
        self._workplace = workplace
        self._action = action
        self._given = dict(given)
        self._job: Job | None = None
        self._told: list[str] = []
        self._report: Report | None = None
        self._fault: Fault | None = None
        self._clock: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the title, the text and the keys."""
        title = joined(said(self._action.name, "bold"), said(f"  {self._action.summary}", "dim"))
        yield Static(title, classes="title")
        yield Lines()
        yield KeyLine("help")

    def on_mount(self) -> None:
        """Look at once."""
        self._clock = self.set_interval(0.5, self._show, pause=True)
        self.action_run()

    def on_unmount(self) -> None:
        """Stop looking."""
        if self._job:
            self._job.cancel()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        needs = {
            "run": self._job is None,
            "options": self._job is None and bool(self._action.parameters),
            "fix": self._remedy is not None,
        }
        return needs.get(action, True)

    def action_run(self) -> None:
        """Look again."""
        function, given = self._action.function, dict(self._given)
        self._report, self._fault, self._told = None, None, []
        self._job = Job(self._workplace.host, lambda ctx: function(ctx, **given), self)
        self._job.start()
        self._show()

    def action_options(self) -> None:
        """Set what the action can be told."""
        self.app.push_screen(Form(self._action, self._given), self._chosen)

    def action_fix(self) -> None:
        """Open the plan that would mend the first thing found."""
        if self._remedy:
            self.post_message(Open(self._remedy.action, dict(self._remedy.arguments)))

    def action_command(self) -> None:
        """Copy the command that does the same."""
        self.copy(self._workplace.command_line(self._action, self._given), "command")

    def action_back(self) -> None:
        """Cancel what is under way, or close."""
        if self._job:
            self._job.cancel()
        self.dismiss()

    @on(Job.Told)
    def told(self, message: Job.Told) -> None:
        """Show progress."""
        if message.job is self._job and isinstance(message.event, str):
            self._told.append(message.event)
            self._show()

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Show the report, or what went wrong."""
        if message.job is self._job:
            self._job = None
            self._report, self._fault = cast("Report | None", message.result), message.fault
            self.post_message(Looked())
            self._show()

    def _chosen(self, given: dict[str, object] | None) -> None:
        if given is not None:
            self._given = given
            self.action_run()

    @property
    def _remedy(self) -> Remedy | None:
        findings = cast("tuple[Finding, ...]", getattr(self._report, "findings", ()))
        return next((finding.remedy for finding in findings if finding.remedy), None)

    def _show(self) -> None:
        if not self.stands:
            return
        if self._clock:
            (self._clock.resume if self._job else self._clock.pause)()
        self.query_one(Lines).show(self._rows())
        self.refresh_bindings()

    def _rows(self) -> list[Row]:
        if self._job:
            running = Row(said(" "), said(f"running {self._job.seconds:.0f} s", "accent"))
            return [running, *(Row(said("   "), said(line)) for line in self._told)]
        if self._fault:
            return fault_rows(self._fault)
        if self._report is None:
            return []
        text = self._workplace.rendered(self._report)
        return [_row(line) for line in text.rstrip("\n").split("\n")]


def _row(line: str) -> Row:
    """Return a rendered line; it folds under its own first word."""
    bare = line.lstrip(" ")
    return Row(said(" " * (len(line) - len(bare))), from_terminal(bare))
