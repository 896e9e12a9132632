"""The queue's actions, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.changes.queue import Doing
    from actions.plan import Plan
    from actions.queue.report import MessageReport, QueueReport, WhereReport

_CHOICE = "which messages"

_Ids = Annotated[
    tuple[str, ...], Option("a message", metavar="QUEUE_ID", group=_CHOICE, positional=True)
]
_State = Annotated[
    str,
    Option(
        "only what is in this queue",
        choices=("incoming", "active", "deferred", "hold", "maildrop"),
        group=_CHOICE,
    ),
]
_Sender = Annotated[
    str,
    Option(
        "only from this sender: an address, @DOMAIN, a pattern such as 'news-*@example.org', or "
        "'<>' for bounces",
        metavar="WHO",
        group=_CHOICE,
    ),
]
_Recipient = Annotated[
    str,
    Option(
        "only to this recipient, among others: an address, @DOMAIN or a pattern",
        metavar="WHO",
        group=_CHOICE,
    ),
]
_Reason = Annotated[
    str, Option("only what waits for a reason with this text in it", metavar="TEXT", group=_CHOICE)
]
_First = Annotated[int, Option("at most N of them, the oldest first", group=_CHOICE)]


@report("queue.list")
def queue_list(
    ctx: Context,
    *,
    state: _State = "",
    sender: _Sender = "",
    recipient: _Recipient = "",
    reason: _Reason = "",
    limit: Annotated[int, Option("list N messages, the oldest first", group=_CHOICE)] = 20,
    max_deferred: Annotated[
        int, Option("more deferred messages are a problem", group="what is a problem")
    ] = 500,
    max_held: Annotated[
        int, Option("more messages on hold are a problem", group="what is a problem")
    ] = 0,
    max_age: Annotated[
        float,
        Option(
            "mail that waits longer is a problem (0: longer than Postfix itself keeps it, by "
            "maximal_queue_lifetime)",
            group="what is a problem",
        ),
    ] = 0.0,
) -> "QueueReport":
    """Show what waits in Postfix's queue, why, since when, and when it is tried again.

    Anyone whom Postfix lets see the queue (authorized_mailq_users) may run it; the time of the
    next attempt and the folders maildrop and corrupt are seen by root only. Counts by queue
    and problems are those of the whole queue; the rest is of the messages that were chosen.
    """
    from actions.queue.choose import Choice
    from actions.queue.findings import Thresholds
    from actions.queue.listing import list_queue

    choice = Choice(state, sender, recipient, reason)
    return list_queue(ctx, choice, limit, Thresholds(max_deferred, max_held, max_age))


@report("queue.show")
def queue_show(
    ctx: Context,
    *,
    id: Annotated[str, Option("the message", metavar="QUEUE_ID", positional=True)],  # noqa: A002
    body: Annotated[bool, Option("show the text of the message too")] = False,
) -> "MessageReport":
    """Show one message of the queue: envelope, headers, and why each recipient waits.

    Postfix lets only root read a message (postcat). The text is somebody's mail: it is shown
    with --body only.
    """
    from actions.queue.show import show_message

    return show_message(ctx, id, body=body)


@report("queue.where")
def queue_where(
    ctx: Context,
    *,
    id: _Ids,  # noqa: A002
    expect: Annotated[
        str,
        Option(
            "where each is to be: on hold, in a queue from which it is delivered, or nowhere; "
            "what is elsewhere is a problem",
            choices=("hold", "moving", "gone"),
        ),
    ] = "",
) -> "WhereReport":
    """Tell in which queue messages are now, or that they have left it.

    What has left the queue is as it should be, whatever was expected.
    """
    from actions.queue.where import where_are

    return where_are(ctx, id, expect)


@plan("queue.flush")
def queue_flush(
    ctx: Context,
    *,
    id: _Ids = (),  # noqa: A002
    site: Annotated[str, Option("only mail to this domain", metavar="DOMAIN", group=_CHOICE)] = "",
) -> "Plan":
    """Try deferred mail again now: all of it, that to one domain, or single messages.

    A flush of mail that can't be delivered slows down all other mail (postqueue(1)).
    """
    from actions.queue.flush import plan_flush

    return plan_flush(ctx, id, site)


@plan("queue.hold")
def queue_hold(
    ctx: Context,
    *,
    id: _Ids = (),  # noqa: A002
    state: _State = "",
    sender: _Sender = "",
    recipient: _Recipient = "",
    reason: _Reason = "",
    limit: _First = 0,
) -> "Plan":
    """Keep messages in the queue: none is tried until it is released.

    Mail on hold does not expire and does not go back to its sender.
    """
    return _planned(ctx, "hold", id, (state, sender, recipient, reason), limit)


@plan("queue.release")
def queue_release(
    ctx: Context,
    *,
    id: _Ids = (),  # noqa: A002
    state: _State = "",
    sender: _Sender = "",
    recipient: _Recipient = "",
    reason: _Reason = "",
    limit: _First = 0,
) -> "Plan":
    """Let messages on hold go on: they are deferred mail again, and tried in their turn."""
    return _planned(ctx, "release", id, (state, sender, recipient, reason), limit)


@plan("queue.requeue")
def queue_requeue(
    ctx: Context,
    *,
    id: _Ids = (),  # noqa: A002
    state: _State = "",
    sender: _Sender = "",
    recipient: _Recipient = "",
    reason: _Reason = "",
    limit: _First = 0,
) -> "Plan":
    """Put messages through the queue again, as after a change of tables or of the transport.

    Addresses are rewritten and routed anew; milters are not asked again (postsuper(1)). Each
    message gets a new queue id, within a minute.
    """
    return _planned(ctx, "requeue", id, (state, sender, recipient, reason), limit)


@plan("queue.delete")
def queue_delete(
    ctx: Context,
    *,
    id: _Ids = (),  # noqa: A002
    state: _State = "",
    sender: _Sender = "",
    recipient: _Recipient = "",
    reason: _Reason = "",
    limit: _First = 0,
) -> "Plan":
    """Delete messages for good; nobody is told, neither sender nor recipient.

    Nothing brings a deleted message back: where in doubt, queue.hold keeps it.
    """
    return _planned(ctx, "delete", id, (state, sender, recipient, reason), limit)


def _planned(
    ctx: Context, doing: "Doing", ids: tuple[str, ...], choice: tuple[str, ...], limit: int
) -> "Plan":
    from actions.queue.choose import Choice
    from actions.queue.plans import plan_operation

    return plan_operation(ctx, doing, ids, Choice(*choice), limit)
