"""The plan that tries deferred mail at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes.queue import Chosen, QueueOperation
from actions.plan import Plan
from actions.queue.choose import Choice
from actions.queue.plans import chosen, counted, require_any, require_ids, shown, why_of

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.queue import Queued

ONE_BY_ONE = 1000
"""Messages that are flushed each by itself: postqueue takes one id at a time."""


def plan_flush(ctx: Context, ids: tuple[str, ...], site: str) -> Plan:
    """Return the plan that flushes *ids*, or all mail to the domain *site*, or all mail.

    ``postqueue -s`` would flush a site only where fast_flush_domains names it, which by default
    are the domains this host relays for; so its messages are flushed by their ids.

    Raises:
        ActionError: none of *ids* is in the queue, or there are too many messages to the site.
    """
    arguments = {"id": ids, "site": site}
    require_ids(ids)
    if not ids and not site:
        change = QueueOperation("flush", (), note="all at once: other mail waits meanwhile")
        return Plan("Try all deferred mail now", "queue.flush", arguments, "", (change,))
    found = chosen(ctx, ids, Choice(recipient=f"@{site.lstrip('@')}" if site else ""))
    missing = require_any(ids, found)
    meant = [message for message in found if message.state == "deferred"]
    if not meant:
        why = "no message that was chosen is deferred: nothing to do"
        return Plan("Try messages now", "queue.flush", arguments, why, ())
    _require_few(meant, site)
    to = f" to {site}" if site else ""
    change = QueueOperation(
        "flush", tuple(Chosen(one.queue_id, one.arrival) for one in meant), shown(meant)
    )
    title = f"Try {counted(meant)}{to} now"
    return Plan(title, "queue.flush", arguments, why_of(meant, missing), (change,))


def _require_few(messages: list[Queued], site: str) -> None:
    if len(messages) > ONE_BY_ONE:
        raise ActionError(
            f"{len(messages)} messages{' to ' + site if site else ''} are too many to flush one "
            f"by one (at most {ONE_BY_ONE})",
            Exit.USAGE,
            "flush the whole queue, without --site",
        )
