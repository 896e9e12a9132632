"""The top of every pane: which host this is, how it is, who works on it, and the panes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from actions.finding import Finding, Health
from actions.record import Record
from widgets.ink import joined, said, signed, spaced

if TYPE_CHECKING:
    from textual.events import Click
    from textual.geometry import Size

GAP = 3
"""Cells between two facts."""


class Outlook(Record):
    """What was looked at of the host, and how it is; it says no more than that."""

    health: Health
    told: str
    """What was looked at, with counts, or why it is not known."""

    @property
    def content(self) -> Content:
        """The sign and the words."""
        return signed(self.health.sign, self.told)


NOT_LOOKED = Outlook(Health.UNKNOWN, "looking …")
NOT_SEEN = Outlook(Health.UNKNOWN, "the host was not seen")


def outlook(findings: tuple[Finding, ...], acknowledged: int = 0) -> Outlook:
    """Return the outlook that *findings* give: how many are how bad.

    Args:
        findings: what counts.
        acknowledged: how many there are besides, which do not count.
    """
    words = {Health.DOWN: "problem", Health.DEGRADED: "warning", Health.UNKNOWN: "unknown"}
    counts = {state: sum(one.health is state for one in findings) for state in words}
    told = [_counted(count, words[state]) for state, count in counts.items() if count]
    if not told:
        return Outlook(Health.OK, "nothing else wrong" if acknowledged else "nothing wrong")
    return Outlook(next(state for state in words if counts[state]), " · ".join(told))


def _counted(count: int, word: str) -> str:
    plural = "s" if count != 1 and word != "unknown" else ""
    return f"{count} {word}{plural}"


class HostLine(Widget):
    """One line about the host, or two where they don't fit beside each other."""

    ALLOW_SELECT = False
    state: reactive[Outlook | None] = reactive(None, layout=True)

    def __init__(self, name: str, kind: str, user: str, *, read_only: bool) -> None:
        super().__init__()
        self._left = joined(said(name, "bold"), spaced(GAP), said(kind, "dim"))
        mark = joined(said("read-only", "warn"), spaced(GAP)) if read_only else Content("")
        self._right = mark + said(user)

    def get_content_height(self, _container: Size, _viewport: Size, width: int) -> int:
        """Return how many lines the facts need."""
        return len(self._at(width).wrap(width))

    def render(self) -> Content:
        """Draw the facts."""
        return self._at(self.content_size.width)

    def _at(self, width: int) -> Content:
        state = self.state.content if self.state else Content("")
        return fitted(self._left, state, self._right, width)


def fitted(left: Content, middle: Content, right: Content, width: int) -> Content:
    """Return three pieces on one line, the last at the right edge; else on two or three."""
    tail = joined(middle, spaced(GAP), right) if middle else right
    gap = width - left.cell_length - tail.cell_length
    if gap >= GAP:
        return joined(left, spaced(gap), tail)
    between = width - middle.cell_length - right.cell_length
    below = (
        joined(middle, spaced(between), right) if between >= GAP else joined(middle, "\n", right)
    )
    return Content("\n").join([left, below])


class Tabs(Static):
    """The panes, each with its digit."""

    ALLOW_SELECT = False

    def __init__(self, panes: tuple[tuple[str, str], ...], current: str) -> None:
        """Make the line.

        Args:
            panes: digit and title of each pane.
            current: the digit of the one that is shown.
        """
        super().__init__()
        self._panes = panes
        self._current = current

    def render(self) -> Content:
        """Draw the panes; the one shown stands out without colour too."""
        return Content("  ").join(
            said(f" {digit} {title} ").stylize("reverse bold" if digit == self._current else "")
            for digit, title in self._panes
        )

    def on_click(self, event: Click) -> None:
        """Switch to the pane that was clicked."""
        at = 0
        for digit, title in self._panes:
            at += len(f" {digit} {title} ")
            if event.x < at:
                self.app.simulate_key(digit)
                return
            at += 2
