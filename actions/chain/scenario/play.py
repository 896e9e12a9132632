"""One scenario as Postfix would have it: one SMTP session, a message after the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.chain.request import TestRequest, with_headers
from actions.chain.run import announce, chain_settings, greet, new_queue_id, send_content
from actions.chain.samples import SAMPLES, compose
from actions.chain.verdict import Run, read_verdict
from actions.milter.chain import Chain
from actions.milter.connection import Offer
from actions.milter.member import HANG_UP
from actions.milter.message import parse_message
from actions.milter.session import Exchange
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.action import Context
    from actions.chain.report import ChainReport, RecipientResult
    from actions.chain.request import Mta
    from actions.chain.scenario.suite import Body, Message, Scenario
    from actions.milter.chain import ChainEvent, Outcome
    from actions.milter.codec import SmtpReply
    from actions.milter.link import Link
    from actions.milter.message import Content


class Played(Record):
    """What came of one message."""

    report: ChainReport
    outcome: Outcome | None
    """None where the session ended before the content."""
    exchanges: tuple[Exchange, ...]
    """This message's; those of the session's opening count to the first."""
    sent: Content
    """The message as the client sent it."""


class _Ended(Record):
    """How far a message came."""

    recipients: tuple[RecipientResult, ...] = ()
    outcome: Outcome | None = None
    refusal: SmtpReply | None = None

    @property
    def hangs_up(self) -> SmtpReply | None:
        """The reply at which Postfix closes the session, if there is one."""
        reply = self.refusal or (self.outcome.reply if self.outcome else None)
        return reply if reply and reply.code in HANG_UP else None


def play(
    ctx: Context,
    links: tuple[Link, ...],
    scenario: Scenario,
    mta: Mta,
    deadline: float,
) -> tuple[Played, ...]:
    """Run *scenario* through *links* and return what came of each message.

    Args:
        ctx: how cancelling is done.
        links: the milters in their order.
        scenario: what is sent.
        mta: what the MTA says of itself.
        deadline: seconds for the whole session.

    Raises:
        Cancelled: the operator cancelled; all sockets are closed.
    """
    requests = [_request(message, scenario, mta, deadline) for message in scenario.messages]
    events: list[ChainEvent] = []
    chain = Chain(links, chain_settings(ctx, requests[0]), events.append)
    try:
        return tuple(_messages(chain, links, scenario, requests, events))
    finally:
        chain.close()


def _messages(
    chain: Chain,
    links: tuple[Link, ...],
    scenario: Scenario,
    requests: Sequence[TestRequest],
    events: list[ChainEvent],
) -> Iterator[Played]:
    started = time.perf_counter()
    over = greet(chain, requests[0])
    opening = len(events)
    begun = 0
    for message, request in zip(scenario.messages, requests, strict=True):
        ended = _Ended(refusal=over) if over else _send(chain, message, request, events)
        over = over or ended.hangs_up
        seconds, started = time.perf_counter() - started, time.perf_counter()
        known = (*events[:opening], *_remembered(events[opening:begun]))
        own = tuple(events[begun:])
        run = Run(
            (*(known if begun else ()), *own),
            ended.recipients,
            ended.outcome,
            ended.refusal,
            seconds,
            (),
        )
        report = read_verdict(run, links, request)
        exchanges = tuple(event for event in own if isinstance(event, Exchange))
        yield Played(report, ended.outcome, exchanges, parse_message(request.message))
        begun = len(events)


def _remembered(events: Sequence[ChainEvent]) -> Iterator[Exchange]:
    """Yield what still holds of the messages before: who failed, and the end of the session."""
    for event in events:
        if isinstance(event, Exchange):
            decision = event.reply.decision if event.reply else ""
            hung_up = event.reply and event.reply.smtp and event.reply.smtp.code in HANG_UP
            if event.trouble or hung_up or decision in {"failure", "shutdown"}:
                yield event._replace(edits=())


def _send(chain: Chain, message: Message, request: TestRequest, events: list[ChainEvent]) -> _Ended:
    queue_id = new_queue_id()
    recipients, refusal = announce(chain, request, queue_id, events)
    ended = _Ended(recipients, None, refusal)
    if not refusal and not message.rset and any(one.accepted for one in recipients):
        outcome, refusal = send_content(chain, request, queue_id)
        ended = ended._replace(outcome=outcome, refusal=refusal)
    # The client's RSET, where the message is not over already.
    chain.abort()
    return ended


def _request(message: Message, scenario: Scenario, mta: Mta, deadline: float) -> TestRequest:
    return TestRequest(
        sample=message.content.label,
        profile=scenario.profile,
        client=scenario.client,
        helo=scenario.helo,
        sender=message.sender,
        recipients=message.recipients,
        message=_composed(message, mta.hostname),
        mta=mta,
        offer=Offer(),
        macros=scenario.macros,
        unknown=message.unknown,
        deadline=deadline,
    )


def _composed(message: Message, hostname: str) -> bytes:
    content: Body = message.content
    data = content.raw
    if data is None:
        to = message.recipients[0].address
        data = compose(SAMPLES[content.sample], message.sender.address, to, hostname)
    if content.body is not None:
        data = parse_message(data)._replace(body=content.body).as_bytes()
    return with_headers(data, content.headers)
