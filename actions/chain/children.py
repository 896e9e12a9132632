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

_REFUSALS: tuple[Verdict, ...] = ("reject", "temporary-failure", "discard", "quarantine")


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
        if child.status == "undecided" and not (child.skipped or _refuses_without(child)):
            told = f"{child.milter.name} behind {child.manager} gave no decision"
            yield f"{told} ({child.because}): mail passes it unfiltered{_unless(child)}"


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
        if asked.status == "undecided" and _refuses_without(asked):
            answer = f"{over} answers for it by its fallback_status"
            yield f"{name} behind {over} gave no decision ({asked.because}): {answer}"
        elif _says_the_same(asked, report):
            yield f"it is {name} behind {over} that answers so"
        elif report.is_delivered and asked.status in _REFUSALS:
            yield f"{name} would refuse this message, and {over} let it pass{_unless(asked)}"
    mine = [child for child in report.children if child.manager == report.decided_by]
    explained = any(_says_the_same(one, report) or one.status == "undecided" for one in mine)
    if mine and report.status in _REFUSALS and not explained:
        over = report.decided_by
        yield (
            f"no milter behind {over} answers so when asked directly: what {over} runs with may "
            "differ from its configuration file"
        )


def _unless(child: ChildResult) -> str:
    if not child.perhaps_skipped:
        return ""
    return f", unless {child.manager} skipped it: {child.perhaps_skipped}"


def _refuses_without(child: ChildResult) -> bool:
    """Return whether the manager lets no mail pass while *child* fails."""
    return child.fallback != "accept"


def _says_the_same(child: ChildResult, report: ChainReport) -> bool:
    """Return whether *child* gave the answer by which its manager decided.

    Replies are compared by their code: a greylist's tells how long it is still to wait.
    """
    by_manager = report.decided_by == child.manager and child.status in _REFUSALS
    same = (child.status, child.reply[:3]) == (report.status, report.reply[:3])
    return by_manager and same
