"""The body of ``overview.check``: the looks done, and one report made of them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, cast

from actions.finding import Finding, Health
from actions.host.errors import HostError
from actions.overview import acknowledged, memory
from actions.overview.chains import ChainsSeen
from actions.overview.fold import named, told_once
from actions.overview.looks import known_checks, look
from actions.overview.queue import queued
from actions.overview.report import CHAIN, SERVICES, SUBJECTS, LookEnded, OverviewReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from actions.action import Context
    from actions.host.ports import Host
    from actions.mailhost.service import ServiceStatus
    from actions.overview.looks import Check, Seen
    from actions.overview.report import Acknowledgement
    from actions.record import Record


def check_all(ctx: Context, ack: tuple[str, ...], *, since_last: bool) -> OverviewReport:
    """Look at the whole host.

    Each look that ends is told as the `OverviewReport` of what is known by then.

    Raises:
        ActionError: an acknowledgement is none.
        Cancelled: the operator cancelled.
    """
    given = acknowledged.given(ack)
    report = Overview(ctx.host, given).looked(ctx, known_checks())
    return _since_last(ctx.host, report) if since_last else report


class Overview:
    """What is known of one host, look by look; a look that is done again replaces its last.

    Args:
        host: the host.
        given: what is acknowledged besides what its file says.
    """

    def __init__(self, host: Host, given: tuple[Acknowledgement, ...] = ()) -> None:
        self.newest = OverviewReport(())
        """What is known by now, by all looks that go on at the same time."""
        self._host = host
        self._given = given
        self._seen: dict[str, Seen] = {}
        self._left: dict[str, None] = {}
        """The looks under way, of all that go on at the same time."""
        self._lock = threading.Lock()

    def looked(self, ctx: Context, checks: Iterable[Check]) -> OverviewReport:
        """Do *checks* beside each other, and return all that is known then.

        Raises:
            Cancelled: the operator cancelled.
        """
        asked = tuple(checks)
        partial = any(check.given for check in asked)
        with self._lock:
            self._left.update((check.name, None) for check in asked)
        ctx.tell(self._report())

        def take(seen: Seen) -> None:
            with self._lock:
                self._seen[seen.name] = _merged(self._seen.get(seen.name), seen, partial)
                self._left.pop(seen.name, None)
            if self._left:
                ctx.tell(self._report())

        try:
            look(ctx, asked, take)
        finally:
            with self._lock:
                for check in asked:
                    self._left.pop(check.name, None)
        return self._report()

    def latest(self, name: str) -> object | None:
        """Return what the look called *name* told last; None where it told nothing yet."""
        seen = self._seen.get(name)
        return seen.report if seen else None

    def _report(self) -> OverviewReport:
        with self._lock:
            self.newest = self._made()
            return self.newest

    def _made(self) -> OverviewReport:
        under_way, seen_now = tuple(self._left), self._seen
        notes: list[str] = []
        services = _services(seen_now)
        order = [check.name for check in known_checks()]
        looks = sorted(seen_now.values(), key=lambda one: order.index(one.name))
        findings = [finding for seen in looks for finding in _findings(seen)]
        told = told_once(findings, services)
        known = (*_on_file(self._host, notes), *self._given)
        sorted_out = acknowledged.sort_out(told.findings, known, time.strftime("%Y-%m-%d"))
        chains = seen_now.get(CHAIN)
        queue = seen_now.get("queue.list")
        sockets = seen_now.get("sockets.check")
        return OverviewReport(
            sorted_out.counted,
            sorted_out.acknowledged,
            sorted_out.expired,
            () if under_way else sorted_out.unmatched,
            told.folded,
            services,
            chains.report.chains if chains and isinstance(chains.report, ChainsSeen) else (),
            queued(queue.report) if queue and queue.report is not None else None,
            tuple(_proved(sockets.report)) if sockets else (),
            tuple(LookEnded(one.name, one.seconds, one.trouble) for one in looks),
            under_way,
            None,
            tuple(notes),
        )


def _merged(before: Seen | None, now: Seen, partial: bool) -> Seen:  # noqa: FBT001
    """Return *now*; where it looked only at some services, with the others as they were."""
    if not partial or now.name != SERVICES or before is None or before.report is None:
        return now
    if now.report is None:
        return before
    news = {one.service.name: one for one in _services({SERVICES: now})}
    old = _services({SERVICES: before})
    merged = tuple(news.get(one.service.name, one) for one in old)
    report = cast("Record", before.report)
    return before._replace(report=report._replace(services=merged))


def _services(seen: Mapping[str, Seen]) -> tuple[ServiceStatus, ...]:
    """Return the services as ``services.status`` tells them, or none."""
    status = seen.get(SERVICES)
    found = getattr(status.report, "services", ()) if status else ()
    return cast("tuple[ServiceStatus, ...]", found)


def _findings(seen: Seen) -> Iterator[Finding]:
    """Yield what one look found; one that failed is a finding itself."""
    source = seen.name.partition(".")[0]
    if seen.trouble:
        why = f"{seen.trouble}; {seen.next_step}" if seen.next_step else seen.trouble
        what = f"not seen: {SUBJECTS.get(seen.name, seen.name)}"
        where = "Postfix's settings" if seen.name == CHAIN else seen.name
        name = f"overview.{source}"
        yield Finding(Health.UNKNOWN, what, where, why, None, name, seen.needs_root)
    for finding in cast("tuple[Finding, ...]", getattr(seen.report, "findings", ())):
        yield named(source, finding)


def _proved(report: object) -> Iterator[str]:
    """Yield the sockets that were proved by opening them as each of their clients."""
    findings = cast("tuple[Finding, ...]", getattr(report, "findings", ()))
    wrong = {finding.where for finding in findings if finding.health is not Health.OK}
    yield from (finding.where for finding in findings if finding.where not in wrong)


def _on_file(host: Host, notes: list[str]) -> tuple[Acknowledgement, ...]:
    try:
        return acknowledged.on_file(host)
    except acknowledged.BadFile as error:
        notes.append(f"{error}; nothing in it is acknowledged")
        return ()


def _since_last(host: Host, report: OverviewReport) -> OverviewReport:
    """Return *report* with what is another than at the last look, and remember this one."""
    folder, notes = memory.folder_of(host), list(report.notes)
    try:
        before = memory.recalled(folder)
    except memory.BadMemory as error:
        before = None
        notes.append(f"{error}; all that is found counts as new")
    known = [one.finding.name for one in report.acknowledged]
    changes = memory.compared(before, report.findings, known)
    try:
        memory.remember(folder, report.findings, time.time())
    except (OSError, HostError) as error:
        told = getattr(error, "strerror", None) or error
        notes.append(f"this look can't be remembered in {folder}: {told}")
    return report._replace(since_last=changes, notes=tuple(notes))
