"""How long a look at the services takes, beside the slowest look that it is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench import cold
from tests.milters.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = ("run", "services.status", "--json")
"""Of the console; all that it looks at is found and asked anew by each process."""


class Figures(NamedTuple):
    """One run, in seconds."""

    total: float
    finding: float
    """The look for the services themselves, beside which other looks begin."""
    slowest: float
    """The slowest look at one of them."""
    services: int
    looks: int

    @property
    def ratio(self) -> float:
        """The total to the slowest look, that for the services counted as one."""
        return self.total / max(self.slowest, self.finding)

    @property
    def bare_ratio(self) -> float:
        """The total to the slowest look at a service."""
        return self.total / self.slowest if self.slowest else 0.0


def here() -> str:
    """Return what the console tells of this machine."""
    argv = [sys.executable, "-c", cold.MAIN, *ASKED]
    done = subprocess.run(
        argv, cwd=ROOT, env=cold.environment(), capture_output=True, text=True, check=False
    )
    return done.stdout


def measured(asked: Callable[[], str], rounds: int) -> list[Figures]:
    """Return the figures of *rounds* runs."""
    return [_figures(json.loads(asked())) for _ in range(rounds)]


def middle(figures: list[Figures]) -> Figures:
    """Return the run with the median of the totals."""
    return sorted(figures)[len(figures) // 2]


def ratios(figures: list[Figures]) -> tuple[float, float]:
    """Return the medians of both ratios."""
    return median(one.ratio for one in figures), median(one.bare_ratio for one in figures)


def _figures(report: dict[str, Any]) -> Figures:
    looks = [look["seconds"] for one in report["services"] for look in one["looks"]]
    return Figures(
        report["seconds"],
        report["finding_seconds"],
        max(looks, default=0.0),
        len(report["services"]),
        len(looks),
    )
