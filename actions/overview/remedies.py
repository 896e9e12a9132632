"""What mends a service where the look at it names nothing: started, or started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Finding, Health, Remedy
from actions.registry import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.mailhost.service import ServiceStatus

START, RESTART = "services.start", "services.restart"


def with_remedy(finding: Finding, services: Sequence[ServiceStatus]) -> Finding:
    """Return *finding*; one of a service that is down with the plan that may bring it back."""
    if finding.remedy or finding.health is not Health.DOWN or START not in MODULES:
        return finding
    for status in services:
        if finding.name == f"services.{status.service.name}" and status.service.unit:
            return finding._replace(remedy=_remedy(status))
    return finding


def _remedy(status: ServiceStatus) -> Remedy | None:
    name = status.service.name
    process = next((look for look in status.looks if look.kind == "process"), None)
    if process is None or "masked" in process.detail:
        return None
    given = (("service", name),)
    if process.health is Health.DOWN:
        return Remedy(START, given, f"start {name}")
    own = [look for look in status.looks if look.kind in {"listener", "greeting"}]
    if process.health is Health.OK and any(look.health is Health.DOWN for look in own):
        return Remedy(RESTART, given, f"restart {name}: it runs, and does not answer")
    return None
