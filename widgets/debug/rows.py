"""Debug modes as text: off, on until when, or not known, and from where it is known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.amounts import span
from actions.debug.report import SIGNS, WORDS
from widgets.ink import SIGN_TONES, joined, said, signed
from widgets.lines import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.content import Content

    from actions.debug.report import DebugReport, DebugState
    from widgets.ink import Tone

SHOWN = {"unknown": "not known"}
"""What a word is on the screen, where it is another."""

NAME = 18
WORD = 10


def heading(report: DebugReport) -> Content:
    """Return how many are how, in one line."""
    words = [one.word for one in report.states]
    parts = [said(f"{len(words)} debug mode{'s' if len(words) != 1 else ''}")]
    for word in ("on", "live", "pending", "blocking", "left", "unknown"):
        count = words.count(word)
        if count:
            parts.append(signed(SIGNS[word], f"{count} {SHOWN.get(word, word)}"))
    if len(parts) == 1 and words:
        parts.append(said("all off"))
    return said(" · ").join(parts)


def state_row(state: DebugState, now: float) -> Row:
    """Return one service in a row of the list.

    Args:
        state: the service's.
        now: in seconds since the epoch.
    """
    sign = SIGNS[state.word]
    tone: Tone = SIGN_TONES[sign]
    stands_out = state.word not in {"off", "unknown"}
    body = joined(
        said(f"{state.service:<{NAME}} ", "bold" if stands_out else ""),
        said(f"{SHOWN.get(state.word, state.word):<{WORD}} ", tone),
        said(state.mode, "dim"),
    )
    return Row(said(f" {sign} ", tone), body, _end(state, now))


def _end(state: DebugState, now: float) -> Content:
    """Return when it ends by itself."""
    if state.word in {"off", "unknown", "left", "live"}:
        return said("")
    if state.until is None:
        return said("nothing ends it", "warn")
    return said(f"ends in {span(state.until - now)}" if state.until > now else "ending …")


def state_rows(state: DebugState) -> Iterator[Row]:
    """Yield all that is known of one service's debug mode."""
    word = WORDS[state.word]
    yield Row(joined(said(f" {state.service}", "bold"), said("  ")), said(f"{state.mode}: {word}"))
    if state.since is not None:
        by = f" by {state.by}" if state.by else ""
        yield _fact("since", f"{_moment(state.since)}, switched on{by}")
    if state.until is not None:
        yield _fact("until", f"{_moment(state.until)}: the host itself ends it")
    for one in state.sets:
        yield _fact("set in", one)
    yield _fact("known", state.asked)
    yield _fact("output", state.output)
    yield _fact("unit", state.unit)
    yield _fact("note", state.note)


def _fact(name: str, value: str) -> Row:
    return Row(said(f"   {name:<8}", "dim"), said(value)) if value else Row()


def _moment(when: float) -> str:
    today = time.strftime("%Y-%m-%d")
    day, clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when)).split()
    return clock if day == today else f"{day} {clock}"
