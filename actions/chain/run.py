"""One chain test: drive the chain as Postfix would, and keep what happens."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from actions.chain.report import ChainReport, RecipientResult, SessionSummary
from actions.chain.samples import rfc5322_date
from actions.chain.verdict import Run, read_verdict, worst_first
from actions.milter.chain import Chain, ChainEvent, Outcome
from actions.milter.link import ChainSettings, Link, tells_whole_commands
from actions.milter.macros import server_macros
from actions.milter.member import HANG_UP
from actions.milter.session import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Cancel, Context
    from actions.chain.request import TestRequest
    from actions.milter.codec import SmtpReply

SERVER_ADDRESS = "192.0.2.1"
"""The address on which the pretended MTA accepted the client (RFC 5737)."""

TRACE_LIMIT = 32 << 20
"""Bytes of packets that a trace holds; a milter may send for as long as the deadline lets it."""


def test_chain(ctx: Context, links: tuple[Link, ...], request: TestRequest) -> ChainReport:
    """Run one session through *links* and report it.

    Every event is told to the context as it happens: `Negotiated`, `Exchange`, `Edited`.

    Raises:
        Cancelled: the operator cancelled; all sockets are closed.
    """
    return read_verdict(_session(ctx, links, request), links, request)


def test_side_by_side(
    ctx: Context, links: tuple[Link, ...], request: TestRequest, sessions: int
) -> ChainReport:
    """Run *sessions* equal sessions at the same time; the report shows the worst in detail."""
    from concurrent.futures import ThreadPoolExecutor

    stop = _Stop(ctx.cancel)
    quiet = ctx._replace(tell=lambda _: None, cancel=stop)
    with ThreadPoolExecutor(sessions) as pool:
        try:
            reports = list(pool.map(lambda _: test_chain(quiet, links, request), range(sessions)))
        except BaseException:
            stop.now = True
            raise
    summaries = tuple(SessionSummary(report.status, report.seconds) for report in reports)
    return worst_first(reports)[0]._replace(sessions=summaries)


class _Stop:
    """A cancel flag of several sessions: theirs together, or the operator's."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel
        self.now = False

    def is_set(self) -> bool:
        return self.now or self._cancel.is_set()


def _session(ctx: Context, links: tuple[Link, ...], request: TestRequest) -> Run:
    events: list[ChainEvent] = []
    trace: list[tuple[str, str, str]] = []

    def observe(event: ChainEvent) -> None:
        events.append(event)
        ctx.tell(event)

    left = TRACE_LIMIT

    def note(milter: str, way: str, data: bytes) -> None:
        nonlocal left
        if left > 0:
            trace.append((milter, way, data[:left].hex(" ")))
            left -= len(data)
            if left <= 0:
                trace.append((milter, way, f"… the trace ends here, at {TRACE_LIMIT >> 20} MiB"))

    ctx.check()
    started = time.perf_counter()
    settings = chain_settings(ctx, request, note if request.trace else None)
    chain, drive = Chain(links, settings, observe), _drive
    if request.submitted:
        from actions.chain.submit import drive_submission as drive
        from actions.milter.submission import Submission

        chain = Submission(links, settings, new_queue_id(), observe)
    try:
        recipients, outcome, refusal = drive(chain, request, events)
        chain.abort()
    finally:
        chain.close()
    seconds = time.perf_counter() - started
    return Run(tuple(events), recipients, outcome, refusal, seconds, tuple(trace))


def chain_settings(
    ctx: Context, request: TestRequest, trace: Callable[[str, str, bytes], None] | None = None
) -> ChainSettings:
    """Return what holds for every milter of the session that *request* asks for."""
    mta = request.mta
    server = server_macros(mta.hostname, SERVER_ADDRESS, mta.version)
    server["daemon_name"] = mta.daemon_name.encode("utf-8", "surrogateescape")
    return ChainSettings(
        server,
        request.macros,
        mta.macro_lists,
        request.offer,
        request.deadline,
        ctx.cancel,
        trace,
        mta.macro_defaults,
        tells_whole_commands(mta.version),
    )


def _drive(
    chain: Chain, request: TestRequest, events: list[ChainEvent]
) -> tuple[tuple[RecipientResult, ...], Outcome | None, SmtpReply | None]:
    """Play the SMTP session; stop where the client would be refused as a whole."""
    refusal = greet(chain, request)
    if refusal:
        return (), None, refusal
    queue_id = new_queue_id()
    recipients, refusal = announce(chain, request, queue_id, events)
    if refusal or not any(recipient.accepted for recipient in recipients):
        return recipients, None, refusal
    outcome, refusal = send_content(chain, request, queue_id)
    return recipients, outcome, refusal


def greet(chain: Chain, request: TestRequest) -> SmtpReply | None:
    """Connect and say HELO; returns the refusal, or None to go on."""
    refusal = chain.connect(request.client.before_login) or chain.helo(request.helo)
    chain.know(request.client)
    return refusal


def new_queue_id() -> str:
    """Return a queue id such as Postfix gives a message."""
    return os.urandom(5).hex().upper()


def announce(
    chain: Chain, request: TestRequest, queue_id: str, events: list[ChainEvent]
) -> tuple[tuple[RecipientResult, ...], SmtpReply | None]:
    """Announce unknown commands, sender and recipients.

    Args:
        chain: greeted already.
        request: the message.
        queue_id: the message's.
        events: what the chain has observed so far; it goes on to be filled.

    Returns:
        What became of each recipient, and the reply that ended the message, if one did.
    """
    for command in request.unknown:
        chain.unknown(command)  # whatever the reply, Postfix goes on to the message
    refusal = chain.mail(request.sender)
    if refusal:
        return (), refusal
    return _announce_recipients(chain, request, queue_id, events)


def send_content(
    chain: Chain, request: TestRequest, queue_id: str
) -> tuple[Outcome | None, SmtpReply | None]:
    """Send DATA and the content; returns what became of it, or else the refusal of DATA."""
    refusal = chain.data(queue_id)
    if refusal:
        return None, refusal
    return chain.message(request.message, received(request, queue_id)), None


def _announce_recipients(
    chain: Chain, request: TestRequest, queue_id: str, events: list[ChainEvent]
) -> tuple[tuple[RecipientResult, ...], SmtpReply | None]:
    """Return what became of each, and the reply at which the MTA would hang up."""
    results: list[RecipientResult] = []
    for recipient in request.recipients:
        opened = any(result.accepted for result in results)
        reply = chain.rcpt(recipient, queue_id if opened else "")
        if recipient.refused:
            results.append(
                RecipientResult(recipient.address, accepted=False, reply=recipient.refused)
            )
            continue
        if reply is None:
            results.append(RecipientResult(recipient.address, accepted=True))
            continue
        last = events[-1]
        by = last.milter if isinstance(last, Exchange) else ""
        results.append(
            RecipientResult(recipient.address, accepted=False, reply=reply.text, refused_by=by)
        )
        if reply.code in HANG_UP:
            return tuple(results), reply
    return tuple(results), None


def received(request: TestRequest, queue_id: str) -> bytes:
    """Return the value of the Received header that the MTA puts above the message."""
    client = request.client
    return (
        f"from {request.helo} ({client.name or 'unknown'} [{client.address}])\n"
        f"\tby {request.mta.hostname} (Postfix) with ESMTP id {queue_id};\n\t{rfc5322_date()}"
    ).encode("utf-8", "surrogateescape")
