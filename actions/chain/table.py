"""A chain test as a table: milters down, stages across, one sign and word in each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.protocol import Stage
from actions.record import Record

if TYPE_CHECKING:
    from actions.chain.report import ChainReport, MilterResult, Verdict
    from actions.milter.session import Exchange

STAGES = (
    Stage.CONNECT,
    Stage.HELO,
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.HEADER,
    Stage.EOH,
    Stage.BODY,
    Stage.END,
)


class Cell(Record):
    """What a milter made of one stage."""

    sign: str
    word: str


NOTHING = Cell(" ", "not reached")
NOT_SENT = Cell("–", "not sent")
UNANSWERED = Cell("·", "sent, no reply asked")

_CELLS = {
    "continue": Cell("●", "continue"),
    "accept": Cell("✓", "accept"),
    "skip": Cell("●", "skip the rest"),
    "tempfail": Cell("◐", "tempfail"),
    "shutdown": Cell("◐", "shut down"),
    "reject": Cell("✗", "reject"),
    "discard": Cell("✗", "discard"),
    "quarantine": Cell("◐", "quarantine"),
    "failure": Cell("?", "failure"),
}

_GRAVEST_FIRST = ("?", "✗", "◐", "✓", "●", "·", "–", " ")


def cell(exchange: Exchange) -> Cell:
    """Return the cell of one event."""
    if exchange.trouble:
        return Cell("?", exchange.trouble.kind)
    if exchange.withheld:
        return NOT_SENT
    decision = exchange.reply.decision if exchange.reply else ""
    held = any(edit.kind == "quarantine" for edit in exchange.edits)
    if held and decision in {"continue", "accept"}:
        return _CELLS["quarantine"]
    return _CELLS[decision] if decision else UNANSWERED


def gravest(cells: list[Cell]) -> Cell:
    """Return the cell that stands for several events of one stage."""
    return min(cells, key=lambda cell: _GRAVEST_FIRST.index(cell.sign), default=NOTHING)


def row(exchanges: tuple[Exchange, ...]) -> tuple[Cell, ...]:
    """Return a milter's cells, one for each of `STAGES`."""
    return tuple(
        gravest([cell(exchange) for exchange in exchanges if exchange.stage is stage])
        for stage in STAGES
    )


def cells_of(milter: MilterResult) -> tuple[Cell, ...]:
    """Return the cells of *milter*; a session that could not be opened shows in the first."""
    cells = row(milter.exchanges)
    if milter.opened and milter.opened.trouble:
        return (Cell("?", milter.opened.trouble.kind), *cells[1:])
    return cells


EDIT_SIGNS = {
    "add header": "+",
    "insert header": "+",
    "change header": "~",
    "delete header": "-",
    "replace body": "~",
    "change sender": "~",
    "add recipient": "+",
    "delete recipient": "-",
    "quarantine": "!",
}
"""What stands before an edit: something is added, changed, taken away, or held."""

_DID: dict[Verdict, str] = {
    "reject": "Rejected",
    "temporary-failure": "Put off",
    "discard": "Discarded",
    "quarantine": "Quarantined",
    "undecided": "Not decided",
}


def headline(report: ChainReport) -> str:
    """Return the verdict in one sentence: what, by whom, where."""
    if report.is_delivered:
        let = "Accepted" if report.status == "accept" else "Passed"
        doubted = "but it may not have been filtered" if report.doubts else ""
        return f"{let}, {doubted}" if doubted else f"{let}: the message would be delivered"
    if report.status == "undecided" and not report.decided_by:
        return "Not decided: Postfix does not accept this chain"
    did = _DID[report.status]
    by = f": {report.decided_by}" if report.status == "undecided" else f" by {report.decided_by}"
    at = f" at {report.decided_at.words}" if report.decided_at else ""
    if report.status == "undecided" and not at:
        trouble = next(milter.trouble for milter in report.milters if milter.trouble)
        at = " could not be opened" if trouble.kind == "connection" else " did not negotiate"
    return f"{did}{by if report.decided_by else ''}{at}"


def side_by_side(report: ChainReport) -> tuple[str, ...]:
    """Return what is told of several sessions, line by line; nothing where there was one."""
    if not report.sessions:
        return ()
    counts: dict[str, int] = {}
    for session in report.sessions:
        counts[session.status] = counts.get(session.status, 0) + 1
    times = sorted(session.seconds for session in report.sessions)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"{len(times)} sessions side by side: {told}; this is the worst of them",
        f"fastest {milliseconds(times[0])}, slowest {milliseconds(times[-1])}",
    )


def milliseconds(seconds: float) -> str:
    """Return a duration as the table shows it."""
    if seconds < 10:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.1f} s"
