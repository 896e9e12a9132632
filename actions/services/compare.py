"""What is another than at the look before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actions.mailhost.service import ServiceStatus
    from actions.services.report import ServicesReport

SAME = 2.0
"""Seconds by which two readings of one start may differ."""


def compare(before: ServicesReport, now: ServicesReport) -> ServicesReport:
    """Return *now* with what has changed since *before* told at each service."""
    known = {status.service.name: status for status in before.services}
    services = tuple(
        status._replace(changed=_change(known.get(status.service.name), status))
        for status in now.services
    )
    names = {status.service.name for status in now.services}
    gone = tuple(
        f"{name} is not there any more; it was {status.health.value}"
        for name, status in known.items()
        if name not in names
    )
    return now._replace(services=services, notes=now.notes + gone)


def _change(before: ServiceStatus | None, now: ServiceStatus) -> str:
    if before is None:
        return "new"
    if before.health is not now.health:
        return f"was {before.health.value}"
    if before.reason != now.reason:
        return f"was: {before.reason}"
    return "restarted" if _restarted(before, now) else ""


def _restarted(before: ServiceStatus, now: ServiceStatus) -> bool:
    if before.since is None or now.since is None:
        return False
    return now.since - before.since > SAME or (now.restarts or 0) > (before.restarts or 0)
