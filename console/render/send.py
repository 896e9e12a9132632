"""A sent mail as text: the SMTP session, the log's story, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import milliseconds
from actions.printable import printable
from console.render.columns import folded
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

ASKED = 34
"""Columns for what a step asked; the reply stands behind."""


def render(report: SendReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines = ["", *_heading(report, ink), "", *_session(report, ink)]
    if report.story:
        lines += ["", f" {_log(report)}"]
        lines += (line for told in report.story for line in _story_line(told))
    lines += ["", *_verdict(report, ink, hints)]
    return "\n".join(lines) + "\n"


def headline(report: SendReport) -> str:
    """Return the verdict in one line, with the reply or the cause."""
    count = len(report.recipients)
    same = [fate for fate in report.recipients if fate.status == report.status]
    told: str = report.status
    if report.status == "refused":
        told += _for_now(report) + f" by {_refuser(report)}"
    if report.status == "delivered":
        told += f" to {count} recipients" if count > 1 else f" to {same[0].address}"
    elif count > 1:
        told += f" for {len(same)} of {count} recipients"
    cause = report.because or (same[0].reply.partition("\n")[0] if same else "")
    if not cause and same and not (count > 1 and report.status == "delivered"):
        cause = _words(same[0])
    return f"{told}{f': {cause}' if cause else ''}"


def _heading(report: SendReport, ink: Ink) -> Iterator[str]:
    how = {"none": "", "starttls": " · STARTTLS", "implicit": " · TLS"}[report.tls_mode]
    user = f" · as {report.user}" if report.user else ""
    place = f"{report.server} port {report.port}"
    yield ink.paint(printable(f" {report.sample} · {place}{how}{user}"), "bold")
    shown = ", ".join(f"<{fate.address}>" for fate in report.recipients[:3])
    more = f" and {len(report.recipients) - 3} more" if len(report.recipients) > 3 else ""
    yield from _folded(" ", f"<{report.sender}> → {shown}{more}", 3, ink, "dim")
    yield from _folded(" ", f"Message-ID {report.message_id}", 3, ink, "dim")


def _session(report: SendReport, ink: Ink) -> Iterator[str]:
    for step in report.steps:
        bad = step.trouble or step.code >= 400
        for line in _step(step):
            yield ink.paint(line, "bad") if bad else line
        if step.name == "TLS" and report.tls and not step.trouble:
            tls = report.tls
            checked = "verified" if tls.verified else "not checked"
            yield printable(f"     {tls.version} {tls.cipher}")
            told = f"{tls.subject}, by {tls.issuer}, until {tls.expires}: {checked}"
            yield from _folded("     ", told, 7)
    if report.extensions:
        names = ", ".join(one.partition(" ")[0] for one in report.extensions)
        yield from _folded("   ", f"it offers {names}", 5, ink, "dim")


def _step(step: Step) -> Iterator[str]:
    first, *more = (step.reply or (f"? {step.trouble}" if step.trouble else "ok")).split("\n")
    if more:
        first = f"{step.code} {first[4:]} …"
    asked = printable(f"{step.name} {step.argument}".strip())
    lead = f"   {asked:{ASKED}} "
    yield from _folded(lead, f"{first}  {milliseconds(step.seconds)}", 4 + ASKED)


def _log(report: SendReport) -> str:
    return printable(f"The log ({report.followed.log}), {milliseconds(report.followed.seconds)}")


def _story_line(told: StoryLine) -> Iterator[str]:
    line = told.line
    lead = printable(f"   {line.clock} {line.daemon:10} ")
    return _folded(lead, line.text, 23)


def _verdict(report: SendReport, ink: Ink, hints: Hints) -> Iterator[str]:
    sign, tone = SIGNS[report.status]
    yield from _folded(f" {sign} ", headline(report), 5, ink, tone)
    if report.queue_ids:
        yield from _folded("   ", f"queue id {' → '.join(report.queue_ids)}", 5)
    yield from _fates(report)
    if report.followed.because and not report.because:
        yield from _folded("   ", f"the log was not read: {report.followed.because}", 5)
    yield from _milters(report, hints)
    if report.next_step:
        yield from _folded("   ", f"next: {report.next_step}", 5)
    for note in report.notes:
        yield from _folded("   ", note, 5, ink, "dim")
    yield ink.paint(f"   {milliseconds(report.seconds)} in all", "dim")


def _fates(report: SendReport) -> Iterator[str]:
    """Yield each recipient's end; of a single one only what the verdict does not say."""
    if len(report.recipients) == 1:
        if way := _way(report.recipients[0]).lstrip(" ,"):
            yield from _folded("   ", way, 5)
        _, *further = report.recipients[0].reply.split("\n")
        for line in further:
            yield from _folded("     ", line, 7)
        return
    for fate in report.recipients:
        by = f" by {PARTS[fate.by]}" if fate.by else ""
        told = fate.reply.replace("\n", " ") or _words(fate)
        ended = f"<{fate.address}> {fate.status}{by}{_way(fate)}{f': {told}' if told else ''}"
        yield from _folded(f"   {SIGNS[fate.status][0]} ", ended, 5)


def _way(fate: Fate) -> str:
    """Return by what the mail went, and how long it took."""
    relay = f" by {fate.relay}" if fate.relay and fate.relay != "none" else ""
    return f"{relay}{f', {fate.delay:g} s' if fate.delay is not None else ''}"


def _words(fate: Fate) -> str:
    """Return the log's own words, without the status that stands before them."""
    for said in ("delivered to ", "delivered "):
        if fate.status == "delivered" and fate.words.startswith(said):
            return fate.words.removeprefix(said)
    return fate.words


def _milters(report: SendReport, hints: Hints) -> Iterator[str]:
    """Yield the milters that Postfix could not talk with, and the command that looks why."""
    for milter in report.milters:
        yield from _folded("   ", f"milter {milter.spec}: {milter.why}", 5)
        action = "chain.test" if milter.connected else "sockets.check"
        # A command stays in one line: it is there to be copied.
        yield f"   see why: {hints.command(action, (('milter', milter.spec),))}"


def _refuser(report: SendReport) -> str:
    if report.refused_by_milter:
        return f"milter {report.refused_by_milter}"
    return PARTS.get(report.refused_by, "the server")


def _for_now(report: SendReport) -> str:
    return " for now" if report.reply.startswith("4") else ""


def _folded(
    lead: str, text: str, hang: int, ink: Ink | None = None, tone: str = ""
) -> Iterator[str]:
    """Yield *text* after *lead*, in as many lines as it takes; the further ones stand at *hang*."""
    for line in folded(text, lead, " " * hang):
        yield ink.paint(line, tone) if ink else line
