"""What a look at the services tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.finding import Finding, Health, Remedy
from actions.record import Record

if TYPE_CHECKING:
    from actions.mailhost.service import Look, ServiceStatus

OFF = "off, and nothing here needs it"
"""What the look at the process says of a service that is off on purpose."""

MASKED = "masked: "
"""How what it says of a masked service begins."""

STOPPED = "stopped"
LEFT = "is called active, but no process of it runs"
UNSIGNED = "there are no signatures in "
"""What it says of a service that was stopped, that ended unseen, and of clamd without any."""

ROOT_SEES = "run it as root"
"""The next step where more rights would tell more."""

OPEN_IT = "see which bit is missing: console run sockets.check"
"""The next step where a client may not open a milter's socket."""

WORST_FIRST = (Health.DOWN, Health.DEGRADED, Health.UNKNOWN, Health.OK)
"""What was found goes before what could not be seen."""


class LookDone(Record):
    """One look has ended; progress of ``services.status``."""

    service: str
    look: Look
    done: int
    of: int

    @property
    def standing(self) -> str:
        """How far the looks have come, in one line."""
        what = f"{self.service} {self.look.target}".strip()
        return f"{self.done} of {self.of} looks · {what}: {self.look.health.value}"


class ServicesReport(Record):
    """The result of ``services.status``."""

    services: tuple[ServiceStatus, ...]
    notes: tuple[str, ...]
    """What could not be seen, and what would let it be seen."""
    seconds: float

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "services.status/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What an operator should know, the worst first."""
        asked = {
            need.spec
            for status in self.services
            if status.service.role == "MTA"
            for need in status.service.needs
        }
        found = [
            _finding(status, asked) for status in self.services if status.health is not Health.OK
        ]
        return tuple(sorted(found, key=lambda one: WORST_FIRST.index(one.health)))

    @property
    def exit_code(self) -> int:
        """1 where a service is down or degraded, 6 where one could not be seen, else 0."""
        healths = {status.health for status in self.services}
        if healths & {Health.DOWN, Health.DEGRADED}:
            return Exit.PROBLEM
        if Health.UNKNOWN in healths or not self.services:
            return Exit.UNDECIDED
        return Exit.FINE


def is_off(status: ServiceStatus) -> bool:
    """Return whether the service is off on purpose."""
    return any(look.kind == "process" and look.detail == OFF for look in status.looks)


def next_step(status: ServiceStatus) -> str:
    """Return what the operator can do first about what is wrong, where a look tells it."""
    for health in WORST_FIRST:
        for look in status.looks:
            if look.health is health is not Health.OK and look.next_step:
                return look.next_step
    return ""


def _finding(status: ServiceStatus, asked: set[str]) -> Finding:
    service = status.service
    return Finding(
        status.health,
        f"{service.name} is {status.health.value}: {status.reason}",
        service.unit or service.program,
        "; ".join(part for part in (status.last_error, next_step(status)) if part),
        _remedy(status, asked),
        f"services.{service.name}",
    )


_BY_PROCESS = (
    (STOPPED, "services.start", "start"),
    (LEFT, "services.restart", "restart"),
)
"""By the end of what the look at the process says: the action, and what it does."""


def _remedy(status: ServiceStatus, asked: set[str]) -> Remedy | None:
    """Return the action that mends it, where one of ours does; Postfix opens what is *asked*."""
    name = status.service.name
    process = status.looks[0].detail if status.looks and status.service.unit else ""
    if UNSIGNED in process:
        return Remedy("services.freshclam", (), "fetch signatures for clamd")
    for ends, action, what in _BY_PROCESS:
        if process.endswith(ends):
            return Remedy(action, (("service", name),), f"{what} {name}")
    for look in status.looks:
        if look.kind != "greeting" or look.next_step != OPEN_IT:
            continue
        for listener in status.service.listeners:
            if look.target in {listener.label, listener.spec} and listener.spec in asked:
                what = f"let {listener.client} open {name}'s socket"
                return Remedy("sockets.fix", (("milter", listener.spec),), what)
    return None
