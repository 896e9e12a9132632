"""`BesideView`: one milter in the foreground, and the same test through it, beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding

from actions.action import ActionError, Exit
from actions.chain.table import headline
from actions.host.endpoint import same_socket
from actions.mailhost.roles.find import find_services
from actions.registry import find
from widgets.chain.verdict import VERDICT_SIGNS
from widgets.debug.again import Suspect, tested
from widgets.debug.output import OutputView
from widgets.debug.run import RunPlan
from widgets.ink import joined, said
from widgets.job import Job

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.content import Content

    from actions.action import Context
    from actions.chain.report import ChainReport
    from actions.host.ports import Host
    from actions.mailhost.service import MailService
    from widgets.debug.live import LiveRun
    from widgets.fault import Fault
    from widgets.workplace import Workplace

RUN = "debug.run"


class SuspectPlan(RunPlan):
    """The foreground run of a milter of the chain, with the test through it.

    Args:
        workplace: the host.
        suspect: the milter, and the test.
    """

    def __init__(self, workplace: Workplace, suspect: Suspect) -> None:
        super().__init__(workplace, find(RUN), {}, self._beside)
        self._suspect = suspect

    def plan(self, ctx: Context) -> object:
        """Find out which service it is, and plan its run."""
        if not self._suspect.unit:
            service, client = _service_at(ctx.host, self._suspect.endpoint)
            state = ctx.host.units.state(service.seen_unit)
            self._suspect = self._suspect._replace(
                unit=service.seen_unit, invocation=state.invocation, client=client
            )
            self._given["service"] = service.name
        return super().plan(ctx)

    def _beside(self, workplace: Workplace, live: LiveRun) -> BesideView:
        return BesideView(workplace, live, self._suspect)


def _service_at(host: Host, endpoint: str) -> tuple[MailService, str]:
    """Return the service that listens on *endpoint*, and the user who asks it there.

    Raises:
        ActionError: it is not known whose it is.
    """
    for service in find_services(host).services:
        for listener in service.listeners:
            if same_socket(listener.spec, endpoint):
                return service, listener.client
    raise ActionError(
        f"no service of this host is known to listen on {endpoint}",
        Exit.UNDECIDED,
        "the debug pane (6) has the services with a debug mode",
    )


class BesideView(OutputView):
    """The output of a milter with the stages of a test between or beside it.

    Args:
        workplace: the host.
        run: the milter's run.
        suspect: the milter, and the test.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "test again", tooltip="send the same message once more"),
    ]
    STAGED = True
    WORDS = (
        *OutputView.WORDS,
        ("● continue", "a stage of the test: what the milter answered, and how long it took"),
    )

    def __init__(self, workplace: Workplace, run: LiveRun, suspect: Suspect) -> None:
        super().__init__(workplace, run)
        self._suspect = suspect
        self._test: Job | None = None
        self._report: ChainReport | None = None
        self._fault: Fault | None = None
        self._tests = 0
        self._answers = False
        """Whether its socket took a connection since it runs so."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something now."""
        if action == "again":
            return self.run.phase == "running" and self._test is None
        return super().check_action(action, parameters)

    def on_unmount(self) -> None:
        """Let go of a test under way."""
        self._cancel()

    def action_again(self) -> None:
        """Send the same message through the chain again."""
        suspect, tape = self._suspect, self.run.tape
        self._report, self._fault = None, None
        self._tests += 1
        self._test = Job(self.workplace.host, lambda ctx: tested(ctx, suspect, tape), self)
        self._test.start()
        self.show_run()

    @on(Job.Ended)
    def test_ended(self, message: Job.Ended) -> None:
        """Show what the test came to."""
        if message.job is self._test:
            self._test, self._fault = None, message.fault
            self._report = cast("ChainReport | None", message.result)
            self.show_run()

    def show_run(self) -> None:
        """Begin the test with the run, and end it with it."""
        if self.run.phase == "running" and not self._tests:
            self.action_again()
        elif self.run.phase not in {"starting", "running"}:
            self._cancel()
        super().show_run()

    def below(self) -> list[Content]:
        """Return how the test stands, too."""
        return [self._test_line(), *super().below()]

    def _tick(self) -> None:
        if self.run.phase == "running" and not self._tests:
            self.show_run()
        super()._tick()

    def _cancel(self) -> None:
        if self._test:
            self._test.cancel()

    def _test_line(self) -> Content:
        asked = said(self._suspect.heading, "dim")
        if self._fault:
            return joined(asked, said(f"  ✗ {self._fault.what}", "bad"))
        if self._report:
            sign, tone = VERDICT_SIGNS[self._report.status]
            return joined(asked, said(f"  {sign} {headline(self._report)}", tone))
        if self._test:
            return joined(asked, said(f"  … {self._test.seconds:.0f} s", "accent"))
        return asked
