"""What ``chain.discover`` tells: the chains of this host, milter by milter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.finding import Health
from actions.record import Record

if TYPE_CHECKING:
    from actions.finding import Finding

Socket = Literal[
    "exists", "missing", "not a socket", "not visible", "not named", "remote", "local port"
]
"""What is at the place where a milter should listen; ports are not tried."""


class Condition(Record):
    """One condition under which a milter-manager asks a child."""

    name: str
    meaning: str


class ChildSeen(Record):
    """One milter behind a milter-manager."""

    name: str
    endpoint: str
    socket: Socket
    enabled: bool
    conditions: tuple[Condition, ...]
    """All must hold."""
    note: str


class MilterSeen(Record):
    """One milter of a chain."""

    name: str
    spec: str
    """As Postfix's settings write it."""
    endpoint: str
    """Where it really is: a path as seen from outside any chroot."""
    socket: Socket
    settings: tuple[tuple[str, str], ...]
    """Those that differ from Postfix's own, by their names in braces."""
    managed: bool
    """Whether it is a milter-manager."""
    source: str
    """Where the children were read."""
    children: tuple[ChildSeen, ...]
    trouble: str
    """Why the children are not known, or not all of them."""


class ChainSeen(Record):
    """The milters for the mail of one or more services."""

    name: str
    services: tuple[str, ...]
    kind: Literal["smtpd", "non_smtpd"]
    chroot: bool
    user: str
    """With whose rights Postfix opens the sockets."""
    off: str
    """Why no milter is asked; empty where the milters are."""
    milters: tuple[MilterSeen, ...]
    macros: tuple[tuple[str, tuple[str, ...]], ...]
    """The macro lists that differ from Postfix's own, by stage."""
    settings: tuple[tuple[str, str], ...]
    """Further settings that differ from Postfix's own, by name."""
    findings: tuple[Finding, ...]


class DiscoverReport(Record):
    """The result of ``chain.discover``."""

    chains: tuple[ChainSeen, ...]
    notes: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "chain.discover/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, each once, in the order of the chains."""
        return tuple(dict.fromkeys(one for chain in self.chains for one in chain.findings))

    @property
    def exit_code(self) -> int:
        """1 where something is wrong; what could not be seen is not held against the host."""
        wrong = any(one.health in {Health.DOWN, Health.DEGRADED} for one in self.findings)
        return Exit.PROBLEM if wrong else Exit.FINE
