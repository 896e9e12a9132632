"""`RunPlan`: the plan of a foreground run; once it is confirmed, what runs is watched over it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from textual import on

from actions.changes.foreground import Foreground
from actions.finding import Health
from actions.outcome import ChangeWrote
from actions.privilege import needs_root
from actions.registry import find
from widgets.debug.live import LiveRun
from widgets.debug.output import OutputView
from widgets.ink import said
from widgets.job import Job
from widgets.lines import Row
from widgets.plan import PlanView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.action import Action, Context
    from actions.mailhost.service import ServiceStatus
    from actions.outcome import PlanReport
    from actions.plan import Plan
    from actions.services.report import ServicesReport
    from widgets.workplace import Workplace


AGAIN = 0.1
"""Seconds between two looks whether it has begun."""


class RunPlan(PlanView):
    """A foreground run, from its plan to the unit that is back.

    Args:
        workplace: the host.
        action: ``debug.run``.
        given: its arguments.
        view: makes what is shown over the plan while it runs.
    """

    CSS_PATH = "../plan.tcss"

    def __init__(
        self,
        workplace: Workplace,
        action: Action,
        given: Mapping[str, object],
        view: Callable[[Workplace, LiveRun], OutputView] = OutputView,
    ) -> None:
        super().__init__(workplace, action, given)
        self._make_view = view
        self._live: LiveRun | None = None
        self._view: OutputView | None = None
        self._starting: Job | None = None
        self._answering: Job | None = None
        self._leaving = False

    @property
    def reason_to_stay(self) -> str:
        """Why the program must not end now."""
        if self.applying is None or self._live is None:
            return super().reason_to_stay
        return f"{self._live.service} is brought back first; the console ends then."

    def wind_up(self) -> None:
        """End the run; the program ends once the unit is back."""
        self._leaving = True
        if self._live:
            self._live.stop()
        self._show_live()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something now."""
        if action == "apply" and self._is_out_of_reach:
            return False
        return super().check_action(action, parameters)

    def carry_out(self, ctx: Context, plan: Plan) -> PlanReport:
        """Apply *plan*; what the service says goes onto the tape, not through the event loop."""
        live = self._live
        assert live is not None

        def tell(event: object) -> None:
            if isinstance(event, ChangeWrote):
                live.tape.say(event.line, event.when)
            else:
                ctx.tell(event)

        run = next((one for one in plan.changes if isinstance(one, Foreground)), None)
        if run is not None:
            before = ctx.host.units.state(run.unit).invocation
            self._starting = Job(ctx.host, lambda its: _await_start(its, run, before), self)
            self._starting.start()
        return super().carry_out(ctx._replace(tell=tell), plan)

    def applied(self) -> None:
        """Tell how it ended, and look whether the service answers again."""
        live, report = self._live, self._report
        if live is None:
            return
        if self._starting:
            self._starting.cancel()
        if report is None or report.status != "applied":
            why = report.because if report else self._fault.what if self._fault else "it failed"
            live.over(why, "✗", failed=True)
        else:
            live.over(f"{live.service} is back")
            live.more = "; ".join(one.detail for one in report.changes if one.detail)
            if self._leaving:
                self.app.call_later(self.app.action_quit)
            else:
                self._ask_whether_it_answers()
        self._show_live()

    @on(Job.Ended)
    def started(self, message: Job.Ended) -> None:
        """Tell that it runs."""
        if self._live and message.job is self._starting and message.result is not None:
            self._live.began(cast("float", message.result))
            self._show_live()

    @on(Job.Ended)
    def answered(self, message: Job.Ended) -> None:
        """Tell whether the service answers again."""
        live = self._live
        if live is None or message.job is not self._answering:
            return
        self._answering = None
        status = cast("ServiceStatus | None", message.result)
        if status is None:
            live.over(f"{live.service} is back; whether it answers is not known", "?")
        elif status.health is Health.OK:
            live.over(f"{live.service} is back, answering")
        elif status.is_off:
            live.over(f"{live.service} is stopped again, as it was before", "–")
        else:
            why = status.reason or status.health.value
            live.over(f"{live.service} is back, but {why}", status.health.sign)
        self._show_live()

    def _apply(self) -> None:
        self._live = LiveRun(str(self._arguments.get("service", "")), self._stop)
        super()._apply()
        self._view = self._make_view(self._workplace, self._live)
        self.app.push_screen(self._view, self._view_closed)

    def _stop(self) -> None:
        if self._job:
            self._job.cancel()

    def _view_closed(self, _: None) -> None:
        """Close with the view over it, unless there is something to be read here."""
        if self._live and self._live.phase == "over":
            self.call_later(self.action_back)

    def _ask_whether_it_answers(self) -> None:
        assert self._live is not None
        name = self._live.service
        self._answering = Job(self._workplace.host, lambda ctx: _status_of(ctx, name), self)
        self._answering.start()

    def _show_live(self) -> None:
        if self._view:
            self._view.show_run()

    def _before_rows(self) -> list[Row]:
        if self._is_out_of_reach and self._something_to_do:
            told = (
                f"You are {self._workplace.user}. A run is watched and ended from here: "
                "start the console as root for it"
            )
            return [Row(said(" ◐ ", "warn"), said(told, "warn"))]
        return super()._before_rows()

    @property
    def _is_out_of_reach(self) -> bool:
        """Whether it would take another process, which could not be ended from here."""
        return self._plan is not None and needs_root(self._workplace.host, self._plan)


def _await_start(ctx: Context, run: Foreground, before: str) -> float:
    """Wait until *run* has taken its unit's place; return how long it may last, in seconds.

    Args:
        ctx: the host.
        run: what is begun in another thread.
        before: the invocation of the unit before it.
    """
    while True:
        ctx.check()
        state = ctx.host.units.state(run.unit)
        if state.activity == "active" and (state.invocation != before or not before):
            return run.seconds
        time.sleep(AGAIN)


def _status_of(ctx: Context, name: str) -> ServiceStatus | None:
    """Return how the service called *name* is; None where it is not known."""
    report = cast("ServicesReport", find("services.status").function(ctx, service=(name,)))
    return next((one for one in report.services if one.service.name == name), None)
