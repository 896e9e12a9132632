"""Where messages are now; what proves that a plan for them was carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.queue.listing import read
from actions.queue.report import Place, WhereReport

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.queue import Queued


def where_are(ctx: Context, ids: tuple[str, ...], expect: str) -> WhereReport:
    """Return the queue of each of *ids*; raises `ActionError`."""
    places = dict.fromkeys(ids, "")

    def take(message: Queued) -> None:
        if message.queue_id in places:
            places[message.queue_id] = message.state

    read(ctx, take)
    return WhereReport(tuple(Place(*place) for place in places.items()), expect)
