"""One chain test without SMTP: a program on the host hands the message in (non_smtpd_milters)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.chain.report import RecipientResult
from actions.chain.samples import rfc5322_date
from actions.milter.session import Exchange
from actions.milter.submission import KEPT, Submission, completed

if TYPE_CHECKING:
    from actions.chain.request import TestRequest
    from actions.milter.chain import Chain, ChainEvent, Outcome
    from actions.milter.codec import SmtpReply


def drive_submission(
    chain: Chain, request: TestRequest, events: list[ChainEvent]
) -> tuple[tuple[RecipientResult, ...], Outcome | None, SmtpReply | None]:
    """Hand the message in; returns what became of the recipients, the message, and the refusal.

    Unknown commands of the request are left out: there is no one to send them.
    """
    assert isinstance(chain, Submission)
    refusal = (
        chain.connect(request.client) or chain.helo(request.helo) or chain.mail(request.sender)
    )
    if refusal:
        return (), None, refusal
    results: list[RecipientResult] = []
    for recipient in request.recipients:
        reply = chain.rcpt(recipient)
        if reply:
            last = events[-1]
            by = last.milter if isinstance(last, Exchange) else ""
            refused = RecipientResult(recipient.address, False, reply.text, by)  # noqa: FBT003
            return (*results, refused), None, KEPT
        results.append(RecipientResult(recipient.address, accepted=True))
    refusal = chain.data()
    if refusal:
        return tuple(results), None, refusal
    return tuple(results), chain.message(*_content(request, chain.queue_id)), None


def _content(request: TestRequest, queue_id: str) -> tuple[bytes, bytes]:
    """Return the message as Postfix completes it, and the value of Postfix's own Received."""
    hostname, date = request.mta.hostname, rfc5322_date()
    made = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    message_id = f"{made}.{queue_id}@{hostname}"
    received = f"by {hostname} (Postfix, from userid 0)\n\tid {queue_id}; {date}"
    message = completed(request.message, request.sender.address, message_id, date)
    return message, received.encode("utf-8", "surrogateescape")
