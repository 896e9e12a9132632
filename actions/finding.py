"""What a look at the host finds: how bad, what, where, why, and what would mend it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable


class Health(Enum):
    """The state of anything, told by a word and a sign."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """How bad it is: what was seen to be wrong is worse than what could not be seen."""
        return ("ok", "unknown", "degraded", "down").index(self.value)

    @property
    def sign(self) -> str:
        """The sign beside the word; it never stands alone."""
        return {"ok": "●", "degraded": "◐", "down": "✗", "unknown": "?"}[self.value]


class Remedy(Record):
    """An action that would mend a finding, as data: any capability can name any other."""

    action: str
    arguments: tuple[tuple[str, str], ...]
    """Names and values, as on the command line."""
    summary: str


class Finding(Record):
    """One thing seen on the host that an operator should know."""

    health: Health
    what: str
    where: str
    why: str = ""
    remedy: Remedy | None = None
    name: str = ""
    """What it is called wherever it is seen again, such as "setup.milter_protocol" or
    "services.clamav-daemon"; it stays the same while the trouble does."""
    needs_root: bool = False
    """Whether root would see more of it."""


def worst(findings: tuple[Finding, ...]) -> Health:
    """Return the worst state among *findings*."""
    return max((one.health for one in findings), key=lambda one: one.rank, default=Health.OK)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* with the worst first; of the same state, as they come."""
    return sorted(findings, key=lambda one: -one.health.rank)
