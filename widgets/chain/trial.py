"""One test of the chain, from before it runs to what came of it, and how each is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.samples import SAMPLES
from widgets.chain.course import Course
from widgets.chain.verdict import child_rows, edit_rows, finding_rows, note_rows, verdict_rows
from widgets.fault import fault_rows
from widgets.ink import said
from widgets.lines import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions.chain.report import ChainReport
    from actions.finding import Remedy
    from actions.mailhost.managed import Manager
    from actions.milter.link import Link
    from actions.sockets.report import SocketsReport
    from widgets.fault import Fault


class Trial:
    """One test.

    Args:
        links: the milters that are asked.
        managers: those of them that are milter-managers.
    """

    def __init__(self, links: Sequence[Link], managers: Sequence[Manager] = ()) -> None:
        self.course = Course(links, managers)
        self.report: ChainReport | None = None
        self.sockets: SocketsReport | None = None
        """Why sockets could not be opened, where that was looked at."""
        self.fault: Fault | None = None
        self.cancelled = ""
        """What it waited for when the operator gave it up; empty where he did not."""

    @property
    def closed(self) -> tuple[str, ...]:
        """The endpoints of the chain that could not be opened."""
        return tuple(
            lane.endpoint
            for lane in self.course.chain
            if lane.opened and lane.opened.trouble and lane.opened.trouble.kind == "connection"
        )

    @property
    def remedy(self) -> Remedy | None:
        """What would mend the first socket that can be mended."""
        findings = self.sockets.findings if self.sockets else ()
        return next((finding.remedy for finding in findings if finding.remedy), None)

    def rows(self, given: Mapping[str, object], *, looking: bool) -> list[Row]:
        """Return what came of it, or what would be done.

        Args:
            given: the arguments of the test.
            looking: whether it is being looked why a socket can't be opened.
        """
        if self.fault:
            return [*fault_rows(self.fault), *self._otherwise()]
        if self.report:
            return self._result(self.report, looking=looking)
        if self.cancelled:
            told = f"Cancelled while waiting for {self.cancelled}; nothing was decided"
            return [Row(said(" ? ", "warn"), said(told, "warn")), *edit_rows(self.course)]
        return self._before(given) if self.course.lanes else self._otherwise()

    def running_rows(self, seconds: float) -> list[Row]:
        """Return how far it is."""
        awaited = self.course.awaited
        told = f"running {seconds:.0f} s" + (f" · waiting for {awaited.name}" if awaited else "")
        return [Row(said(" "), said(told, "accent")), *edit_rows(self.course)]

    def _result(self, report: ChainReport, *, looking: bool) -> list[Row]:
        rows = list(verdict_rows(report, cause=self.sockets is None))
        if looking:
            rows.append(Row(said("   "), said("looking why …", "dim")))
        elif self.sockets:
            rows += finding_rows(self.sockets.findings)
        return [
            *rows,
            *child_rows(report),
            *edit_rows(self.course),
            Row(),
            *note_rows(report),
        ]

    def _before(self, given: Mapping[str, object]) -> list[Row]:
        sample = SAMPLES[str(given.get("sample", "clean"))]
        told = "r sends the message as Postfix would; nothing is delivered."
        rows = [Row(said(" "), said(told))]
        if sample.warning and not given.get("message"):
            rows.append(Row(said(" ◐ ", "warn"), said(f"{sample.name}: {sample.warning}")))
        width = max(len(lane.title) for lane in self.course.lanes)
        rows.append(Row())
        rows += [
            Row(said(f" {lane.title:{width}}  "), said(lane.endpoint, "dim"))
            for lane in self.course.lanes
        ]
        return rows

    def _otherwise(self) -> list[Row]:
        """Return what can be done where there is nothing to ask."""
        if self.course.lanes:
            return []
        told = "Postfix on this host uses no milter (smtpd_milters is empty)."
        rows = [] if self.fault else [Row(said(" "), said(told))]
        return [*rows, Row(), Row(said(" m ", "key"), said("type a milter's socket to test it"))]
