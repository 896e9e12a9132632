"""A chain test as text: the table, who decided, the edits, the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain import table
from actions.chain.table import EDIT_SIGNS, STAGES, cells_of, milliseconds, side_by_side
from actions.printable import printable
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.chain.report import ChainReport, EditShown, MilterResult
    from actions.milter.session import Exchange, Negotiated
    from console.render.hint import Hints

VERDICT_TONES = {"pass": "good", "accept": "good", "reject": "bad", "discard": "bad"}


def render(report: ChainReport, hints: Hints) -> str:
    """Return *report* the way its operator asked to see it."""
    if report.shown.brief:
        return "\n".join(_brief(report))
    ink = Ink(report.shown.color)
    lines = [
        "",
        *_heading(report, ink),
        "",
        *_table(report, ink),
        "",
        *_verdict(report, ink, hints),
    ]
    lines += [f"   {line}" for line in side_by_side(report)]
    lines += _edits(report)
    if report.shown.verbose:
        lines += ["", *_events(report)]
    if report.trace:
        lines += ["", *_trace(report)]
    if report.shown.output_message and report.message_after:
        lines += ["", *printable_lines(report.message_after)]
    return "\n".join(lines) + "\n"


def headline(report: ChainReport) -> str:
    """Return the verdict in one line, with the reply or the cause."""
    told = report.because or report.reply
    wanted = report.shown.expect
    wish = f" (wanted {wanted})" if wanted and report.status != wanted else ""
    return f"{table.headline(report)}{wish}{f': {told}' if told else ''}"


def _brief(report: ChainReport) -> Iterator[str]:
    """Yield milter-test-server's own lines, and one honest line where it has none."""
    if report.status != "undecided":
        yield f"status: {report.status}"
        yield f"elapsed-time: {report.seconds:.3f} seconds"
    else:
        milter = next(milter for milter in report.milters if milter.trouble)
        if milter.trouble and milter.trouble.kind == "connection":
            yield printable(f"Failed to connect to {milter.endpoint}: {report.because}")
        else:
            at = f" at {report.decided_at.words}" if report.decided_at else " on negotiation"
            yield printable(f"No decision from {milter.endpoint}{at}: {report.because}")
    if report.shown.output_message and report.message_after:
        yield from printable_lines(report.message_after)


def _heading(report: ChainReport, ink: Ink) -> Iterator[str]:
    asked = report.setting
    as_user = f" · sockets opened as {asked.as_user}" if asked.as_user else ""
    yield ink.paint(
        printable(f" {asked.sample} · {asked.profile} client {asked.client}{as_user}"), "bold"
    )
    shown = ", ".join(f"<{address}>" for address in asked.recipients[:3])
    more = f" and {len(asked.recipients) - 3} more" if len(asked.recipients) > 3 else ""
    yield ink.paint(printable(f" <{asked.sender}> → {shown}{more}"), "dim")


def _table(report: ChainReport, ink: Ink) -> Iterator[str]:
    width = max(16, *(len(milter.name) for milter in report.milters))
    width = min(width, 24)
    names = " ".join(stage.value for stage in STAGES)
    yield ink.paint(f" {'':{width}}  {names}      total", "dim")
    for milter in report.milters:
        cells = " ".join(
            ink.paint(f"{cell.sign:^{len(stage.value)}}", TONES.get(cell.sign, ""))
            for stage, cell in zip(STAGES, cells_of(milter), strict=True)
        )
        name = printable(milter.name)[:width]
        yield f" {name:{width}}  {cells} {_total(milter):>10}"


def _total(milter: MilterResult) -> str:
    return milliseconds(milter.seconds) if milter.verdict else "not asked"


