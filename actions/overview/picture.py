"""How mail flows through the host, drawn: a scene set into rows of a given width.

It is a pure function of what is drawn, the width and the height, so that a terminal, the screen
and a test see the same. Whatever is too long is folded; nothing is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.columns import cells
from actions.finding import Health
from actions.overview.rows import (
    Span,
    beside,
    block_width,
    flowing,
    folded,
    hanging,
    indented,
    line_width,
)
from actions.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.overview.rows import Block, Line, Tone
    from actions.overview.scene import Delivery, Inlet, Node, Outlet, Scene, Stream

TONES: dict[Health | None, Tone] = {
    Health.OK: "good",
    Health.DEGRADED: "warn",
    Health.UNKNOWN: "warn",
    Health.DOWN: "bad",
    None: "dim",
}

NOT_LOOKED = "·"
"""The sign of what nobody has looked at yet."""

_WIDE = 100
"""Cells from which on there is room for a margin."""

_VERY_WIDE = 160
"""Cells from which on all facts are told, where there are rows enough."""

_FORK = 5
"""Cells of the line from a node to what is behind it."""

_BRANCH = 3
"""Cells of the line to what stands below."""

_LEAST = 12
"""Cells that folded words get at least."""

_WORDS = 24
"""Cells that are given to what stands below a name, where there is room."""


def picture(scene: Scene, width: int, height: int) -> Block:
    """Return *scene* as rows of at most *width* cells.

    Args:
        scene: what is drawn.
        width: cells; at least 40.
        height: rows that there are. The more, the more is told of each service; what can't be
            drawn in fewer rows takes more.
    """
    margin = 3 if width >= _WIDE else 1
    drawn: Block = []
    for detail in (3, 2, 1, 0) if width >= _VERY_WIDE else (2, 1, 0):
        drawn = [*_drawn(scene, width - margin, detail)]
        if len(drawn) <= height:
            break
    return [indented(margin, line) if line else line for line in drawn]


def _drawn(scene: Scene, width: int, detail: int) -> Iterator[Line]:
    """Yield the rows, with no (0), few (1), more (2) or all (3) facts."""
    labels = [cells(inlet.label) for stream in scene.streams for inlet in stream.inlets]
    label = max(labels, default=2)
    indent = len("MUA ──") + label + len("──▶ ")
    if not scene.streams:
        head: Line = (Span("MUA ", "bold"), Span(f"────{'─' * label}▶ ", "dim"))
        yield from beside([head], _node(scene.mta, width - indent, detail), width)
    for number, stream in enumerate(scene.streams):
        mta = scene.mta if number == 0 else None
        yield from _stream(stream, mta, label, width, detail)
    for block in (
        _queue(scene, indent, width, detail),
        [*_deliveries(scene.deliveries, indent, width, detail)],
        _mailboxes(scene.mailboxes, indent, width),
    ):
        if block and detail:
            yield indented(indent, (Span("▼", "dim"),))
        yield from block
    if scene.beside:
        if detail:
            yield ()
        yield from _beside_mail(scene.beside, indent, width, detail)


# The ways in


def _stream(stream: Stream, mta: Node | None, label: int, width: int, detail: int) -> Block:
    """Return the ways in, Postfix where it is told here, and the milters asked."""
    left = [
        _way(inlet, label, first=mta is not None and at == 0)
        for at, inlet in enumerate(stream.inlets)
    ]
    room = width - block_width(left)
    if mta is not None:
        right = _node(mta._replace(behind=stream.milters), room, detail)
    elif len(stream.milters) == 1:
        right = _node(stream.milters[0], room, detail)
    else:
        right = _branches(stream.milters, room, detail)
    if not stream.milters and stream.words:
        right = [*right, *folded(stream.words, "dim", room)]
    rows = beside(left, right, width)
    for inlet in stream.inlets:
        if inlet.words:
            labels = ", ".join(map(printable, (inlet.label, *inlet.also)))
            head = (Span("    "), _sign(inlet.health), Span(" "))
            rows += hanging(head, f"{labels} {inlet.words}", TONES[inlet.health], width)
    return rows


def _way(inlet: Inlet, label: int, *, first: bool) -> Line:
    shown = printable(inlet.label)
    wrong = inlet.health not in {None, Health.OK}
    tone: Tone = TONES[inlet.health] if wrong else ""
    after = "─" * (2 + label - cells(shown))
    who = Span("MUA ", "bold") if first else Span("    ")
    return (who, Span("──", "dim"), Span(shown, tone), Span(f"{after}▶ ", "dim"))


# The queue, and what mail is delivered to


def _queue(scene: Scene, indent: int, width: int, detail: int) -> Block:
    if not scene.queue:
        return []
    tone: Tone = TONES[scene.queue_health] if scene.queue_health else ""
    head = indented(indent, (Span("queue  ", "dim"),))
    told = scene.queue
    if scene.queue_more:
        told = f"{scene.queue} ({', '.join(scene.queue_more)})"
        if not detail and line_width(head) + cells(told) > width:
            told = f"{scene.queue} ({scene.queue_more[0]})"
    return hanging(head, told, tone, width)


def _deliveries(
    deliveries: Sequence[Delivery], indent: int, width: int, detail: int
) -> Iterator[Line]:
    for delivery in deliveries:
        lead: Line = (Span(printable(delivery.by)), Span(" ──▶ ", "dim"))
        room = width - indent - line_width(lead)
        pieces = [*map(_outlet, delivery.outlets)]
        if pieces:
            pieces.append((Span("──▶ ", "dim"), Span("MUA", "bold")))
        block = _with_outlets(delivery.node, pieces, room)
        if len(block) > 1 and not detail:
            block = _with_outlets(delivery.node._replace(reason=""), pieces, room)
        facts = _fitting(delivery.node.facts, room - 2) if detail > 1 else ""
        told = [indented(2, (Span(facts, "dim"),))] if facts else []
        yield from (indented(indent, line) for line in beside([lead], block + told, width))


def _mailboxes(words: str, indent: int, width: int) -> Block:
    lead: Line = (Span("local"), Span(" ──▶ ", "dim"))
    return hanging(indented(indent, lead), words, "", width) if words else []


def _with_outlets(node: Node, pieces: Sequence[Line], width: int) -> Block:
    """Return *node* with what people fetch mail by, on one row where there is room."""
    drawn = _node(node, width, 0)
    inline = flowing([(*drawn[0], Span(" ──▶", "dim")), *pieces], 2, width)
    if pieces and len(drawn) == 1 and len(inline) == 1:
        return inline
    return [*drawn, *(indented(2, row) for row in flowing(pieces, 2, width - 2))]


def _outlet(outlet: Outlet) -> Line:
    wrong = outlet.health not in {None, Health.OK}
    sign = f"{outlet.health.sign} " if outlet.health and wrong else ""
    word = f" {outlet.health.value}" if outlet.health and wrong else ""
    name = Span(f"{sign}{outlet.protocol}{word}", TONES[outlet.health] if wrong else "")
    return (name, Span(f" {'/'.join(map(printable, outlet.ports))}", "dim"))


def _beside_mail(nodes: Sequence[Node], indent: int, width: int, detail: int) -> Iterator[Line]:
    """Yield what mail does not pass through, side by side as far as there is room."""
    room = width - indent
    drawn = [_node(node, room, min(detail, 1)) for node in nodes]
    short = [block[0] for block in drawn if len(block) == 1]
    long = [line for block in drawn if len(block) > 1 for line in block]
    for at, line in enumerate((*flowing(short, 3, room), *long)):
        lead = "also here".ljust(indent)[:indent] if at == 0 else " " * indent
        yield (Span(lead, "dim"), *line)


# One node, and what is behind it


def _node(node: Node, width: int, detail: int, pad: int = 0) -> Block:
    """Return *node* with what is behind it, in at most *width* cells.

    Args:
        node: what is drawn.
        width: the cells that there are.
        detail: how much is told, see `_drawn`.
        pad: the cells after which its facts, or the line to what is behind it, begin.
    """
    if not node.behind:
        return _leaf(node, width, detail, pad)
    head = line_width(_head(node))
    beneath = 2 + cells(_beneath(node, detail))
    for taken, told in ((max(head, pad, beneath), detail), (max(head, pad), detail), (head, 0)):
        if taken + _FORK + _needed(node.behind, told) <= width:
            return _across(node, width, detail, taken)
    if head + _FORK + _least(node.behind) <= width:
        return _across(node, width, detail, head)
    return _down(node, width, detail)


def _beneath(node: Node, detail: int) -> str:
    """Return what is to stand below a node's name on one row, where there is room for it."""
    if node.words:
        return node.words[:_WORDS] if detail else node.state
    return _fitting(node.facts[:2], _WORDS) if detail > 1 else ""


