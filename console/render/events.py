"""What each milter was asked and what it said: negotiation, events, macros, edits, as text."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from actions.chain.table import EDIT_SIGNS, cell, milliseconds
from actions.milter.connection import UNWANTED
from actions.printable import printable, printable_bytes
from console.render.columns import filled, width
from console.render.ink import TONES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.chain.report import EditShown, MilterResult
    from actions.milter.session import Exchange, Negotiated
    from console.render.ink import Ink

INDENT = " " * 12
"""Before what belongs to the line above."""

Macros = tuple[tuple[str, bytes], ...]


def milter_lines(milter: MilterResult, ink: Ink, *, every: bool) -> Iterator[str]:
    """Yield everything that happened with *milter*.

    Args:
        milter: what it did.
        ink: paints.
        every: whether each event and each macro has a line of its own; otherwise equal answers
            to events of one stage share a line, and macros are told where they change.
    """
    name, endpoint = printable(milter.name), printable(milter.endpoint)
    between = " · " if len(name) + len(endpoint) + 4 <= width() else "\n   "
    yield ink.paint(f" {name}", "bold") + ink.paint(f"{between}{endpoint}", "dim")
    if milter.opened:
        yield from _negotiation(milter.opened)
    elif not milter.exchanges:
        yield "   not asked"
    told: Macros = ()
    for events in _together(milter.exchanges, every=every):
        first = events[0]
        yield from _event_lines(events, ink)
        if every or not (first.withheld or _within(first.macros, told)):
            yield from _macro_lines(first.macros, every=every)
            told = first.macros
        if first.progress:
            yield f"{INDENT}asked for more time {first.progress} times"
    for edit in milter.edits:
        folds = (printable(fold.strip()) for fold in edit_line(edit).split("\n"))
        begin, *more = [
            line for fold in folds for line in filled(fold.split(" "), " ", indent=len(INDENT) + 2)
        ]
        yield f"   edit     {begin}"
        yield from (f"{INDENT}  {line}" for line in more)


def _together(exchanges: Iterable[Exchange], *, every: bool) -> Iterator[list[Exchange]]:
    """Yield events in their order; those of one stage with the same answer and macros as one."""
    if every:
        yield from ([exchange] for exchange in exchanges)
        return
    for _, group in groupby(exchanges, lambda one: (one.stage, cell(one), _words(one), one.macros)):
        yield list(group)


def _event_lines(events: list[Exchange], ink: Ink) -> Iterator[str]:
    first = events[0]
    shown = cell(first)
    took = "" if first.withheld else milliseconds(sum(event.seconds for event in events))
    about = first.argument
    if len(events) > 1:
        about = f"{len(events)} events: {', '.join(event.argument for event in events)}"
    head = f"   {first.stage.value:8} {shown.sign} {shown.word:10} {took:>8}"
    painted = head.replace(shown.sign, ink.paint(shown.sign, TONES.get(shown.sign, "")), 1)
    lines = filled(printable(about).split(" "), " ", indent=len(head) + 2)
    yield f"{painted}  {lines[0] if lines else ''}".rstrip()
    yield from (" " * (len(head) + 2) + line for line in lines[1:])
    if words := _words(first):
        yield f"{INDENT}{printable(words)}"


def _words(exchange: Exchange) -> str:
    """Return what the answer says beyond its word."""
    if exchange.trouble:
        return exchange.trouble.text
    if exchange.withheld:
        return "" if exchange.withheld == UNWANTED else exchange.withheld
    return exchange.reply.smtp.text if exchange.reply and exchange.reply.smtp else ""


def _within(macros: Macros, told: Macros) -> bool:
    return all(pair in told for pair in macros)


def _macro_lines(macros: Macros, *, every: bool) -> Iterator[str]:
    words = [f"{macro_name(name)}={printable_bytes(value)}" for name, value in macros]
    lines = words if every else filled(words, "  ", indent=len(INDENT))
    yield from (f"{INDENT}{line}" for line in lines)


def macro_name(name: str) -> str:
    """Return a macro's name as Postfix's settings write it: braces around all but one letter."""
    return name if len(name) == 1 else f"{{{name}}}"


def _negotiation(opened: Negotiated) -> Iterator[str]:
    from actions.milter.protocol import ACTIONS, STEPS, names

    if not opened.chosen:
        return
    chosen = opened.chosen
    yield (
        f"   version  {chosen.version}, of {opened.offer.version} offered"
        f" · negotiated in {milliseconds(opened.seconds)}"
    )
    yield from _fact("may", names(chosen.actions, ACTIONS) or ("change nothing",), ", ")
    steps = names(chosen.steps, STEPS) or ("every event, and a reply to each",)
    yield from _fact("protocol", steps, ", ")
    for stage, macros in chosen.macro_lists:
        asked = [macro_name(printable(name)) for name in macros]
        yield from _fact("asks for", [f"at {stage}:", *asked], " ")


def _fact(name: str, words: Iterable[str], between: str) -> Iterator[str]:
    first, *more = filled(words, between, indent=len(INDENT))
    yield f"   {name:8} {first}"
    yield from (f"{INDENT}{line}" for line in more)


def edit_line(edit: EditShown) -> str:
    """Return one edit as a line: a sign, and what it does."""
    sign = EDIT_SIGNS[edit.kind]
    if edit.kind in {"add header", "insert header", "change header"}:
        return f"{sign} {edit.name}: {edit.value}"
    if edit.kind == "delete header":
        return f"{sign} {edit.name} (number {max(edit.position, 1)})"
    return f"{sign} {edit.kind} {edit.name or edit.value}"
