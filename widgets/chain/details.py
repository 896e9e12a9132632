"""All about one milter, or one stage of it: macros, replies, edits, times, the negotiation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import EDIT_SIGNS, cell, milliseconds
from actions.milter.protocol import ACTIONS, STEPS, names
from actions.printable import printable_bytes
from widgets.ink import SIGN_TONES, joined, said, signed
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.content import Content

    from actions.milter.codec import Chosen, Edit
    from actions.milter.protocol import Stage
    from actions.milter.session import Exchange, Negotiated
    from widgets.chain.course import Lane


def cell_line(lane: Lane, stage: Stage | None) -> Content:
    """Return what is under the cursor, in words."""
    opened = lane.opened
    if opened and opened.trouble:
        return joined(said(lane.name, "bold"), said("  "), signed("?", opened.trouble.text))
    if stage is None:
        return joined(said(lane.name, "bold"), said(f"  {lane.endpoint}", "dim"))
    where = joined(said(lane.name, "bold"), said(f" at {stage.words}  "))
    events = [exchange for exchange in lane.exchanges if exchange.stage is stage]
    if not events:
        return where + said("not reached" if lane.exchanges else "not asked yet", "dim")
    told = where + _answer(events[-1])
    if len(events) > 1:
        told += said(f"  · {len(events)} events", "dim")
    return told


def lane_rows(lane: Lane, stage: Stage | None) -> list[Row]:
    """Return every event of *lane*, or those at *stage*."""
    rows = [Row(said(" "), said(lane.endpoint, "dim")), Row()]
    if stage is None:
        rows += [*negotiation_rows(lane), Row()]
    events = [one for one in lane.exchanges if stage is None or one.stage is stage]
    for exchange in events:
        rows += event_rows(exchange)
        rows.append(Row())
    if not events:
        rows.append(Row(said(" "), said("It was not asked here.", "dim")))
    return rows


def event_rows(exchange: Exchange) -> Iterator[Row]:
    """Yield one event: what it was about, the answer, and the macros sent with it."""
    took = "" if exchange.withheld else milliseconds(exchange.seconds)
    about = said(f" {exchange.stage.value:8} ", "bold")
    yield Row(about, said(exchange.argument), said(took, "dim"))
    yield Row(said(" " * 10), _answer(exchange))
    if exchange.progress:
        yield Row(said(" " * 10), said(f"asked for more time {exchange.progress} times"))
    for edit in exchange.edits:
        yield Row(said(" " * 10), edit_line(edit))
    for name, value in exchange.macros:
        yield Row(said(f"          {{{name}}} ", "dim"), said(printable_bytes(value)))


def edit_line(edit: Edit) -> Content:
    """Return one edit: a sign, and what it does."""
    sign, name = EDIT_SIGNS[edit.kind], printable_bytes(edit.name)
    if edit.kind in {"add header", "insert header", "change header"}:
        return joined(said(f"{sign} {name}: "), said(folded_value(edit.value)))
    if edit.kind == "delete header":
        return said(f"{sign} {name} (number {max(edit.position, 1)})")
    if edit.kind == "replace body":
        return said(f"{sign} replace body, {len(edit.value):,} bytes")
    return said(f"{sign} {edit.kind} {name or printable_bytes(edit.value)}")


def folded_value(value: bytes) -> str:
    """Return a header's value on one line, its folds as a space."""
    return printable_bytes(b" ".join(line.strip() for line in value.splitlines()))


def negotiation_rows(lane: Lane) -> Iterator[Row]:
    """Yield how the session with *lane* was opened."""
    opened = lane.opened
    if opened is None:
        yield Row(said("   "), said("not opened", "dim"))
    elif opened.chosen is None:
        told = opened.trouble.text if opened.trouble else "no answer"
        yield Row(said(" ? ", "warn"), said(told), said(milliseconds(opened.seconds), "dim"))
    else:
        yield from _chosen(opened, opened.chosen)


def all_negotiations(lanes: list[Lane]) -> list[Row]:
    """Return how the session with each milter was opened."""
    rows: list[Row] = []
    for lane in lanes:
        rows += [heading(lane.name), Row(said("   "), said(lane.endpoint, "dim"))]
        rows += [*negotiation_rows(lane), Row()]
    return rows


def _chosen(opened: Negotiated, chosen: Chosen) -> Iterator[Row]:
    version = f"{chosen.version}, of {opened.offer.version} offered"
    yield _fact("version", version, milliseconds(opened.seconds))
    yield _fact("may", ", ".join(names(chosen.actions, ACTIONS)) or "change nothing")
    steps = ", ".join(names(chosen.steps, STEPS)) or "every event, and a reply to each"
    yield _fact("protocol", steps)
    for stage, macros in chosen.macro_lists:
        yield _fact(f"asks at {stage} for", " ".join(macros))


def _fact(name: str, value: str, right: str = "") -> Row:
    return Row(said(f"   {name:9} ", "dim"), said(value), said(right, "dim"))


def _answer(exchange: Exchange) -> Content:
    shown = cell(exchange)
    told = said(f"{shown.sign} {shown.word}", SIGN_TONES.get(shown.sign, ""))
    if exchange.withheld:
        return told + said(f": {exchange.withheld}", "dim")
    if exchange.trouble:
        return told + said(f": {exchange.trouble.text}")
    if exchange.reply and exchange.reply.smtp:
        return told + said(f"  {exchange.reply.smtp.text}")
    return told
