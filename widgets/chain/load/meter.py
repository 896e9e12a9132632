"""How fast a load goes now, and how that went over the last minute."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"

KEPT = 240
"""Looks that are kept: at four a second, the last minute."""

ACROSS = 30
"""Cells of the line that shows them."""

NOW = 4
"""Looks over which the present throughput is taken."""


class Meter:
    """Sessions a second, from one look to the next."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, float]] = deque([(0, 0.0)], maxlen=KEPT)

    def look(self, done: int, seconds: float) -> None:
        """Note that *done* sessions were over after *seconds*."""
        if seconds > self._looks[-1][1]:
            self._looks.append((done, seconds))

    @property
    def now(self) -> float:
        """Sessions a second over the last looks."""
        looks = list(self._looks)[-NOW - 1 :]
        return _rate(looks[0], looks[-1])

    @property
    def sparkline(self) -> str:
        """The throughput over time, the highest as the full height."""
        looks = list(self._looks)
        steps = len(looks) - 1
        cells = min(ACROSS, steps)
        chosen = [looks[cell * steps // cells] for cell in range(cells + 1)] if cells else []
        rates = [_rate(before, after) for before, after in pairwise(chosen)]
        most = max(rates, default=0.0)
        return "".join(LEVELS[_level(rate, most)] for rate in rates)


def bar(share: float, width: int) -> str:
    """Return how much is done as a bar of *width* cells."""
    full = int(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def _level(rate: float, most: float) -> int:
    return min(int(rate / most * len(LEVELS)), len(LEVELS) - 1) if most else 0


def _rate(before: tuple[int, float], after: tuple[int, float]) -> float:
    spent = after[1] - before[1]
    return (after[0] - before[0]) / spent if spent else 0.0