def _needed(nodes: Iterable[Node], detail: int) -> int:
    """Return the cells that *nodes* need with what is behind them at their right."""
    return max(
        (
            _own(node, detail) + (_FORK + _needed(node.behind, detail) if node.behind else 0)
            for node in nodes
        ),
        default=0,
    )


def _least(nodes: Iterable[Node]) -> int:
    """Return the cells that *nodes* need with what is behind them below."""
    return max((max(_own(node, 0), _BRANCH + _least(node.behind)) for node in nodes), default=0)


def _own(node: Node, detail: int) -> int:
    head = line_width(_head(node))
    if node.behind or not node.words:
        return head
    words = node.words[: 2 * _WORDS] if detail else node.state
    return head + 2 + cells(words)


def _head(node: Node) -> Line:
    sign = Span("–", "dim") if node.is_off else _sign(node.health)
    tone: Tone = "" if node.health is Health.OK else TONES[node.health]
    return (sign, Span(f" {printable(node.name)}", tone))


def _sign(health: Health | None) -> Span:
    return Span(health.sign if health else NOT_LOOKED, TONES[health])


def _leaf(node: Node, width: int, detail: int, pad: int) -> Block:
    """Return a node by itself: what is wrong with it, or its facts."""
    head, tone = _head(node), TONES[node.health]
    if line_width(head) > width:
        sign, name = head
        rows = folded(name.text.strip(), name.tone, width - 2)
        rows = [(sign, Span(" "), *rows[0]), *(indented(2, row) for row in rows[1:])]
        return [*rows, *(indented(2, row) for row in _told(node, detail, width - 2))]
    gap = max(pad - line_width(head), 0) + 2
    room = width - line_width(head) - gap
    for words in (node.words, node.state if detail == 0 else node.words):
        if words and cells(words) <= room:
            return [(*head, Span(" " * gap), Span(printable(words), tone))]
    if node.words:
        return [head, *(indented(2, row) for row in _told(node, detail, width - 2))]
    if detail > 2 and node.facts and max(map(cells, node.facts)) <= room:
        *most, last = map(printable, node.facts)
        rows = [(Span(_fitting(most, room), "dim"),)] if most else []
        return beside([(*head, Span(" " * gap))], [*rows, (Span(last, "dim"),)], width)
    told = _fitting(node.facts[: detail * 2], room)
    return [(*head, Span(" " * gap), Span(told, "dim"))] if told else [head]


