"""One session of a load: one or more messages, each with its verdict."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.chain.run import announce, greet, new_queue_id, received
from actions.chain.verdict import Run, status_of, trouble_in
from actions.milter.chain import Chain
from actions.milter.member import HANG_UP
from actions.milter.session import Exchange
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.chain.report import Verdict
    from actions.chain.request import TestRequest
    from actions.milter.chain import ChainEvent
    from actions.milter.link import ChainSettings, Link
    from actions.milter.message import Content


class Mail(Record):
    """A message, read once for all the sessions that send it."""

    size: int
    """In bytes, its lines ended by CRLF."""
    content: Content


class SessionResult(Record):
    """What one session came to."""

    seconds: float
    verdicts: tuple[tuple[int, Verdict], ...]
    """Of each message: its size, and what became of it."""
    events: Sequence[ChainEvent]


def play(
    links: tuple[Link, ...], settings: ChainSettings, request: TestRequest, mails: Sequence[Mail]
) -> SessionResult:
    """Play one session in which *mails* are sent, one after the other.

    It ends early where the MTA would hang up, or a milter gave no decision.

    Raises:
        Cancelled: the operator cancelled; all sockets are closed.
    """
    events: list[ChainEvent] = []
    runs: list[Run] = []
    started = time.perf_counter()
    chain = Chain(links, settings, events.append)
    try:
        refusal = greet(chain, request)
        opening = tuple(events)
        if refusal:
            runs.append(Run(opening, (), None, refusal, 0.0, ()))
        else:
            runs += _messages(chain, request, mails, events)
    finally:
        chain.close()
    seconds = time.perf_counter() - started
    verdicts = [
        (mail.size, status_of(run._replace(events=opening + run.events), links))
        for mail, run in zip(mails, runs, strict=False)
    ]
    return SessionResult(seconds, tuple(verdicts), events)


def _messages(
    chain: Chain, request: TestRequest, mails: Sequence[Mail], events: list[ChainEvent]
) -> list[Run]:
    runs = []
    for mail in mails:
        begun = len(events)
        queue_id = new_queue_id()
        outcome = None
        recipients, refusal = announce(chain, request, queue_id, events)
        if not refusal and any(recipient.accepted for recipient in recipients):
            refusal = chain.data(queue_id)
            if not refusal:
                outcome = chain.content(mail.content, received(request, queue_id))
        chain.abort()
        happened = tuple(events[begun:])
        runs.append(Run(happened, recipients, outcome, refusal, 0.0, ()))
        if (refusal and refusal.code in HANG_UP) or any(map(_failed, happened)):
            break
    return runs


def _failed(event: ChainEvent) -> bool:
    return isinstance(event, Exchange) and trouble_in(event) is not None
