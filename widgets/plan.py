"""`PlanView`: the one view in which every change is shown, confirmed, applied and proved."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import on
from textual.binding import Binding
from textual.widgets import Input

from actions.journal.status import LEAVE, UNDO, nothing_to_do
from actions.outcome import is_undoable
from actions.plan import digest
from actions.privilege import needs_root
from widgets.changes import Progress, change_rows, command_rows, head_rows, under_way
from widgets.fault import Fault, fault_rows
from widgets.footer import KeyLine
from widgets.form import Form
from widgets.given import from_pairs
from widgets.header import HostLine
from widgets.ink import from_terminal, said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.page import Over, Page
from widgets.pane import Changed, Open

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from actions.action import Action, Context
    from actions.outcome import PlanReport
    from actions.plan import Plan
    from widgets.workplace import Workplace

Phase = Literal["planning", "shown", "confirming", "applying", "over", "failed"]

WORD = "apply for good"
"""What is typed before something is done that nothing can undo."""


class PlanView(Over):
    """One plan, from its making to its proof.

    Args:
        workplace: the host.
        action: what makes the plan.
        given: its arguments.
    """

    CSS_PATH = "plan.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "apply", tooltip="do it; nothing was changed before"),
        Binding("u", "undo", "undo", tooltip="open the plan that takes it back"),
        Binding("d", "commands", "as commands", tooltip="the same as shell commands, to copy"),
        Binding("o", "options", "options", tooltip="plan with other arguments"),
        Binding("r", "plan", "plan again", tooltip="look again what would have to change"),
    ]

    def __init__(self, workplace: Workplace, action: Action, given: Mapping[str, object]) -> None:
        super().__init__()
        self._workplace = workplace
        self._action = action
        self._given = dict(given)
        self._phase: Phase = "planning"
        self._job: Job | None = None
        self._plan: Plan | None = None
        self._progress: Progress | None = None
        self._report: PlanReport | None = None
        self._as_root: str | None = None
        self._fault: Fault | None = None
        self._clock: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the plan, the place for the typed confirmation, and the keys."""
        place = self._workplace
        kind = "lab" if place.host.kind == "lab" else ""
        yield HostLine(place.host.name, kind, place.user, read_only=place.read_only)
        yield Lines()
        yield Input(id="confirmation", placeholder=WORD, compact=True)
        yield KeyLine("help")

    def on_mount(self) -> None:
        """Plan at once."""
        self.query_one(Input).cursor_blink = False
        self._clock = self.set_interval(0.5, self._show, pause=True)
        self.action_plan()

    def on_unmount(self) -> None:
        """Stop planning; applying can't be left."""
        if self._job and self._phase == "planning":
            self._job.cancel()

    @property
    def reason_to_stay(self) -> str:
        """Why the program must not end now."""
        if self._phase != "applying":
            return ""
        return "A plan is being applied. Esc stops it and takes back what was done."

    @property
    def applying(self) -> Job | None:
        """The run that must not be killed half-way."""
        return self._job if self._phase == "applying" else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        shown = self._phase == "shown"
        needs = {
            "apply": shown and self._something_to_do and not self._workplace.read_only,
            "undo": bool(self._undoable),
            "commands": bool(self._plan and self._plan.changes) and self._phase != "confirming",
            "options": self._phase in {"shown", "failed"} and bool(self._action.parameters),
            "plan": self._phase == "failed",
        }
        return needs.get(action, True)

    def action_plan(self) -> None:
        """Find out what would have to change; nothing changes by that."""
        self._plan, self._fault, self._phase = None, None, "planning"
        self._start(self.plan)

    def plan(self, ctx: Context) -> object:
        """Make the plan; called in a thread of its own."""
        return self._action.function(ctx, **self._arguments)

    def action_apply(self) -> None:
        """Apply the plan, or ask for the word where something can't be undone."""
        assert self._plan is not None
        if any(change.undo == "none" for change in self._plan.changes):
            self._phase = "confirming"
            self.query_one(Input).focus()
            self._show()
        else:
            self._apply()

    def action_commands(self) -> None:
        """Show and copy the changes as commands."""
        if self._plan:
            self.app.push_screen(Page("The same from a shell", command_rows(self._plan)))

    def action_options(self) -> None:
        """Plan with other arguments."""
        self.app.push_screen(Form(self._action, self._given), self._chosen)

    def action_undo(self) -> None:
        """Open the plan that takes this one back."""
        self.post_message(Open(UNDO, {"entry": self._undoable}))

    def action_back(self) -> None:
        """Cancel what is under way, or close."""
        if self._phase == "confirming":
            self._phase = "shown"
            self.query_one(Lines).focus()
            self._show()
        elif self._phase == "applying" and self._job:
            self._job.cancel()
            self.notify("It stops after the change under way and takes back what was done.")
        else:
            self.dismiss()

    @on(Input.Submitted)
    def confirmed(self, event: Input.Submitted) -> None:
        """Apply the plan where the word is right."""
        if event.value.strip() == WORD:
            self._apply()
        else:
            self.notify(f"Nothing was changed: type {WORD}, or Esc.", severity="warning")

    @on(Job.Told)
    def told(self, message: Job.Told) -> None:
        """Show how far it is."""
        if message.job is self._job and self._progress:
            self._progress.take(message.event)
            self._show()

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take the plan, or what became of it."""
        if message.job is not self._job:
            return
        self._job = None
        was_applying = self._phase == "applying"
        if message.fault or message.result is None:
            self._fault = message.fault or Fault("cancelled; nothing was changed")
            self._phase = "failed"
        elif self._phase == "planning":
            self._plan = cast("Plan", message.result)
            self._progress, self._phase = Progress(self._plan), "shown"
        else:
            self._take_outcome(message.result)
        self._show()
        if was_applying:
            self.applied()

    def _take_outcome(self, result: object) -> None:
        self._phase = "over"
        if isinstance(result, str):
            self._as_root = result
        else:
            self._report = cast("PlanReport", result)
            if self._progress:
                self._progress.settle(self._report)
        self.post_message(Changed())

    def _apply(self) -> None:
        plan = self._plan
        assert plan is not None
        self._phase = "applying"
        self.query_one(Lines).focus()
        if needs_root(self._workplace.host, plan):
            argv = [*self._workplace.as_root(self._action, self._arguments)]
            self._start(lambda _: _run_as_root([*argv, "--confirm-digest", digest(plan), "--yes"]))
            return
        self._start(lambda ctx: self.carry_out(ctx, plan))

    def carry_out(self, ctx: Context, plan: Plan) -> PlanReport:
        """Apply *plan*, which was confirmed; called in a thread of its own."""
        from actions.runner import run_plan

        return run_plan(ctx, plan, confirmed_digest=digest(plan))

    def applied(self) -> None:
        """Take note that the plan is no longer being applied, whatever came of it."""

    def _start(self, work: object) -> None:
        self._job = Job(self._workplace.host, work, self)  # type: ignore[arg-type]
        self._job.start()
        self._show()

    def _chosen(self, given: dict[str, object] | None) -> None:
        if given is not None:
            self._given = given
            self.action_plan()

    @property
    def _arguments(self) -> dict[str, object]:
        return from_pairs(self._action, self._given.items())

    @property
    def _something_to_do(self) -> bool:
        return self._plan is not None and not nothing_to_do(self._plan)

    @property
    def _undoable(self) -> str:
        """The entry that can be undone; empty where there is none."""
        report = self._report
        if report is None or report.status != "applied" or report.action in {UNDO, LEAVE}:
            return ""
        return report.entry if is_undoable(report) else ""

    def _show(self) -> None:
        if not self.stands:
            return
        if self._clock:
            (self._clock.resume if self._job else self._clock.pause)()
        self.query_one(Input).display = self._phase == "confirming"
        rows = self._rows()
        lines = self.query_one(Lines)
        lines.show(rows)
        if self._phase == "applying":
            lines.reveal(under_way(rows))
        elif self._phase in {"over", "confirming", "failed"}:
            lines.reveal(-1)
        self.refresh_bindings()

    def _rows(self) -> list[Row]:
        rows: list[Row] = []
        if self._plan and self._progress:
            rows += [*head_rows(self._plan), *change_rows(self._plan, self._progress), Row()]
        return [*rows, *self._state_rows()]

    def _state_rows(self) -> list[Row]:
        match self._phase:
            case "planning":
                return [Row(said(" "), said("looking what would have to change …", "accent"))]
            case "shown":
                return self._before_rows()
            case "confirming":
                told = f"Some of it can't be undone. Type {WORD} and press Enter."
                return [Row(said(" ◐ ", "warn"), said(told, "warn"))]
            case "applying":
                return self._running_rows()
            case "failed":
                return fault_rows(self._fault) if self._fault else []
            case "over":
                return self._outcome_rows()

    def _before_rows(self) -> list[Row]:
        plan = self._plan
        if plan is None or not self._something_to_do:
            return [Row(said(" ● ", "good"), said("There is nothing to do."))]
        if self._workplace.read_only:
            told = "Read-only: shown, not applied. Start without --read-only to apply it."
            return [Row(said(" ◐ ", "warn"), said(told, "warn"))]
        if needs_root(self._workplace.host, plan):
            argv = shlex.join(self._workplace.as_root(self._action, self._arguments))
            told = f"You are {self._workplace.user}. Enter does it as root by: {argv}"
            return [Row(said(" "), said(told))]
        return []

    def _running_rows(self) -> list[Row]:
        assert self._progress is not None
        if self._progress.back:
            return [Row(said(" ◐ ", "warn"), said(f"rolling back: {self._progress.back}", "warn"))]
        if self._plan and needs_root(self._workplace.host, self._plan):
            # sudo runs as root, and takes no signal from this user.
            return [Row(said(" "), said("under way as root; it can't be stopped from here"))]
        if self._job and self._job.cancelled:
            return [Row(said(" ◐ ", "warn"), said("stopping after the change under way", "warn"))]
        return [Row(said(" "), said("under way; Esc stops it and takes back what was done"))]

    def _outcome_rows(self) -> list[Row]:
        if self._as_root is not None:
            return [Row(said(" "), from_terminal(line)) for line in self._as_root.splitlines()]
        report = self._report
        assert report is not None
        rows = [_ending(report)]
        rows += [Row(said("   "), said(f"left as it is: {left}")) for left in report.left]
        if report.next_step:
            rows.append(Row(said("   "), said(report.next_step)))
        if report.entry:
            rows.append(Row(said("   "), said(f"journal entry {report.entry}", "dim")))
        return rows


def _ending(report: PlanReport) -> Row:
    if report.status == "applied":
        proved = report.proof is not None and report.proof.status == "proved"
        return Row(said(" ● ", "good"), said("Applied and proved" if proved else "Applied", "good"))
    word = "Rolled back" if report.status == "rolled back" else "Stuck half-way"
    sign = " ◐ " if report.status == "rolled back" else " ✗ "
    tone = "warn" if report.status == "rolled back" else "bad"
    return Row(said(sign, tone), said(f"{word}: {report.because}", tone))  # type: ignore[arg-type]


def _run_as_root(argv: list[str]) -> str:
    """Run the action's own command as root and return what it says.

    Raises:
        OSError: there is no such program.
        Fault: it ended with an error, which is told as the command told it.
    """
    import subprocess

    done = subprocess.run(  # noqa: S603 - an argument list, the operator's own
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    from actions.action import ActionError, Exit

    told = (done.stderr or done.stdout).strip() or f"it ended with {done.returncode}"
    next_step = "run sudo -v in another terminal first, or the console as root"
    raise ActionError(told, Exit.NOT_PERMITTED, next_step if told.startswith("sudo:") else "")