def _told(node: Node, detail: int, width: int) -> Block:
    """Return what is wrong with *node*: in full where there are rows enough, else by its word."""
    words = node.words if detail else node.state
    return folded(words, TONES[node.health], max(width, _LEAST)) if words else []


def _across(node: Node, width: int, detail: int, taken: int) -> Block:
    """Return *node* with what is behind it at its right."""
    head = _head(node)
    right = _branches(node.behind, width - taken - 1, detail)
    left: Block = [(*head, Span(f" {'─' * (taken - line_width(head))}", "dim"))]
    if node.words:
        return _with_words(node, left, right, width, detail, taken - 2)
    if detail > 1:
        told = (_fitting(node.facts[:2], taken - 2), _fitting(node.facts[2:3], taken - 2))
        left += [indented(2, (Span(row, "dim"),)) for row in told if row][: len(right) - 1]
    return beside(left, right, width)


def _with_words(node: Node, head: Block, right: Block, width: int, detail: int, room: int) -> Block:
    """Return *node* with what is wrong below its name, or below all where that is too narrow."""
    tone = TONES[node.health]
    below = folded(node.words, tone, room) if room >= _LEAST else []
    if detail == 0 and cells(node.state) <= room and not 0 < len(below) < max(len(right), 2):
        below = folded(node.state, tone, room)
    if below:
        return beside([*head, *(indented(2, row) for row in below)], right, width)
    told = _told(node, detail, width - 2)
    return [*beside(head, right, width), *(indented(2, row) for row in told)]


def _branches(nodes: Sequence[Node], width: int, detail: int) -> Block:
    """Return *nodes* under each other at the ends of a line that forks."""
    room = width - (_FORK - 1)
    pad = max((line_width(_head(node)) for node in nodes), default=0)
    block: Block = []
    for at, node in enumerate(nodes):
        is_last = at == len(nodes) - 1
        first = "─┬─ " if at == 0 else " └─ " if is_last else " ├─ "
        if len(nodes) == 1:
            first = "─── "
        more = "    " if is_last else " │  "
        drawn = _node(node, room, detail, pad if pad + 2 + _LEAST <= room else 0)
        block += [
            (Span(first if number == 0 else more, "dim"), *row) for number, row in enumerate(drawn)
        ]
    return block


def _down(node: Node, width: int, detail: int) -> Block:
    """Return *node* with what is behind it below, where there is no room at its right."""
    block = _leaf(node._replace(behind=()), width, detail, 0)
    for at, child in enumerate(node.behind):
        is_last = at == len(node.behind) - 1
        first, more = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        drawn = _node(child, width - _BRANCH, detail)
        block += [
            (Span(first if number == 0 else more, "dim"), *row) for number, row in enumerate(drawn)
        ]
    return block


def _fitting(facts: Iterable[str], width: int) -> str:
    """Return as many of *facts* as fit, the first first."""
    told = ""
    for fact in map(printable, facts):
        longer = f"{told} · {fact}" if told else fact
        if cells(longer) > width:
            break
        told = longer
    return told
