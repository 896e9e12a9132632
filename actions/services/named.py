"""One service of the mail host, by the name that an operator gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.mailhost.roles import find_services

if TYPE_CHECKING:
    from actions.host.ports import Host, UnitState
    from actions.mailhost.service import MailService

Services = tuple["MailService", ...]


def found_services(host: Host) -> Services:
    """Return the services that make up *host*."""
    return find_services(host).services


def named(host: Host, name: str) -> tuple[MailService, Services]:
    """Return the service called *name*, or whose unit is, and all services of *host*.

    Raises:
        ActionError: there is none; the next step names what there is.
    """
    services = found_services(host)
    units = {name, f"{name}.service"}
    for service in services:
        if service.name == name:
            return service, services
    for service in services:
        if {service.unit, service.instance} & units:
            return service, services
    known = ", ".join(service.name for service in services)
    raise ActionError(
        f"{name!r} is no service of this mail host",
        Exit.USAGE,
        f"name one of: {known}" if known else "see what console run services.status tells",
    )


def unit_state(host: Host, service: MailService) -> UnitState:
    """Return the state of the unit of *service*.

    Raises:
        ActionError: it has none, or the service manager can't be asked.
    """
    if absent := host.units.absent():
        raise ActionError(
            f"{service.name}: no service manager can be asked: {absent}",
            Exit.UNDECIDED,
            "start and stop it as this host does it, by hand",
        )
    if not service.unit:
        raise ActionError(
            f"{service.name} runs under no unit of the service manager",
            Exit.PROBLEM,
            f"find out what starts {service.program or service.name}",
        )
    state = host.units.state(service.unit)
    if not state.known:
        raise ActionError(
            f"this host has no unit {service.unit}",
            Exit.PROBLEM,
            f"install what brings {service.name}, or see: systemctl list-unit-files",
        )
    if state.activity == "unknown":
        raise ActionError(
            f"the state of {service.unit} can't be seen: {state.detail}",
            Exit.UNDECIDED,
            f"see what systemctl status {service.unit} says",
        )
    return state
