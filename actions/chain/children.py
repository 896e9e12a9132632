"""The milters behind a milter-manager, each asked directly: its log does not say who decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.report import ChildResult
from actions.chain.request import chosen_timeouts
from actions.chain.run import test_chain
from actions.mailhost.conditions import skip_reason
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.action import Context
    from actions.chain.report import ChainReport, Verdict
    from actions.chain.request import Limits, TestRequest
    from actions.mailhost.discovery import Child, Manager

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

    Every child gets the message as the client sent it.

    Raises:
        Cancelled: the operator cancelled; all sockets are closed.
    """
    children = tuple(
        _ask(ctx, manager, child, request, limits)
        for manager in managers
        for child in manager.children
        if child.enabled
    )
    asked = report._replace(children=children)
    return asked._replace(notes=(*report.notes, *_notes(asked, managers)))


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
        report.status,
        report.decided_at,
        report.reply,
        report.because,
        report.recipients,
        report.milters[0],
    )


def _notes(report: ChainReport, managers: Sequence[Manager]) -> Iterator[str]:
    """Yield what the children's answers show of their manager."""
    for manager in managers:
        if manager.trouble:
            yield f"the milters behind {manager.milter} are not known: {manager.trouble}"
        for child in manager.children:
            if not child.enabled:
                yield f"{child.link.name} is disabled in {manager.milter}'s configuration"
    passed = report.status in {"pass", "accept"}
    for asked in report.children:
        name, over = asked.milter.name, asked.manager
        if asked.skipped:
            continue
        if asked.status == "undecided":
            yield f"{name} behind {over} gave no decision: mail passes it unfiltered"
        elif _says_the_same(asked, report):
            yield f"it is {name} behind {over} that answers so"
        elif passed and asked.status in _REFUSALS:
            yield f"{name} would refuse this message, and {over} let it pass"


def _says_the_same(child: ChildResult, report: ChainReport) -> bool:
    """Return whether *child* gave the answer by which its manager decided."""
    by_manager = report.decided_by == child.manager and child.status in _REFUSALS
    return by_manager and (child.status, child.reply) == (report.status, report.reply)
