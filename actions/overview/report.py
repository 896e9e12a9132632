"""What the overview tells: what is wrong, and what the picture of the host is drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.finding import Health
from actions.record import Record

if TYPE_CHECKING:
    from actions.finding import Finding
    from actions.mailhost.service import ServiceStatus


CHAIN = "chain"
"""The look at the chains themselves, for which no other capability is asked."""

SERVICES = "services.status"

SUBJECTS = {
    CHAIN: "the milter chains",
    SERVICES: "the services",
    "sockets.check": "the sockets",
    "queue.list": "the queue",
    "setup.check": "the setup",
    "debug.status": "the debug modes",
}
"""What each look is at, for people."""


class Asked(Record):
    """A milter that is asked, by Postfix or by the milter-manager before it."""

    name: str
    spec: str
    """Where it is asked; a path as seen from outside any chroot."""
    enabled: bool = True
    managed: bool = False
    """Whether it is a milter-manager."""
    trouble: str = ""
    """Why the milters behind it are not known."""
    behind: tuple[Asked, ...] = ()
    """Those that it asks, in their order."""


class Way(Record):
    """One way by which mail comes into Postfix."""

    service: str
    """As master.cf calls it."""
    label: str
    """Its port, or "local" for mail that no smtpd takes in."""


class Chain(Record):
    """The milters of one or more ways in."""

    ways: tuple[Way, ...]
    milters: tuple[Asked, ...]
    off: str = ""
    """Why no milter is asked."""


RIGHTS = "overview.rights"
"""The finding that this user's rights do not let all be seen; it names what could not be."""


class Queued(Record):
    """What waits in Postfix's queue."""

    counts: tuple[tuple[str, int], ...]
    """By state, such as "active" and "deferred"; those that hold none are left out."""
    unseen: tuple[str, ...] = ()
    """The states of which it can't be seen how many there are."""
    oldest: float | None = None
    """When the oldest arrived, in seconds since the epoch."""
    reason: str = ""
    """The commonest reason for which mail waits."""


class LookEnded(Record):
    """One of the looks of which the overview is made."""

    name: str
    """The action."""
    seconds: float
    trouble: str = ""
    """Why it told nothing."""


class Acknowledgement(Record):
    """A finding that an operator knows of."""

    name: str
    until: str
    """The last day on which it is not counted, as YEAR-MONTH-DAY."""
    reason: str = ""


class Acknowledged(Record):
    """A finding that is shown, and not counted."""

    finding: Finding
    until: str
    reason: str


class Folded(Record):
    """What another look told of the same trouble."""

    under: str
    """The name of the finding with which it is told."""
    finding: Finding


class Change(Record):
    """What is another than at the last look."""

    kind: Literal["new", "worse", "gone"]
    name: str
    was: str
    """The state before; empty where there was none."""
    finding: Finding | None
    """As it is now; None where it is gone."""
    what: str


class SinceLast(Record):
    """What changed since the last look that was remembered."""

    when: float | None
    """When that was, in seconds since the epoch; None where nothing is remembered."""
    changes: tuple[Change, ...]


class OverviewReport(Record):
    """The result of ``overview.check``."""

    findings: tuple[Finding, ...]
    """What is wrong, the worst first, without what is acknowledged."""
    acknowledged: tuple[Acknowledged, ...] = ()
    expired: tuple[Acknowledgement, ...] = ()
    """Acknowledgements of findings that count again."""
    unmatched: tuple[Acknowledgement, ...] = ()
    """Acknowledgements in force of what was not found."""
    folded: tuple[Folded, ...] = ()
    services: tuple[ServiceStatus, ...] = ()
    chains: tuple[Chain, ...] = ()
    queue: Queued | None = None
    proved: tuple[str, ...] = ()
    """The milters' sockets that Postfix's user was seen to open."""
    looks: tuple[LookEnded, ...] = ()
    under_way: tuple[str, ...] = ()
    """The looks that have not ended yet."""
    since_last: SinceLast | None = None
    notes: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "overview.check/1"

    def also(self, finding: Finding) -> tuple[Finding, ...]:
        """Return what is worth telling with *finding* of what is folded into it.

        What could not be seen for want of rights is told by `RIGHTS` itself.
        """
        return tuple(
            one.finding
            for one in self.folded
            if one.under == finding.name
            and (finding.name != RIGHTS or one.finding.health is not Health.UNKNOWN)
        )

    @property
    def exit_code(self) -> int:
        """1 where something is wrong, 6 where nothing is but not all could be seen, else 0.

        With ``--since-last`` only what is new or worse counts.
        """
        counted = self.findings
        if self.since_last is not None:
            counted = tuple(one.finding for one in self.since_last.changes if one.finding)
        states = {finding.health for finding in counted} - {Health.OK}
        if not states:
            return Exit.FINE
        return Exit.UNDECIDED if states == {Health.UNKNOWN} else Exit.PROBLEM
