"""A chain test as text: what each milter said, the message's changes, the table, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain import table
from actions.chain.table import STAGES, cells_of, milliseconds, side_by_side
from actions.printable import printable
from console.render.columns import folded
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.report import ChainReport, ChildResult, MilterResult
    from console.render.hint import Hints

VERDICT_TONES = {"pass": "good", "accept": "good", "reject": "bad", "discard": "bad"}


def render(report: ChainReport, hints: Hints) -> str:
    """Return *report* the way its operator asked to see it."""
    if report.shown.brief:
        return "\n".join(_brief(report))
    ink = Ink(report.shown.color)
    lines = ["", *_milters(report, ink)]
    if report.trace:
        lines += [*_trace(report), ""]
    if report.differences:
        from console.render.difference import difference_lines

        lines += [*difference_lines(report.differences, ink), ""]
    lines += [*_heading(report, ink), "", *_table(report.milters, ink), ""]
    if report.children:
        lines += [*_children(report, ink), ""]
    lines += _verdict(report, ink, hints)
    lines += [f"   {line}" for line in side_by_side(report)]
    if report.shown.output_message and report.message_after:
        lines += ["", *printable_lines(report.message_after)]
    return "\n".join(lines) + "\n"


def headline(report: ChainReport) -> str:
    """Return the verdict in one line, with the reply or the cause."""
    told = report.because or report.reply
    if report.is_delivered and report.doubts:
        told = report.doubts[0]
    wanted = report.shown.expect
    wish = "" if not wanted or report.is_as_expected else f" (wanted {wanted})"
    return f"{table.headline(report)}{wish}{f' - {told}' if told else ''}"


def _brief(report: ChainReport) -> Iterator[str]:
    """Yield milter-test-server's own lines, and one honest line where it has none."""
    if report.status != "undecided":
        yield f"status: {report.status}"
        yield f"elapsed-time: {report.seconds:.3f} seconds"
    elif report.decided_by:
        milter = next(milter for milter in report.milters if milter.trouble)
        at = f" at {report.decided_at.words}" if report.decided_at else " on negotiation"
        yield _no_decision(milter, at)
    else:
        yield printable(headline(report))
    if report.is_delivered:
        yield from map(printable, report.doubts)
    if report.shown.output_message and report.message_after:
        yield from printable_lines(report.message_after)


def _no_decision(milter: MilterResult, at: str) -> str:
    assert milter.trouble
    if milter.trouble.kind == "connection":
        return printable(f"Failed to connect to {milter.endpoint}: {milter.trouble.text}")
    return printable(f"No decision from {milter.endpoint}{at}: {milter.trouble.text}")


def _milters(report: ChainReport, ink: Ink) -> Iterator[str]:
    from console.render.events import milter_lines

    for milter in (*report.milters, *(child.milter for child in report.children)):
        yield from milter_lines(milter, ink, every=report.shown.verbose)
        yield ""


def _heading(report: ChainReport, ink: Ink) -> Iterator[str]:
    asked = report.setting
    as_user = f" · sockets opened as {asked.as_user}" if asked.as_user else ""
    chain = f"chain of {asked.chain} · " if asked.chain else ""
    told = f"{chain}{asked.sample} · {asked.profile} client {asked.client}{as_user}"
    for line in folded(told, " ", " "):
        yield ink.paint(line, "bold")
    shown = ", ".join(f"<{address}>" for address in asked.recipients[:3])
    more = f" and {len(asked.recipients) - 3} more" if len(asked.recipients) > 3 else ""
    yield ink.paint(printable(f" <{asked.sender}> → {shown}{more}"), "dim")


def _table(milters: Sequence[MilterResult], ink: Ink) -> Iterator[str]:
    room = min(max(16, *(len(milter.name) for milter in milters)), 24)
    names = " ".join(stage.value for stage in STAGES)
    yield ink.paint(f" {'':{room}}  {names}      total", "dim")
    for milter in milters:
        cells = " ".join(
            ink.paint(f"{cell.sign:^{len(stage.value)}}", TONES.get(cell.sign, ""))
            for stage, cell in zip(STAGES, cells_of(milter), strict=True)
        )
        name = printable(milter.name)[:room]
        yield f" {name:{room}}  {cells} {_total(milter):>10}"


def _total(milter: MilterResult) -> str:
    return milliseconds(milter.seconds) if milter.verdict else "not asked"


def _children(report: ChainReport, ink: Ink) -> Iterator[str]:
    for manager in dict.fromkeys(child.manager for child in report.children):
        mine = [child for child in report.children if child.manager == manager]
        yield ink.paint(printable(f" Behind {manager}, each asked directly"), "bold")
        yield from _table([child.milter for child in mine], ink)
        for child in mine:
            yield from _child_says(child, ink)


def _child_says(child: ChildResult, ink: Ink) -> Iterator[str]:
    name = child.milter.name
    if child.status not in {"pass", "accept"}:
        at = f" at {child.decided_at.words}" if child.decided_at else ""
        told = child.reply or child.because
        yield from _long(f"{name}: {child.status}{at}{f', {told}' if told else ''}")
    if child.skipped:
        yield from _long(f"{child.manager} skipped {name}: {child.skipped}", ink)


def _verdict(report: ChainReport, ink: Ink, hints: Hints) -> Iterator[str]:
    doubted = report.is_delivered and report.doubts
    tone = "warn" if doubted else VERDICT_TONES.get(report.status, "warn")
    yield ink.paint(" " + printable(table.headline(report)), tone)
    for words in (report.reply, report.because, *report.doubts):
        if words:
            yield from _long(words)
    yield from _socket_hint(report, hints)
    if report.shown.expect:
        met = "as expected" if report.is_as_expected else "NOT as expected"
        yield f"   {met}: wanted {report.shown.expect}, got {report.status}"
    yield from _recipients(report)
    for note in report.notes:
        yield from _long(note, ink)
    yield ink.paint(f"   {milliseconds(report.seconds)} in all", "dim")


def _recipients(report: ChainReport) -> Iterator[str]:
    """Yield what became of each recipient, where it differs from the verdict."""
    if all(recipient.accepted for recipient in report.recipients):
        return
    for recipient in report.recipients:
        if recipient.accepted:
            yield printable(f"   <{recipient.address}> accepted")
        else:
            by = f" by {recipient.refused_by}" if recipient.refused_by else ""
            yield printable(f"   <{recipient.address}> refused{by}: {recipient.reply}")


def _socket_hint(report: ChainReport, hints: Hints) -> Iterator[str]:
    """Yield where to go on when Postfix refuses the chain, or a socket is closed to us."""
    if report.status == "undecided" and not report.decided_by:
        yield f"   see all: {hints.command('chain.discover', ())}"
        return
    for milter in report.milters:
        if milter.trouble and milter.trouble.kind == "connection":
            command = hints.command("sockets.check", (("milter", milter.endpoint),))
            yield f"   see why: {command}"


def _long(text: str, ink: Ink | None = None) -> Iterator[str]:
    for line in folded(text, "   ", "     "):
        yield ink.paint(line, "dim") if ink else line


def _trace(report: ChainReport) -> Iterator[str]:
    for milter, way, data in report.trace:
        yield f" {printable(milter)} {way} {data}"


def printable_lines(message: bytes) -> Iterator[str]:
    """Yield the lines of *message*, harmless to a terminal."""
    for line in message.decode("utf-8", "backslashreplace").splitlines():
        yield printable(line)
