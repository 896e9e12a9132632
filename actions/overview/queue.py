"""The queue as the overview shows it, out of what ``queue.list`` reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from actions.overview.report import Queued

if TYPE_CHECKING:
    from collections.abc import Sequence


class _State(Protocol):
    """How much is in one of Postfix's queues."""

    state: str
    messages: int | None
    oldest: int | None


class _Reason(Protocol):
    """Mail that waits for one reason."""

    reason: str


class _Queue(Protocol):
    """What ``queue.list`` reports, as far as it is shown."""

    states: Sequence[_State]
    oldest: int | None
    reasons: Sequence[_Reason]


def queued(report: object) -> Queued:
    """Return what is shown of the *report* of ``queue.list``."""
    queue = cast("_Queue", report)
    return Queued(
        tuple((one.state, one.messages) for one in queue.states if one.messages),
        tuple(one.state for one in queue.states if one.messages is None),
        queue.oldest,
        queue.reasons[0].reason if queue.reasons else "",
    )
