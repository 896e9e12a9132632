"""Many durations in little memory: how many were how long, to a stated precision."""

from __future__ import annotations

from math import ceil, exp, log

from actions.record import Record

PRECISION = 0.01
"""The largest error of a percentile, as a share of it."""

# A class goes from its middle less 1 % to its middle and 1 %.
_STEP = log((1 + PRECISION) / (1 - PRECISION))
_SHORTEST = 1e-7


class Spread(Record):
    """How long something took, in seconds; percentiles are within `PRECISION`."""

    number: int
    p50: float
    p90: float
    p99: float
    longest: float


class Times:
    """A growing number of durations, counted in classes that are each two percent wide.

    However many there are, no more classes come about than 100 for each power of ten.
    """

    def __init__(self) -> None:
        self.count = 0
        self._longest = 0.0
        self._classes: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one more."""
        number = ceil(log(max(seconds, _SHORTEST)) / _STEP)
        self._classes[number] = self._classes.get(number, 0) + 1
        self.count += 1
        self._longest = max(self._longest, seconds)

    def percentile(self, share: float) -> float:
        """Return what *share* of them (0 to 1) do not exceed; 0 where there are none."""
        wanted = ceil(share * self.count)
        seen = 0
        for number in sorted(self._classes):
            seen += self._classes[number]
            if seen >= wanted:
                return min(exp(number * _STEP) / (1 + PRECISION), self._longest)
        return 0.0

    def spread(self) -> Spread:
        """Return the percentiles of what was counted so far."""
        p50, p90, p99 = (self.percentile(share) for share in (0.50, 0.90, 0.99))
        return Spread(self.count, p50, p90, p99, self._longest)
