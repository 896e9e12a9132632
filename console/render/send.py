"""A sent mail as text: the SMTP session, the log's story, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import milliseconds
from actions.printable import printable
from console.render.ink import Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.chain.send.report import Fate, SendReport, Status, Step, StoryLine
    from console.render.hint import Hints

SIGNS: dict[Status, tuple[str, str]] = {
    "delivered": ("✓", "good"),
    "accepted": ("●", "good"),
    "refused": ("✗", "bad"),
    "bounced": ("✗", "bad"),
    "discarded": ("✗", "bad"),
    "deferred": ("◐", "warn"),
    "held": ("◐", "warn"),
    "undecided": ("?", "warn"),
}
"""A sign and its tone for each status; the word always stands beside it."""

PARTS = {
    "milter": "a milter",
    "restriction": "a restriction of Postfix",
    "proxy": "a proxy",
    "content check": "a content check of Postfix",
    "server": "the server",
}


def render(report: SendReport, _hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines = ["", *_heading(report, ink), "", *_session(report, ink)]
    if report.story:
        lines += ["", f" {_log(report)}", *map(_story_line, report.story)]
    lines += ["", *_verdict(report, ink)]
    return "\n".join(lines) + "\n"


def headline(report: SendReport) -> str:
    """Return the verdict in one line, with the reply or the cause."""
    count = len(report.recipients)
    same = [fate for fate in report.recipients if fate.status == report.status]
    told: str = report.status
    if report.status == "refused":
        told += _for_now(report) + f" by {PARTS.get(report.refused_by, 'the server')}"
    if count > 1:
        told += f" for {len(same)} of {count} recipients"
    cause = report.because or (same[0].reply.partition("\n")[0] if same else "")
    cause = cause or (same[0].words if same else "")
    return f"{told}{f': {cause}' if cause else ''}"


def step_line(step: Step) -> str:
    """Return one step of the session as a line."""
    first, *more = (step.reply or (f"? {step.trouble}" if step.trouble else "ok")).split("\n")
    if more:
        first = f"{step.code} {first[4:]} …"
    asked = f"{step.name} {step.argument}".strip()
    return printable(f"{asked:34} {first}") + f"  {milliseconds(step.seconds)}"


def story_line(told: StoryLine) -> str:
    """Return one line of the log, short."""
    line = told.line
    return printable(f"{line.clock} {line.daemon:10} {line.text}")


def _heading(report: SendReport, ink: Ink) -> Iterator[str]:
    how = {"none": "", "starttls": " · STARTTLS", "implicit": " · TLS"}[report.tls_mode]
    user = f" · as {report.user}" if report.user else ""
    place = f"{report.server} port {report.port}"
    yield ink.paint(printable(f" {report.sample} · {place}{how}{user}"), "bold")
    shown = ", ".join(f"<{fate.address}>" for fate in report.recipients[:3])
    more = f" and {len(report.recipients) - 3} more" if len(report.recipients) > 3 else ""
    yield ink.paint(printable(f" <{report.sender}> → {shown}{more}"), "dim")
    yield ink.paint(printable(f" Message-ID {report.message_id}"), "dim")


def _session(report: SendReport, ink: Ink) -> Iterator[str]:
    for step in report.steps:
        line = f"   {step_line(step)}"
        bad = step.trouble or step.code >= 400
        yield ink.paint(line, "bad") if bad else line
        if step.name == "TLS" and report.tls and not step.trouble:
            tls = report.tls
            checked = "verified" if tls.verified else "not checked"
            yield printable(f"     {tls.version} {tls.cipher}")
            yield printable(f"     {tls.subject}, by {tls.issuer}, until {tls.expires}: {checked}")
    if report.extensions:
        names = ", ".join(one.partition(" ")[0] for one in report.extensions)
        yield ink.paint(printable(f"   it offers {names}"), "dim")


def _log(report: SendReport) -> str:
    return printable(f"The log ({report.followed.log}), {milliseconds(report.followed.seconds)}")


def _story_line(told: StoryLine) -> str:
    return f"   {story_line(told)}"


def _verdict(report: SendReport, ink: Ink) -> Iterator[str]:
    sign, tone = SIGNS[report.status]
    yield ink.paint(printable(f" {sign} {headline(report)}"), tone)
    if report.queue_ids:
        yield printable(f"   queue id {' → '.join(report.queue_ids)}")
    for fate in report.recipients:
        yield printable(f"   {SIGNS[fate.status][0]} <{fate.address}> {_fate(fate)}")
    if report.followed.because and not report.because:
        yield printable(f"   the log was not read: {report.followed.because}")
    if report.next_step:
        yield printable(f"   next: {report.next_step}")
    for note in report.notes:
        yield ink.paint(printable(f"   {note}"), "dim")
    yield ink.paint(f"   {milliseconds(report.seconds)} in all", "dim")


def _fate(fate: Fate) -> str:
    told = fate.reply.replace("\n", " ") or fate.words
    by = f" by {PARTS[fate.by]}" if fate.by else ""
    relay = f" by {fate.relay}" if fate.relay and fate.relay != "none" else ""
    delay = f", {fate.delay:g} s" if fate.delay is not None else ""
    return f"{fate.status}{by}{relay}{delay}{f': {told}' if told else ''}"


def _for_now(report: SendReport) -> str:
    return " for now" if report.reply.startswith("4") else ""
