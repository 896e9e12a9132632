"""A plan as rows: its changes, how each is undone, and how far they have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from actions.outcome import (
    Begun,
    ChangeDone,
    ChangeFailed,
    ChangeSaid,
    ChangeStarted,
    ChangeTakenBack,
    NotProved,
    Proved,
    Proving,
    RolledBack,
    RollingBack,
)
from widgets.ink import Tone, joined, said, took
from widgets.lines import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.outcome import PlanReport
    from actions.plan import Change, Line, Plan

_LINE_TONES: dict[str, Tone] = {"+": "good", "-": "bad", " ": "dim", "$": ""}


class Mark:
    """How far one line of the plan has come."""

    def __init__(self, sign: str = " ", word: str = "", tone: Tone = "", detail: str = "") -> None:
        self.sign = sign
        self.word = word
        self.tone = tone
        self.detail = detail

    def saying(self, detail: str) -> Mark:
        """Return the same mark with another detail."""
        return Mark(self.sign, self.word, self.tone, detail)


PLANNED = Mark()
RUNNING = Mark("…", "under way", "accent")


def done(seconds: float) -> Mark:
    """Return the mark of a change that is done."""
    return Mark("●", f"done in {took(seconds)}", "good")


class Progress:
    """What the runner has told of a plan so far."""

    def __init__(self, plan: Plan) -> None:
        self.changes = [PLANNED for _ in plan.changes]
        self.proof = PLANNED
        self.entry = ""
        self.back = ""
        """Why everything is taken back; empty where it is not."""

    def take(self, event: object) -> None:
        """Note one event of `actions.outcome`."""
        match event:
            case Begun(entry):
                self.entry = entry
            case ChangeStarted(number):
                self.changes[number] = RUNNING
            case ChangeSaid(number, line):
                self.changes[number] = RUNNING.saying(line)
            case ChangeDone(number, seconds):
                self.changes[number] = done(seconds)
            case ChangeFailed(number, why):
                self.changes[number] = Mark("✗", "failed", "bad", why)
            case ChangeTakenBack(number, seconds):
                self.changes[number] = Mark("◐", f"taken back in {took(seconds)}", "warn")
            case Proving():
                self.proof = RUNNING
            case Proved(seconds):
                self.proof = Mark("●", f"proved in {took(seconds)}", "good")
            case NotProved(why):
                self.proof = Mark("✗", "not proved", "bad", why)
            case RollingBack(why):
                self.back = why
            case RolledBack():
                self.back = ""

    def settle(self, report: PlanReport) -> None:
        """Take what the runner's report says of each change."""
        for number, change in enumerate(report.changes):
            mark = self.changes[number]
            if change.status == "not done":
                self.changes[number] = Mark("–", "not done", "dim")
            elif change.status == "left":
                self.changes[number] = Mark("✗", "left as it is", "bad", change.detail)
            elif change.detail and not mark.detail:
                self.changes[number] = Mark(mark.sign, mark.word, mark.tone, change.detail)
        self.entry = report.entry


def head_rows(plan: Plan) -> Iterator[Row]:
    """Yield what the plan is for."""
    lasting = "lasting" if plan.lasting else "temporary"
    yield Row(Content(" "), said(plan.title, "bold"), said(lasting))
    if plan.why:
        yield Row(said(" why   ", "dim"), said(plan.why))
    yield Row()


def change_rows(plan: Plan, progress: Progress) -> Iterator[Row]:
    """Yield the changes and the proof, each with how far it has come."""
    width = max((len(change.kind) for change in plan.changes), default=0)
    for number, change in enumerate(plan.changes, 1):
        yield from _change(number, change, progress.changes[number - 1], width)
        yield Row()
    if plan.proof and plan.changes:
        head = joined(_sign(progress.proof), said("proof".ljust(width + 3), "dim"))
        yield Row(head, said(plan.proof.summary), _word(progress.proof))
        yield from _detail(progress.proof, width)


def under_way(rows: list[Row]) -> int:
    """Return which of the rows is under way; the last where none is."""
    sign = _sign(RUNNING).plain
    return next((at for at, row in enumerate(rows) if row.head.plain.startswith(sign)), -1)


def command_rows(plan: Plan) -> list[Row]:
    """Return the changes as the commands an operator would type."""
    return [
        Row(Content(" "), said(line))
        for change in plan.changes
        for line in change.as_command().split("\n")
    ]


def _change(number: int, change: Change, mark: Mark, width: int) -> Iterator[Row]:
    kind = said(f"{number}  {change.kind:{width}}  ")
    right = _word(mark) if mark.word else _undo(change)
    yield Row(joined(_sign(mark), kind), said(change.target, "bold"), right)
    yield from _detail(mark, width)
    if change.note:
        yield Row(_margin(width), said(change.note))
    for line in change.lines():
        yield _line(line, width)


def _line(line: Line, width: int) -> Row:
    tone = _LINE_TONES[line.sign]
    return Row(_margin(width) + said(f"{line.sign} ", tone), said(line.text, tone))


def _undo(change: Change) -> Content:
    if change.undo == "exact":
        return said("exact undo", "dim")
    if change.undo == "compensating":
        return said(f"undo: {change.undo_note}" if change.undo_note else "undone by more", "dim")
    if change.undo == "nothing":
        return said("leaves nothing", "dim")
    return said(f"no undo: {change.undo_note}" if change.undo_note else "no undo", "warn")


def _sign(mark: Mark) -> Content:
    return said(f" {mark.sign} ", mark.tone)


def _word(mark: Mark) -> Content:
    return said(mark.word, mark.tone)


def _detail(mark: Mark, width: int) -> Iterator[Row]:
    if mark.detail:
        yield Row(_margin(width), said(mark.detail, mark.tone))


def _margin(width: int) -> Content:
    return Content(" " * (width + 8))
