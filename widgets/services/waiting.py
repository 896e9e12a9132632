"""The queue as a list: what waits, why, until when, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from actions.amounts import amount, short, span
from widgets.ink import SIGN_TONES, Tone, joined, said, signed
from widgets.lines import Row
from widgets.services.sheet import Act, Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.content import Content

    from actions.queue.report import Message, QueueReport

_SIGNS: dict[str, str] = {"active": "●", "incoming": "●", "deferred": "◐", "hold": "–"}
"""Mail on its way, mail that waits, and mail that somebody stopped."""

MOST = 1000
"""Messages listed; the oldest are."""


class Waiting:
    """The queue."""

    title = "queue"
    action = "queue.list"
    words = (
        ("active", "Postfix delivers it now"),
        ("deferred", "it could not be delivered yet, and is tried again"),
        ("hold", "somebody stopped it; it stays until it is released"),
    )

    is_shared = False
    given: ClassVar[Mapping[str, object]] = {"limit": MOST}

    def take(self, report: object) -> None:
        """Take note of nothing: the rows themselves tell."""

    def heading(self, report: object) -> Content:
        """Return how much waits where."""
        told = cast("QueueReport", report)
        counts = [f"{one.messages} {one.state}" for one in told.states if one.messages]
        parts = [said(" · ".join(counts) if counts else "the queue is empty")]
        if told.oldest is not None:
            parts.append(said(f" · oldest {short(told.now - told.oldest) or '0 s'}"))
        if told.next_retry is not None:
            due = short(told.next_retry - told.now)
            parts.append(said(f" · next attempt {f'in {due}' if due else 'now'}"))
        return joined(*parts)

    def items(self, report: object) -> Sequence[Item]:
        """Return a row for each message, the oldest first."""
        told = cast("QueueReport", report)
        return [_item(one, told.now) for one in told.messages]

    def acts(self, report: object) -> tuple[Act, ...]:
        """Return what can be done with the whole queue."""
        counts = {one.state: one.messages for one in cast("QueueReport", report).states}
        if not counts.get("deferred"):
            return ()
        everything = {"id": ()}  # said, so that nobody is asked which
        return (Act("Try all again now", "flush all deferred mail", "queue.flush", everything),)

    def below(self, report: object) -> Sequence[Row]:
        """Return the findings, the reasons of delay, and what could not be seen."""
        told = cast("QueueReport", report)
        rows = []
        for finding in told.findings:
            sign = finding.health.sign
            text = f"{finding.what}: {finding.why}" if finding.why else finding.what
            rows.append(Row(said(f" {sign} ", SIGN_TONES[sign]), said(text)))
        rows += _reasons(told)
        if not told.messages and not rows:
            rows.append(Row(joined(" ", signed("●", "nothing waits"))))
        rows += [Row(said("   "), said(text, "dim")) for text in told.unseen]
        hidden = told.matched - len(told.messages)
        if hidden > 0:
            rows.append(Row(said("   "), said(f"and {hidden:,} newer messages", "dim")))
        return rows


def _reasons(report: QueueReport) -> Iterator[Row]:
    if len(report.reasons) > 1:
        yield Row(said(" why deferred mail waits, in recipients", "dim"))
        for group in report.reasons:
            places = ", ".join(one.domain for one in group.domains)
            yield Row(said(f" {group.recipients:>6}  "), said(group.reason), said(places, "dim"))


def _item(message: Message, now: float) -> Item:
    given = {"id": message.queue_id}
    held = message.state == "hold"
    acts = [
        Act("Try again now", "flush this message", "queue.flush", given),
        Act("Release", "let it go on", "queue.release", given)
        if held
        else Act("Hold", "keep it until it is released", "queue.hold", given),
        Act("Requeue", "route and rewrite it anew", "queue.requeue", given),
        Act("Delete", "for good; nobody is told", "queue.delete", given),
    ]
    if held or message.state != "deferred":
        acts = acts[1:]
    opens = Act("Show", "envelope and headers", "queue.show", given)
    rows = tuple(_details(message, now))
    return Item(
        message.queue_id, message.queue_id, _row(message, now), rows, tuple(acts), None, opens
    )


def _row(message: Message, now: float) -> Row:
    sign = _SIGNS.get(message.state, "·")
    tone: Tone = SIGN_TONES.get(sign, "")
    first = message.recipients[0].address if message.recipients else "?"
    more = f" +{len(message.recipients) - 1}" if len(message.recipients) > 1 else ""
    figures = f"{short(now - message.arrival) or '0 s':>6} {amount(message.size):>9}  "
    body = joined(
        said(f"{message.queue_id:<12} "),
        said(f"{message.state:<8}", tone),
        said(figures, "dim"),
        said(f"{message.sender or '<>'} → {first}{more}"),
    )
    return Row(said(f" {sign} ", tone), body)


def _details(message: Message, now: float) -> Iterator[Row]:
    told = [f"waits {span(now - message.arrival)}"]
    if message.next_retry is not None:
        due = message.next_retry - now
        told.append(f"next attempt {f'in {span(due)}' if due >= 1 else 'now'}")
    if message.forced_expire:
        told.append("goes back to its sender at the next attempt")
    head = joined(said(" "), said(message.queue_id, "bold"), said("  "))
    yield Row(head, said(" · ".join(told), "dim"))
    for one in message.recipients:
        reason = f": {one.reason}" if one.reason else ""
        yield Row(said("   → "), said(f"{one.address}{reason}"))