def _verdict(report: ChainReport, ink: Ink, hints: Hints) -> Iterator[str]:
    tone = VERDICT_TONES.get(report.status, "warn")
    yield ink.paint(" " + printable(table.headline(report)), tone)
    if report.reply:
        yield f"   {printable(report.reply)}"
    if report.because:
        yield f"   {printable(report.because)}"
    yield from _socket_hint(report, hints)
    if report.shown.expect:
        met = "as expected" if report.status == report.shown.expect else "NOT as expected"
        yield f"   {met}: wanted {report.shown.expect}, got {report.status}"
    refused = [recipient for recipient in report.recipients if not recipient.accepted]
    for recipient in refused:
        yield printable(
            f"   <{recipient.address}> refused by {recipient.refused_by}: {recipient.reply}"
        )
    for note in report.notes:
        yield ink.paint(f"   {printable(note)}", "dim")
    yield ink.paint(f"   {milliseconds(report.seconds)} in all", "dim")


def _socket_hint(report: ChainReport, hints: Hints) -> Iterator[str]:
    """Yield where to go on when a socket is closed to us."""
    for milter in report.milters:
        if milter.trouble and milter.trouble.kind == "connection":
            command = hints.command("sockets.check", (("milter", milter.endpoint),))
            yield f"   see why: {command}"


def _edits(report: ChainReport) -> Iterator[str]:
    edited = [milter for milter in report.milters if milter.edits]
    if not edited:
        return
    yield ""
    yield " Edits"
    for milter in edited:
        for edit in milter.edits:
            yield from _edit(milter.name, edit)


def _edit(milter: str, edit: EditShown) -> Iterator[str]:
    first, *folds = edit_line(edit).split("\n")
    yield printable(f"   {milter:16}  {first}")
    for fold in folds:
        yield f"   {'':16}    {printable(fold.strip())}"


def edit_line(edit: EditShown) -> str:
    """Return one edit as a line: a sign, and what it does."""
    sign = EDIT_SIGNS[edit.kind]
    if edit.kind in {"add header", "insert header", "change header"}:
        return f"{sign} {edit.name}: {edit.value}"
    if edit.kind == "delete header":
        return f"{sign} {edit.name} (number {max(edit.position, 1)})"
    return f"{sign} {edit.kind} {edit.name or edit.value}"


def _events(report: ChainReport) -> Iterator[str]:
    for milter in report.milters:
        yield printable(f" {milter.name} · {milter.endpoint}")
        if milter.opened:
            yield from _negotiation(milter.opened)
        for exchange in milter.exchanges:
            yield printable(f"   {_event(exchange)}")
            for name, value in exchange.macros:
                yield printable(f"     {{{name}}} = {value.decode('utf-8', 'backslashreplace')}")


def _negotiation(opened: Negotiated) -> Iterator[str]:
    from actions.milter.protocol import ACTIONS, STEPS, names

    if not opened.chosen:
        return
    chosen = opened.chosen
    yield f"   version {chosen.version} of {opened.offer.version} offered"
    yield f"   may: {', '.join(names(chosen.actions, ACTIONS)) or 'nothing'}"
    yield f"   protocol: {', '.join(names(chosen.steps, STEPS)) or 'every event, every reply'}"
    for stage, macros in chosen.macro_lists:
        yield printable(f"   asks at {stage} for: {' '.join(macros)}")


def _event(exchange: Exchange) -> str:
    if exchange.withheld:
        return f"{exchange.stage.value:8} {exchange.argument}  – {exchange.withheld}"
    if exchange.trouble:
        return f"{exchange.stage.value:8} {exchange.argument}  ? {exchange.trouble.text}"
    said = exchange.reply.decision if exchange.reply else "no reply asked"
    exact = f" {exchange.reply.smtp.text}" if exchange.reply and exchange.reply.smtp else ""
    took = milliseconds(exchange.seconds)
    return f"{exchange.stage.value:8} {exchange.argument}  {said}{exact}  {took}"


def _trace(report: ChainReport) -> Iterator[str]:
    for milter, way, data in report.trace:
        yield f" {printable(milter)} {way} {data}"


def printable_lines(message: bytes) -> Iterator[str]:
    """Yield the lines of *message*, harmless to a terminal."""
    for line in message.decode("utf-8", "backslashreplace").splitlines():
        yield printable(line)
