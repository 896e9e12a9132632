"""The pane itself: the shared look at the host, drawn; and what its keys open."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding

from actions.overview.report import OverviewReport
from widgets.look import WHOLE
from widgets.overview.explain import all_rows, finding_rows
from widgets.overview.sight import Sight
from widgets.page import Page
from widgets.pane import Open, Pane, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType
    from textual.widget import Widget

    from actions.finding import Finding
    from widgets.header import Outlook
    from widgets.lines import Row

WORDS = (
    ("MUA", "mail user agent: the program people read and write mail with"),
    ("▶ 25, 587", "the ports by which mail comes in; local is what programs here hand in"),
    ("─┬─", "who asks whom, in this order"),
    ("· name", "not looked at yet"),
    ("– name", "off on purpose: nothing here needs it"),
    ("also here", "services that mail does not pass through"),
    ("acknowledged", "shown, but not counted until a day"),
)

ACK_DAYS = 7
"""For how many days a finding is acknowledged unless another day is given."""


class OverviewPane(Pane):
    """See how mail flows through this host, what is wrong, and what mends it."""

    AUTO_FOCUS = "Sight"
    CSS_PATH = "overview.tcss"
    DIGIT = "1"
    WORDS = WORDS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "explain", "explain", tooltip="why, where, and what the looks saw"),
        Binding("f", "fix", "fix", tooltip="open the plan that mends the finding"),
        Binding("t", "test", "test the chain", tooltip="send a test message through the milters"),
        Binding("a", "acknowledge", "acknowledge", tooltip="count the finding no more until a day"),
        Binding("r", "look", "look again", tooltip="look at everything again"),
    ]

    def body(self) -> tuple[Widget, ...]:
        """Return the picture with the findings."""
        return (Sight(),)

    def on_screen_resume(self) -> None:
        """Look while somebody sees it."""
        super().on_screen_resume()
        self.frame.host_look.watch(self, watched=True)

    def on_screen_suspend(self) -> None:
        """Look no more: another view is in front."""
        self.frame.host_look.watch(self, watched=False)

    def show_outlook(self, outlook: Outlook) -> None:
        """Show how the host is, at the top and in the picture."""
        super().show_outlook(outlook)
        if self.stands:
            self.query_one(Sight).put(self._report)
            self.refresh_bindings()

    def adopt(self, action: str, given: Mapping[str, object]) -> bool:
        """Take over the look that this pane shows."""
        if action != "overview.check" or given:
            return False
        self.action_look()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        current = self._current
        needs = {
            "explain": current is not None or bool(self._report.looks),
            "fix": current is not None and current.remedy is not None,
            "acknowledge": current is not None,
            "look": not self.frame.host_look.is_under_way,
        }
        return needs.get(action, True)

    def action_explain(self) -> None:
        """Show all that is known of the finding, or of the host where nothing is wrong."""
        current = self._current
        if current is None:
            self.app.push_screen(Page("What was looked at", [*all_rows(self._report)]))
        else:
            rows = [*finding_rows(current, self._report)]
            self.app.push_screen(Explained(current, rows))

    def action_fix(self) -> None:
        """Open the plan that would mend the finding."""
        if self._current:
            fix(self, self._current)

    def action_test(self) -> None:
        """Go to the chain, and test it."""
        self.post_message(Turn("chain"))

    def action_acknowledge(self) -> None:
        """Ask until when the finding is not to be counted, and why."""
        if self._current:
            until = dt.date.today() + dt.timedelta(days=ACK_DAYS)
            given = {"name": self._current.name, "until": until.isoformat()}
            self.post_message(Open("overview.ack", given))

    def action_look(self) -> None:
        """Look at everything again."""
        self.frame.host_look.begin(WHOLE)

    @on(Sight.Moved)
    def moved(self) -> None:
        """Offer what can be done with the finding under the cursor."""
        self.refresh_bindings()

    @property
    def _report(self) -> OverviewReport:
        return self.frame.host_look.report or OverviewReport(())

    @property
    def _current(self) -> Finding | None:
        return self.query_one(Sight).current if self.stands else None


class Explained(Page):
    """A finding on a page of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fix", "fix"),
        Binding("w", "walk", "walk the path"),
    ]

    def __init__(self, finding: Finding, rows: list[Row]) -> None:
        super().__init__(finding.name, rows)
        self._finding = finding

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer to mend it where something does, and its path where it has one."""
        needs = {"fix": self._finding.remedy is not None, "walk": bool(self._edge)}
        return needs.get(action, True)

    def action_fix(self) -> None:
        """Open the plan in place of this page."""
        self.dismiss()
        fix(self, self._finding)

    def action_walk(self) -> None:
        """Open the edge in the sockets pane, in place of this page."""
        self.dismiss()
        self.app.post_message(Open("sockets.check", {"edge": (self._edge,)}))

    @property
    def _edge(self) -> str:
        """The edge that it is about; empty where it is about something else."""
        capability, _, name = self._finding.name.partition(".")
        return name if capability == "sockets" else ""


def fix(view: Widget, finding: Finding) -> None:
    """Ask for the plan that mends *finding*."""
    if finding.remedy:
        view.app.post_message(Open(finding.remedy.action, dict(finding.remedy.arguments)))
