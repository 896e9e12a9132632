"""The queue as text: how much waits where, why, until when, and the oldest messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.amounts import amount, short, span
from actions.finding import Health
from actions.printable import printable
from console.render.columns import filled, folded, width
from console.render.ink import TONES, Ink
from console.render.metric import Metric, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.finding import Finding
    from actions.queue.report import Message, QueueReport, ReasonGroup, StateCount
    from console.render.hint import Hints

REASON_LINES = 2
"""Lines of recipient and reason that a message has in the list; queue.show tells all."""

_COLUMNS = " {:12}  {:8} {:>8} {:>9} {:>9}  "
"""Queue id, queue, age, size, next attempt; the rest of the line is the sender.

A short queue id has 12 signs at most; a long one pushes the columns along.
"""


def render(report: QueueReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines = ["", *_heading(report, ink)]
    for finding in report.findings:
        lines += _finding(finding, ink)
    lines += ["", *_states(report, ink)]
    if report.reasons:
        lines += ["", *_reasons(report, ink)]
    if report.messages:
        lines += ["", *_messages(report, ink, hints)]
    if report.unseen:
        lines.append("")
        for told in report.unseen:
            lines += [ink.paint(line, "dim") for line in folded(told, " ? ", "   ")]
    return "\n".join(lines) + "\n"


def headline(report: QueueReport) -> str:
    """Return what is wrong, or how much waits, in one line."""
    bad = "; ".join(finding.what for finding in report.findings)
    told = ", ".join(f"{count.messages} {count.state}" for count in report.states if count.messages)
    oldest = f", oldest {span(report.now - report.oldest)}" if report.oldest is not None else ""
    return f"{bad}: {told or 'empty'}{oldest}" if bad else f"queue: {told or 'empty'}{oldest}"


def perfdata(report: QueueReport) -> Iterator[str]:
    """Yield what monitoring plugins measure."""
    for count in report.states:
        if count.messages is not None:
            yield measure(count.state, count.messages)
    if report.oldest is not None:
        yield measure("oldest", int(report.now - report.oldest), "s")


def metrics(report: QueueReport) -> Iterator[Metric]:
    """Yield what Prometheus keeps."""

    def told(name: str, text: str, value: Callable[[StateCount], float | None]) -> Metric:
        seen = (count for count in report.states if count.messages is not None)
        samples = (
            ((("queue", count.state),), number)
            for count in seen
            if (number := value(count)) is not None
        )
        return Metric(name, text, tuple(samples))

    yield told("queue_messages", "Messages in Postfix's queue.", lambda count: count.messages)
    yield told("queue_bytes", "Size of the messages in Postfix's queue.", lambda count: count.size)
    yield told(
        "queue_oldest_timestamp_seconds",
        "When the oldest message arrived, as Unix time.",
        lambda count: count.oldest,
    )


def sender_of(address: str) -> str:
    """Return a sender as it is shown; that of a bounce is empty."""
    return printable(address) or "<>"


def _heading(report: QueueReport, ink: Ink) -> Iterator[str]:
    if report.choice:
        told = f"{report.matched} of {report.total} messages: {report.choice}"
    else:
        told = "1 message" if report.total == 1 else f"{report.total} messages"
    if report.matched:
        told += f" · {amount(report.size)}"
    if report.oldest is not None:
        told += f" · oldest {span(report.now - report.oldest)}"
    if report.next_retry is not None:
        told += f" · next attempt {due(report.next_retry, report.now)}"
    for line in folded(told if report.total else "the queue is empty", " ", " "):
        yield ink.paint(line, "bold")


def due(moment: float, now: float) -> str:
    """Return when an attempt is due, in words."""
    return f"in {span(moment - now)}" if moment - now >= 1 else "now"


def _finding(finding: Finding, ink: Ink) -> Iterator[str]:
    sign = finding.health.sign
    head, *more = folded(finding.what, f" {sign} ", "   ")
    yield ink.paint(head, "bad" if finding.health is Health.DOWN else TONES[sign])
    yield from more
    if finding.why:
        yield from folded(finding.why, "   ", "   ")


def _states(report: QueueReport, ink: Ink) -> Iterator[str]:
    yield ink.paint(f" {'queue':12}{'messages':>10}{'size':>11}{'oldest':>15}", "dim")
    for count in report.states:
        yield _state(count, report.now, ink)


def _state(count: StateCount, now: float, ink: Ink) -> str:
    if count.messages is None:
        return ink.paint(f" {printable(count.state):12}{'?':>10}", "dim")
    size = amount(count.size) if count.size else ""
    oldest = span(now - count.oldest) if count.oldest is not None else ""
    line = f" {printable(count.state):12}{count.messages:>10}{size:>11}{oldest:>15}".rstrip()
    return line if count.messages else ink.paint(line, "dim")


def _reasons(report: QueueReport, ink: Ink) -> Iterator[str]:
    yield ink.paint(" why deferred mail waits, in recipients", "dim")
    for group in report.reasons:
        yield from _reason(group, ink)
    if report.other_reasons:
        yield ink.paint(f" {'':6}  … and {report.other_reasons} further reasons", "dim")


def _reason(group: ReasonGroup, ink: Ink) -> Iterator[str]:
    # One that is no group has nothing to hide: whole hosts and addresses say more.
    reason = group.example if group.recipients == 1 and group.example else group.reason
    yield from folded(reason, f" {group.recipients:>6}  ", " " * 9)
    places = [f"{printable(one.domain)} {one.recipients}" for one in group.domains]
    if group.other_domains:
        places.append(f"{group.other_domains} more")
    for line in filled(places, " · ", indent=9):
        yield ink.paint(f"{'':9}{line}", "dim")


def _messages(report: QueueReport, ink: Ink, hints: Hints) -> Iterator[str]:
    head = _COLUMNS.format("queue id", "queue", "waits", "size", "next try")
    yield ink.paint(f"{head}sender → recipient", "dim")
    for message in report.messages:
        yield from _message(message, report.now, ink)
    hidden = report.matched - len(report.messages)
    if hidden > 0:
        yield ink.paint(f" … and {hidden} newer ones: --limit {report.matched} lists all", "dim")
    example = (("id", report.messages[0].queue_id),)
    yield ink.paint(f" read one: {hints.command('queue.show', example)}", "dim")


def _message(message: Message, now: float, ink: Ink) -> Iterator[str]:
    retry = "" if message.next_retry is None else short(message.next_retry - now) or "now"
    head = _COLUMNS.format(
        message.queue_id,
        "expires" if message.forced_expire else printable(message.state),
        short(now - message.arrival) or "0 s",
        amount(message.size),
        retry,
    )
    sender = sender_of(message.sender)
    if len(head) + len(sender) <= width():
        yield head + sender
    else:
        yield head.rstrip()
        yield from folded(sender, "   ", "   ")
    reason = next((one.reason for one in message.recipients if one.reason), "")
    told = f"{_recipients(message)}: {reason}" if reason else _recipients(message)
    lines = folded(told, "   → ", "     ")
    if lines[REASON_LINES:]:
        lines[REASON_LINES - 1] = f"{lines[REASON_LINES - 1][: width() - 2]} …"
    for line in lines[:REASON_LINES]:
        yield ink.paint(line, "dim")


def _recipients(message: Message) -> str:
    if not message.recipients:
        return "?"
    more = f" +{len(message.recipients) - 1}" if len(message.recipients) > 1 else ""
    return message.recipients[0].address + more
