"""One message of the queue as text: where it stands, its recipients, envelope, headers, body."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.amounts import amount, span
from actions.printable import printable
from console.render.columns import folded
from console.render.ink import Ink
from console.render.queue import due, sender_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.queue.report import MessageReport
    from console.render.hint import Hints

_KNOWN = {"sender", "recipient", "original_recipient", "message_arrival_time", "message_size"}
"""Records of the envelope that are shown above already."""


def render(report: MessageReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines = ["", *_heading(report, ink), "", *_recipients(report, ink)]
    envelope = tuple(_envelope(report))
    lines += ["", ink.paint(" envelope", "dim"), *envelope] if envelope else []
    lines += ["", ink.paint(" headers", "dim"), *_headers(report, ink)]
    if report.body is not None:
        lines += ["", ink.paint(" text", "dim")]
        lines += [f"   {printable(line)}" for line in report.body.split("\n")]
        lines += [ink.paint("   … and more, not shown", "dim")] if report.body_cut else []
    lines += ["", *(ink.paint(line, "dim") for line in _next(report, hints))]
    return "\n".join(lines) + "\n"


def headline(report: MessageReport) -> str:
    """Return where the message stands in one line."""
    message = report.message
    waits = span(report.now - message.arrival)
    return (
        f"{message.queue_id} is in {message.state} for {waits}: "
        f"{sender_of(message.sender)}, {len(message.recipients)} recipients"
    )


def _heading(report: MessageReport, ink: Ink) -> Iterator[str]:
    message, now = report.message, report.now
    yield ink.paint(f" {message.queue_id}  {printable(message.state)}", "bold")
    arrived = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(message.arrival))
    yield f"   arrived    {arrived}, {span(now - message.arrival)} ago"
    if message.next_retry is not None:
        yield f"   next try   {due(message.next_retry, now)}"
    if message.forced_expire:
        yield "   expires    goes back to its sender at the next attempt"
    yield f"   size       {amount(message.size)}"
    yield f"   sender     {sender_of(message.sender)}"


def _recipients(report: MessageReport, ink: Ink) -> Iterator[str]:
    yield ink.paint(" recipients that it still has to reach", "dim")
    for one in report.message.recipients:
        yield f"   {printable(one.address)}"
        if one.reason:
            yield from folded(one.reason, "     ", "     ")


def _envelope(report: MessageReport) -> Iterator[str]:
    for name, value in report.envelope:
        attribute, equals, rest = value.partition("=")
        if name == "named_attribute" and equals:
            yield f"   {printable(attribute):22} {printable(rest)}"
        elif name not in _KNOWN:
            yield f"   {printable(name):22} {printable(value)}"


def _headers(report: MessageReport, ink: Ink) -> Iterator[str]:
    for name, value in report.headers:
        first, *more = value.split("\n")
        yield f"   {ink.paint(printable(name) + ':', 'bold')} {printable(first)}"
        yield from (f"     {printable(line.strip())}" for line in more)


def _next(report: MessageReport, hints: Hints) -> Iterator[str]:
    chosen = (("id", report.message.queue_id),)
    held = report.message.state == "hold"
    for what, action in (
        ("let it go on", "queue.release") if held else ("keep it", "queue.hold"),
        ("delete it", "queue.delete"),
    ):
        yield f" {what}: {hints.command(action, chosen)}"
