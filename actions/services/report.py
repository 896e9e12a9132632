"""What a look at the services tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.finding import Finding, Health, Remedy, worst_first
from actions.host.endpoint import socket_of
from actions.record import Record

if TYPE_CHECKING:
    from actions.mailhost.service import Listener, Look, ServiceStatus


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
    """How long all of it took."""
    finding_seconds: float = 0.0
    """How long it took to find the services; looks at some go on meanwhile."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "services.status/1"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What an operator should know, the worst first."""
        asked = {
            socket_of(need.spec)
            for status in self.services
            if status.service.role == "MTA"
            for need in status.service.needs
        }
        wrong = (status for status in self.services if status.health is not Health.OK)
        return tuple(worst_first(_finding(status, asked) for status in wrong))

    @property
    def exit_code(self) -> int:
        """1 where a service is down or degraded, 6 where one could not be seen, else 0."""
        healths = {status.health for status in self.services}
        if healths & {Health.DOWN, Health.DEGRADED}:
            return Exit.PROBLEM
        if Health.UNKNOWN in healths or not self.services:
            return Exit.UNDECIDED
        return Exit.FINE


def next_step(status: ServiceStatus) -> str:
    """Return what the operator can do first about what is wrong, where a look tells it."""
    wrong = [look for look in status.looks if look.health is not Health.OK]
    # What another look advises does not mend what the reason tells.
    reasons = [look for look in wrong if look.detail and look.detail in status.reason]
    advising = (look for look in reasons or wrong if look.next_step)
    worst = max(advising, key=lambda look: look.health.rank, default=None)
    return worst.next_step if worst else ""


def _finding(status: ServiceStatus, asked: set[tuple[str, int]]) -> Finding:
    service = status.service
    return Finding(
        status.health,
        f"{service.name} is {status.health.value}: {status.reason}",
        service.unit or service.program,
        "; ".join(part for part in (status.last_error, next_step(status)) if part),
        _remedy(status, asked),
        f"services.{service.name}",
        needs_root=any(look.cause == "rights" for look in status.looks),
    )


_BY_PROCESS = {
    "stopped": ("services.start", "start"),
    "failed": ("services.start", "start"),
    "left": ("services.restart", "restart"),
}
"""By what the look at the process met: the action, and what it does."""


def _remedy(status: ServiceStatus, asked: set[tuple[str, int]]) -> Remedy | None:
    """Return the action that may mend it, where one of ours does.

    Args:
        status: of the service, which is not ok.
        asked: the sockets that Postfix opens.
    """
    name, process = status.service.name, status.process
    if process is not None and process.cause == "unsigned":
        return Remedy("services.freshclam", (), "fetch signatures for clamd")
    if process is not None and process.cause in _BY_PROCESS and status.service.unit:
        action, what = _BY_PROCESS[process.cause]
        return Remedy(action, (("service", name),), f"{what} {name}")
    silent = [look for look in status.looks if look.kind in _AT_SOCKETS and _is_down(look)]
    for look in silent:
        listener = _listener(status, look)
        if look.cause == "closed" and listener and socket_of(listener.spec) in asked:
            what = f"let {listener.client} open {name}'s socket"
            return Remedy("sockets.fix", (("milter", listener.spec),), what)
    runs = process is not None and process.health is Health.OK and status.service.unit
    mute = any(look.cause not in _NOT_BY_RESTART for look in silent)
    if runs and status.health is Health.DOWN and mute:
        what = f"restart {name}: it runs, and does not answer"
        return Remedy("services.restart", (("service", name),), what)
    return None


_NOT_BY_RESTART = ("closed", "gave-up")
"""What a look at a socket met that is the same after another start."""

_AT_SOCKETS = ("listener", "greeting")


def _is_down(look: Look) -> bool:
    return look.health is Health.DOWN


def _listener(status: ServiceStatus, look: Look) -> Listener | None:
    """Return the listener that *look* was at."""
    every = status.service.listeners
    return next((one for one in every if look.target in {one.label, one.spec}), None)
