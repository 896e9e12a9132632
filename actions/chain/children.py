"""The milters behind a milter-manager, each asked directly: its log does not say who decided."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.chain.report import ChildResult
from actions.chain.request import chosen_timeouts
from actions.chain.run import test_chain
from actions.finding import Health
from actions.mailhost.conditions import may_skip, skip_reason
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.action import Context
    from actions.chain.report import ChainReport, Verdict
    from actions.chain.request import Limits, TestRequest
    from actions.mailhost.managed import Child, Manager
    from actions.milter.link import DefaultAction

_REFUSALS: tuple[Verdict, ...] = ("reject", "temporary-failure", "discard", "quarantine")


_BY_FALLBACK: dict[DefaultAction, Verdict] = {
    "tempfail": "temporary-failure",
    "reject": "reject",
    "quarantine": "quarantine",
}
"""What a message comes to by a fallback_status that does not let it pass."""


class AskingChild(Record):
    """Told before a child's own events: from here on they are that child's."""

    manager: str
    name: str
    endpoint: str


def with_children(
    ctx: Context,
    report: ChainReport,
    managers: Sequence[Manager],
    request: TestRequest,
    limits: Limits,
) -> ChainReport:
    """Send the same mail to each enabled child, one by one; add what each did to *report*.

    Every child gets the message as the client sent it. They have the time together that the
    chain had.

    Raises:
        Cancelled: the operator cancelled; all sockets are closed.
    """
    until = time.monotonic() + request.deadline
    children = tuple(
        _ask(ctx, manager, child, request._replace(deadline=until - time.monotonic()), limits)
        for manager in managers
        for child in manager.children
        if child.enabled
    )
    asked = report._replace(children=children)
    notes = (*report.notes, *_notes(asked, managers))
    return asked._replace(doubts=tuple(_doubts(asked, managers)), notes=notes)


def _ask(
    ctx: Context, manager: Manager, child: Child, request: TestRequest, limits: Limits
) -> ChildResult:
    link = child.link._replace(timeouts=chosen_timeouts(limits, child.link.timeouts))
    ctx.tell(AskingChild(manager.milter, link.name, link.endpoint.spec))
    report = test_chain(ctx, (link,), request._replace(configured=False))
    return ChildResult(
        manager.milter,
        child.conditions,
        skip_reason(child.conditions, request.client),
        may_skip(child.conditions, request.client),
        report.status,
        report.decided_at,
        report.reply,
        report.because,
        report.recipients,
        report.milters[0],
        child.link.default_action,
    )


def _doubts(report: ChainReport, managers: Sequence[Manager]) -> Iterator[str]:
    """Yield why mail that passes may have passed unfiltered."""
    for manager in managers:
        for finding in manager.findings:
            if finding.health is Health.DOWN:
                yield f"{finding.what}: {finding.why}"
    for child in report.children:
        if child.status != "undecided" or child.skipped:
            continue
        told = f"{child.milter.name} behind {child.manager} gave no decision ({child.because})"
        if child.fallback == "accept":
            yield f"{told}: mail passes it unfiltered{_unless(child)}"
        elif report.is_delivered:
            yield f"{told}, and {child.manager} let the mail pass, against its fallback_status"


def _notes(report: ChainReport, managers: Sequence[Manager]) -> Iterator[str]:
    """Yield what else the children's answers show of their manager."""
    for manager in managers:
        for finding in manager.findings:
            if finding.health is not Health.DOWN:
                yield f"{finding.what}: {finding.why}"
        for child in manager.children:
            if not child.enabled:
                yield f"{child.link.name} is disabled in {manager.milter}'s configuration"
    for asked in report.children:
        name, over = asked.milter.name, asked.manager
        if asked.skipped:
            continue
        if _answered_for(asked, report):
            answer = f"{over} answers for it by its fallback_status"
            yield f"{name} behind {over} gave no decision ({asked.because}): {answer}"
        elif _says_the_same(asked, report):
            yield f"it is {name} behind {over} that answers so"
        elif report.is_delivered and asked.status in _REFUSALS:
            yield f"{name} would refuse this message, and {over} let it pass{_unless(asked)}"
    yield from _unexplained(report, managers)


def _unexplained(report: ChainReport, managers: Sequence[Manager]) -> Iterator[str]:
    """Say where a manager decided, and none of its milters does when asked directly."""
    over = report.decided_by
    known = any(manager.milter == over and not manager.trouble for manager in managers)
    explained = any(
        _says_the_same(child, report) or _answered_for(child, report)
        for child in report.children
        if not child.skipped
    )
    if known and report.status in _REFUSALS and not explained:
        yield (
            f"no milter that {over} asks answers so directly: what {over} runs with may "
            "differ from its configuration file"
        )


def _unless(child: ChildResult) -> str:
    if not child.perhaps_skipped:
        return ""
    return f", unless {child.manager} skipped it: {child.perhaps_skipped}"


def _answered_for(child: ChildResult, report: ChainReport) -> bool:
    """Return whether the manager decided by what is to hold where *child* fails."""
    answers = report.decided_by == child.manager and child.status == "undecided"
    return answers and report.status == _BY_FALLBACK.get(child.fallback)


def _says_the_same(child: ChildResult, report: ChainReport) -> bool:
    """Return whether *child* gave the answer by which its manager decided.

    Replies are compared by their code: a greylist's tells how long it is still to wait.
    """
    by_manager = report.decided_by == child.manager and child.status in _REFUSALS
    same = (child.status, child.reply[:3]) == (report.status, report.reply[:3])
    return by_manager and same
