"""From what happened in a session to the verdict an operator can trust: pure functions.

A milter that could not be asked, broke the protocol or kept silent decided nothing: whatever
Postfix would do with the mail then, the verdict is "undecided", and the report says both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.report import (
    ChainReport,
    EditShown,
    MilterResult,
    RecipientResult,
    Setting,
    Verdict,
)
from actions.milter.chain import Edited
from actions.milter.protocol import LIBMILTER_PACKET_LIMIT, Stage
from actions.milter.session import Exchange, Negotiated, Trouble
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.chain.request import TestRequest
    from actions.milter.chain import ChainEvent, Outcome
    from actions.milter.codec import Edit, SmtpReply
    from actions.milter.link import Link

_BY_DECISION: dict[str, Verdict] = {
    "accept": "accept",
    "reject": "reject",
    "tempfail": "temporary-failure",
    "shutdown": "temporary-failure",
    "discard": "discard",
    "failure": "undecided",
}

_WORST_FIRST: tuple[Verdict, ...] = (
    "undecided",
    "reject",
    "temporary-failure",
    "discard",
    "quarantine",
    "pass",
    "accept",
)

_BY_ACTION: dict[str, Verdict] = {
    "reject": "reject",
    "tempfail": "temporary-failure",
    "discard": "discard",
    "quarantine": "quarantine",
}

OWN_FAILURE = Trouble("protocol", "the milter reports a failure of its own (SMFIR_CONN_FAIL)")


class Run(Record):
    """What one session left behind."""

    events: tuple[ChainEvent, ...]
    recipients: tuple[RecipientResult, ...]
    outcome: Outcome | None
    """None where the session ended before the content."""
    refusal: SmtpReply | None
    """The reply that ended the session before the content."""
    seconds: float
    trace: tuple[tuple[str, str, str], ...]


def read_verdict(run: Run, links: tuple[Link, ...], request: TestRequest) -> ChainReport:
    """Return the report of *run*."""
    milters = tuple(_milter(link, run.events) for link in links)
    status = _status(run, milters)
    by, at = _decider(run, status)
    reply = _client_reply(run)
    message_after = run.outcome.content.as_bytes() if run.outcome else b""
    return ChainReport(
        status=status,
        decided_by=by,
        decided_at=at,
        reply=reply.text if reply and status != "undecided" else "",
        because=_because(run, milters, status),
        setting=setting_of(request),
        milters=milters,
        recipients=run.recipients,
        seconds=run.seconds,
        notes=tuple(_notes(links, milters, request)),
        sessions=(),
        trace=run.trace,
        message_after=message_after,
        edited=tuple(event for event in run.events if isinstance(event, Edited)),
    )


def status_of(run: Run, links: tuple[Link, ...]) -> Verdict:
    """Return the verdict on *run* alone."""
    return _status(run, tuple(_milter(link, run.events) for link in links))


def not_as_postfix(report: ChainReport, refusal: str) -> ChainReport:
    """Return *report* of a chain that Postfix does not accept: what was seen decides nothing.

    Args:
        report: of those milters that could be asked.
        refusal: what Postfix does not accept, and what it does then.
    """
    return report._replace(
        status="undecided", decided_by="", decided_at=None, reply="", because=refusal
    )


def worst_first(reports: Sequence[ChainReport]) -> list[ChainReport]:
    """Return *reports* with the worst verdict first."""
    return sorted(reports, key=lambda report: _WORST_FIRST.index(report.status))


def setting_of(request: TestRequest) -> Setting:
    """Return what a report says of what was sent."""
    client = request.client
    return Setting(
        request.sample,
        request.profile,
        f"{client.name or 'unknown'}[{client.address}]",
        request.helo,
        request.sender.address,
        tuple(recipient.address for recipient in request.recipients),
        request.as_user,
    )


def _milter(link: Link, events: tuple[ChainEvent, ...]) -> MilterResult:
    mine = [event for event in events if event.milter == link.name]
    opened = next((event for event in mine if isinstance(event, Negotiated)), None)
    exchanges = tuple(event for event in mine if isinstance(event, Exchange))
    edits = tuple(_shown(edit) for exchange in exchanges for edit in exchange.edits)
    trouble = opened.trouble if opened else None
    for exchange in exchanges:
        trouble = trouble or trouble_in(exchange)
    waited = sum(exchange.seconds for exchange in exchanges)
    return MilterResult(
        link.name,
        link.endpoint.spec,
        _milter_verdict(exchanges, trouble) if opened else None,
        opened,
        exchanges,
        edits,
        waited + (opened.seconds if opened else 0.0),
        trouble,
    )


def trouble_in(exchange: Exchange) -> Trouble | None:
    """Return why *exchange* brought no decision; None where it brought one."""
    if exchange.reply and exchange.reply.decision == "failure":
        return OWN_FAILURE
    return exchange.trouble


def _milter_verdict(exchanges: tuple[Exchange, ...], trouble: Trouble | None) -> Verdict:
    if trouble:
        return "undecided"
    seen = {_verdict_of(exchange) for exchange in exchanges}
    return next((verdict for verdict in _WORST_FIRST if verdict in seen), "pass")


def _status(run: Run, milters: tuple[MilterResult, ...]) -> Verdict:
    if any(milter.trouble for milter in milters):
        return "undecided"
    if run.refusal:
        return _of_code(run.refusal.text)
    # A recipient that the MTA itself refuses is no verdict of the chain, unless nobody is left.
    nobody = not any(recipient.accepted for recipient in run.recipients)
    refused = (one for one in run.recipients if one.reply and (one.refused_by or nobody))
    found = [_of_code(recipient.reply) for recipient in refused]
    action = run.outcome.action if run.outcome else ""
    if action in _BY_ACTION:
        found.append(_BY_ACTION[action])
    elif _nobody_left(run):
        found.append("discard")
    if found:
        return min(found, key=_WORST_FIRST.index)
    asked = [milter.verdict for milter in milters if milter.verdict]
    return "accept" if asked and all(verdict == "accept" for verdict in asked) else "pass"


def _of_code(reply: str) -> Verdict:
    return "reject" if reply.startswith("5") else "temporary-failure"


def _decider(run: Run, status: Verdict) -> tuple[str, Stage | None]:
    """Return the milter and the stage to which *status* is owed."""
    if status in {"pass", "accept"}:
        return "", None
    for event in run.events:
        if isinstance(event, Negotiated) and event.trouble and status == "undecided":
            return event.milter, None
        if isinstance(event, Exchange) and _verdict_of(event) == status:
            return event.milter, event.stage
    for event in reversed(run.events):
        deleted = isinstance(event, Exchange) and any(
            edit.kind == "delete recipient" for edit in event.edits
        )
        if deleted and status == "discard":
            return event.milter, Stage.END
    # What nobody replied: a replacement of the body that broke off (see MISCONFIGURED).
    return (run.outcome.decided_by, Stage.END) if run.outcome else ("", None)


def _verdict_of(exchange: Exchange) -> Verdict | None:
    """Return what one event came to; None where the milter let it pass."""
    if trouble_in(exchange):
        return "undecided"
    if exchange.stage is Stage.UNKNOWN:
        return None  # the reply is to that command, and nothing comes of it
    decided = _BY_DECISION.get(exchange.reply.decision) if exchange.reply else None
    if decided in {None, "accept"} and any(edit.kind == "quarantine" for edit in exchange.edits):
        return "quarantine"
    return decided


def _client_reply(run: Run) -> SmtpReply | None:
    if run.refusal:
        return run.refusal
    return run.outcome.reply if run.outcome else None


def _because(run: Run, milters: tuple[MilterResult, ...], status: Verdict) -> str:
    if status == "undecided":
        return next(milter.trouble.text for milter in milters if milter.trouble)
    if status == "discard" and _nobody_left(run):
        return "no recipient is left: the milters deleted them all"
    return run.outcome.quarantine_reason if run.outcome else ""


def _nobody_left(run: Run) -> bool:
    delivered = run.outcome is not None and run.outcome.action == "deliver"
    return delivered and not (run.outcome and run.outcome.envelope.recipients)


def _notes(
    links: tuple[Link, ...], milters: tuple[MilterResult, ...], request: TestRequest
) -> list[str]:
    known = request.configured
    actions = {link.name: link.default_action if known else "" for link in links}
    notes = [
        _failure_note(milter.name, actions[milter.name]) for milter in milters if milter.trouble
    ]
    if any(len(line) > LIBMILTER_PACKET_LIMIT for line in _long_headers(request.message)):
        notes.append("a header is over 65535 bytes: Debian's libmilter drops such a packet")
    asleep = sum(exchange.progress for milter in milters for exchange in milter.exchanges)
    if asleep:
        notes.append(f"milters asked for more time {asleep} times")
    return notes


def _failure_note(name: str, action: str) -> str:
    if not action:
        return f"what Postfix does with mail when {name} fails is its milter_default_action"
    if action == "accept":
        return f"Postfix would deliver this unfiltered by {name} (milter_default_action = accept)"
    does = {
        "tempfail": "ask the client to come again later (451 4.7.1)",
        "reject": "refuse the message (550 5.5.0)",
        "shutdown": "close the session (421)",
        "quarantine": "deliver into the hold queue, unfiltered",
    }[action]
    return f"{name} failing, Postfix would {does} (milter_default_action = {action})"


def _long_headers(message: bytes) -> list[bytes]:
    ends = [end for end in (message.find(b"\n\n"), message.find(b"\n\r\n")) if end >= 0]
    head = message[: min(ends, default=len(message))].replace(b"\r\n", b"\n")
    return head.replace(b"\n ", b"  ").replace(b"\n\t", b"  ").split(b"\n")


def _shown(edit: Edit) -> EditShown:
    value = f"{len(edit.value)} bytes" if edit.kind == "replace body" else _text(edit.value)
    return EditShown(edit.kind, _text(edit.name), value, edit.position)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
