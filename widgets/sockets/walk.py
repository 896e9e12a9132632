"""The path of an edge, drawn component by component as its client walks it, and its proof."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.record import Record
from actions.sockets.path import failing
from widgets.fault import on_screen
from widgets.ink import SIGN_TONES, joined, said, spaced, took
from widgets.lines import Lines, Row
from widgets.sockets.words import confined, title, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.content import Content
    from textual.events import Resize

    from actions.finding import Finding
    from actions.sockets.path import Step
    from actions.sockets.report import EdgeState

MARGIN = 3
"""Cells before each component."""

GAP = 2
"""Cells between two columns."""

BELOW = 4
"""Cells by which what stands below a component is indented."""

FACT = 9
"""Cells for the name of a fact."""

_SIGNS = {True: "●", False: "✗", None: "?"}


def edge_rows(state: EdgeState, user: str, width: int) -> list[Row]:
    """Return all that is known of one edge.

    Args:
        state: the edge, as it was seen.
        user: its client's user with its numbers, such as "postfix (89:89)".
        width: cells of a line.
    """
    return [
        *heading(state, user, width),
        *walk_rows(state.steps, width),
        *([Row()] if state.steps else []),
        *_facts(state),
    ]


class Walk(Lines):
    """All that is known of one edge, scrolled to where its client is stopped."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._found: Finding | None = None

    def put(self, rows: Sequence[Row], state: EdgeState | None) -> None:
        """Show *rows*; those of a *state* as before stay where they were scrolled to."""
        found = state.finding if state else None
        is_another = found != self._found
        self._found = found
        self.show(rows)
        if is_another:
            self._see_stop()

    def on_resize(self, _: Resize) -> None:
        """Keep it in sight: the height comes only after the rows."""
        self.call_next(self._see_stop)

    def _see_stop(self) -> None:
        self.scroll_home(animate=False)
        stops = (at for at, row in enumerate(self._rows) if at and "✗" in row.body.plain)
        self.reveal(next(stops, 0))


def heading(state: EdgeState, user: str, width: int) -> list[Row]:
    """Return who opens what, how that is, and with whose rights."""
    sign = state.finding.health.sign
    ends = said(title(state.edge), "bold")
    whole = joined(ends, said(f"   {sign} {told(state)}", SIGN_TONES[sign]))
    client = f"as {user}, " if user else ""
    rights = said(f"{client}{confined(state.edge)}", "dim")
    if 1 + whole.cell_length + GAP + rights.cell_length <= width:
        return [Row(said(" "), whole, rights)]
    return [Row(said(" "), whole), Row(spaced(MARGIN), rights)]


def walk_rows(steps: Sequence[Step], width: int) -> list[Row]:
    """Return *steps* as a table with whole paths where they fit, else each below its folder."""
    for paths in ([step.path for step in steps], [*_nested(steps)]):
        lines = _lines(steps, paths)
        if max(map(_width, lines), default=0) <= width:
            break
    return [row for line in lines for row in _rows(line, width)]


def _nested(steps: Sequence[Step]) -> Iterator[str]:
    """Yield each component by its own name, indented under the folder that it is in."""
    folder, root = "", steps[0].path.rstrip("/") if steps else ""
    for step in steps:
        above, name = os.path.split(step.path)
        depth = step.path.count("/") - root.count("/")
        yield f"{' ' * depth}/{name}" if above == folder and name else step.path
        if step.kind == "folder":
            folder = step.path


class _Line(Record):
    """One component as it is told."""

    cells: tuple[Content, ...]
    """Its path, owner, mode, and what is needed of it."""
    note: Content
    below: tuple[Content, ...]
    """What stands below it, indented."""


def _lines(steps: Sequence[Step], paths: Sequence[str]) -> list[_Line]:
    """Return the lines of a table, each cell as wide as its column."""
    if not steps:
        return []
    marked = (failing(tuple(steps)), steps[-1])
    lines = [_line(step, path, marked) for step, path in zip(steps, paths, strict=True)]
    columns = zip(*(line.cells for line in lines), strict=True)
    sizes = [max(cell.cell_length for cell in column) + GAP for column in columns]
    return [line._replace(cells=_padded(line.cells, sizes)) for line in lines]


def _padded(cells: Sequence[Content], sizes: Sequence[int]) -> tuple[Content, ...]:
    pairs = zip(cells, sizes, strict=True)
    return tuple(joined(cell, spaced(size - cell.cell_length)) for cell, size in pairs)


def _width(line: _Line) -> int:
    """Return how wide a line is with its note."""
    return MARGIN + sum(cell.cell_length for cell in (*line.cells, line.note))


def _rows(line: _Line, width: int) -> Iterator[Row]:
    """Yield a line, with its note below it where there is no room beside."""
    fits = _width(line) <= width
    beside, below = ([line.note], []) if fits else ([], [line.note])
    yield Row(spaced(MARGIN), joined(*line.cells, *beside).rstrip())
    yield from (Row(spaced(MARGIN + BELOW), one) for one in (*below, *line.below) if one)


def _line(step: Step, path: str, marked: tuple[Step | None, Step]) -> _Line:
    """Return the cells of *step*; of those that are *marked*, the first stops the client."""
    sign = _SIGNS[step.granted]
    is_there = step.kind != "missing" and bool(step.owner)
    mode = "link" if step.kind == "link" else f"{step.mode:04o}"
    tone = SIGN_TONES[sign]
    is_marked = any(step is one for one in marked)
    note = ""
    if step.granted is not True or step.kind == "link" or is_marked:
        note = step.note
    below = [said(f"ACL {', '.join(step.acl)}", "dim")] if step.acl else []
    if step.label and is_marked:
        below.append(said(f"label {step.label}", "dim"))
    cells = (
        said(path, "bad" if step is marked[0] else ""),
        said(f"{step.owner}:{step.group}" if is_there else "", "dim"),
        said(mode if is_there else "", "dim"),
        joined(said(f"{step.needs or ' '} "), said(sign, tone)),
    )
    return _Line(cells, said(note, "dim" if step.granted else tone), tuple(below))


def _facts(state: EdgeState) -> Iterator[Row]:
    edge, finding = state.edge, state.finding
    if finding.why:
        yield fact("why", on_screen(finding.why))
    if edge.effect and finding.health is not Health.OK:
        yield fact("so", edge.effect)
    yield _proof(state)
    if state.log_line:
        yield fact("logged", state.log_line)
    if edge.endpoint and not state.steps:
        yield fact("socket", edge.endpoint)
    if edge.source:
        spec = f" as {edge.spec}" if edge.spec != edge.endpoint else ""
        yield fact("set in", f"{edge.source}{spec}")


def _proof(state: EdgeState) -> Row:
    edge = state.edge
    client = f" as {edge.user}" if edge.user else ""
    speaks = "negotiated" if edge.speech == "milter" else "was answered"
    if state.trouble:
        done = "not done" if state.finding.health is Health.UNKNOWN else f"connecting{client}"
        proof = f"{done}: {state.trouble.text}"
    else:
        proof = f"connected{client}, and {speaks}"
    return fact("proof", proof)._replace(right=said(took(state.seconds), "dim"))


def fact(name: str, text: str) -> Row:
    """Return one fact beside its name."""
    return Row(said(f"   {name:<{FACT}} ", "dim"), said(text))
