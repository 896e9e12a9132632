"""The plan of one operation on a service: what it means for mail, its guard and its proof."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import ConfigCheck, UnitOperation
from actions.finding import Health
from actions.host.errors import HostError
from actions.mailhost.effects import without
from actions.plan import Plan, Proof
from actions.services.children import managed
from actions.services.effects import while_down, while_restarting
from actions.services.masks import require_startable
from actions.services.named import named, unit_state
from actions.services.syntax import checks, manager_check, place_told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.action import Context
    from actions.host.ports import Host, Operation, UnitState
    from actions.mailhost.service import MailService
    from actions.plan import Change
    from actions.services.named import Services

_TITLES: Mapping[Operation, str] = {
    "start": "Start {}",
    "stop": "Stop {}",
    "restart": "Restart {}",
    "reload": "Let {} take up its configuration",
    "enable": "Let {} start at boot",
    "disable": "Let {} start at boot no more",
}

_TAKES_UP = {"start", "restart", "reload"}
"""Operations with which a service reads its configuration."""

IN_TIME = 20.0
"""Seconds in which the chain must answer again, or a service have stopped."""

WITHIN = 60.0
"""Seconds in which a started service must answer; clamd reads its signatures first."""


def plan_operation(
    ctx: Context, operation: Operation, name: str, unasked: tuple[str, ...] = ()
) -> Plan:
    """Return the plan of *operation* on the service called *name*.

    Args:
        ctx: the host.
        operation: what is to be done.
        name: the service's, or its unit's.
        unasked: milters that run and that a milter-manager may leave out all the same.

    Raises:
        ActionError: it makes no sense as the service stands, or its configuration is broken.
    """
    host = ctx.host
    service, services = named(host, name)
    state = unit_state(host, service)
    title = _TITLES[operation].format(service.name)
    action = f"services.{operation}"
    arguments: dict[str, object] = {"service": name}
    if unasked:
        arguments["unasked"] = unasked
    if idle := _nothing_to_do(operation, service, state):
        return Plan(title, action, arguments, f"{idle}: nothing to do", ())
    _require_sense(host, operation, service, state)
    guard = guards(host, service, state) if operation in _TAKES_UP else ()
    if service.role == "milter manager" and operation in _TAKES_UP:
        _require_no_vanished(host, service, services, unasked)
    note = _note(operation, service, services)
    changes: tuple[Change, ...] = (*guard, operation_of(host, operation, service, note))
    proof = proof_of(ctx, operation, service)
    return Plan(title, action, arguments, _why(operation, service, services), changes, proof)


def guards(host: Host, service: MailService, state: UnitState) -> tuple[ConfigCheck, ...]:
    """Return the checks of the configuration that *service* would take up.

    Raises:
        ActionError: it is broken as it stands, and nothing must take it up.
    """
    found = checks(host, service, state)
    if service.role == "milter manager":
        require_right(host, service, found)
        found = (manager_check(host, service, children=managed(host)),)
    require_right(host, service, found)
    return found


def _require_no_vanished(
    host: Host, manager: MailService, services: Services, unasked: tuple[str, ...]
) -> None:
    """Refuse a configuration that leaves out a milter which runs and starts at boot.

    What a running milter-manager asks can't be seen; a milter that is kept running is meant
    to be asked by somebody.
    """
    idle = [one for one in services if one.role == "milter" and not one.place and one.unit]
    states = host.units.states([one.unit for one in idle])
    vanished = [
        one.name
        for one, state in zip(idle, states, strict=True)
        if state.activity == "active" and state.enabled and one.name not in unasked
    ]
    if vanished:
        names = ", ".join(vanished)
        raise ActionError(
            f"{names} runs and starts at boot, and nobody would ask it: "
            f"{manager.name}'s configuration leaves it out; nothing was changed",
            Exit.PROBLEM,
            f"name it there again; or take it out for good: console run services.drop "
            f"{vanished[0]}; or say that it is meant: --unasked {vanished[0]}",
        )


def require_right(host: Host, service: MailService, found: tuple[ConfigCheck, ...]) -> None:
    """Ask *found* now, so that a broken configuration ends the plan before it is one.

    Without root it is left to the checks in the plan, which root does: a file that this user
    may not read would be taken for a broken one.
    """
    if host.kind == "system" and os.geteuid() != 0:
        return
    for check in found:
        try:
            why = check.refused(host)
        except HostError as error:
            raise ActionError(str(error), Exit.UNDECIDED) from error
        if why:
            raise ActionError(
                f"{service.name}: {why}; nothing was changed",
                Exit.PROBLEM,
                f"mend {place_told(why, check.argv[0]) or _files(service)}, "
                f"and see that this says nothing: {check.as_command()}",
            )


def _files(service: MailService) -> str:
    return f"the configuration ({', '.join(service.configuration) or 'see above'})"


def operation_of(
    host: Host, operation: Operation, service: MailService, note: str
) -> UnitOperation:
    """Return the change of *operation*: on the unit, and on what would start it again."""
    starters: tuple[str, ...] = ()
    if operation in {"stop", "disable"}:
        found = host.units.states(host.units.state(service.unit).starters)
        starters = tuple(
            one.name
            for one in found
            if (one.activity == "active" if operation == "stop" else one.enabled)
        )
    return UnitOperation.planned(host, operation, service.unit, note, starters)


def proof_of(ctx: Context, operation: Operation, service: MailService) -> Proof:
    """Return the look that shows that *operation* did what it is for."""
    if service.role == "milter manager" and operation in _TAKES_UP:
        return chain_proof(ctx, "the milters that it asked before are asked, and answer")
    wanted = {"stop": "stopped", "enable": "enabled", "disable": "disabled"}.get(
        operation, "running"
    )
    summary = {
        "running": f"{service.name} runs and answers",
        "stopped": f"{service.name} has stopped, and stays so",
        "enabled": f"{service.name} starts at boot",
        "disabled": f"{service.name} does not start at boot",
    }[wanted]
    within = WITHIN if wanted == "running" else IN_TIME
    arguments = {"service": service.name, "state": wanted, "within": within}
    return Proof(summary, "services.wait", arguments)


def chain_proof(
    ctx: Context,
    summary: str,
    *,
    expect: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Proof:
    """Return the chain as a proof: what answers now must answer then.

    Args:
        ctx: the host.
        summary: of the proof.
        expect: what must be asked and answer besides.
        without: what must not be asked then.
    """
    from actions.services.asked import look_who_is_asked

    now = look_who_is_asked(ctx, (), (), 0.0).milters
    well = [one.name for one in now if one.health is Health.OK and not one.is_one_of(without)]
    arguments = {
        "expect": tuple(dict.fromkeys((*well, *expect))),
        "without": without,
        "within": IN_TIME,
    }
    return Proof(summary, "services.asked", arguments)


def _nothing_to_do(operation: Operation, service: MailService, state: UnitState) -> str:
    """Return why *operation* would change nothing, or nothing."""
    boot = "starts at boot already" if state.enabled else "does not start at boot"
    told = {
        "start": state.activity == "active" and f"{service.name} runs already",
        "stop": state.activity in {"inactive", "failed"} and f"{service.name} does not run",
        "enable": state.enabled is True and f"{service.name} {boot}",
        "disable": state.enabled is False and not state.masked and f"{service.name} {boot}",
    }
    return told.get(operation) or ""


def _require_sense(
    host: Host, operation: Operation, service: MailService, state: UnitState
) -> None:
    """Refuse what the service manager would refuse, with the way out."""
    if state.activity == "changing" and operation in {"start", "stop", "restart", "reload"}:
        raise ActionError(
            f"{service.name} is starting or stopping now ({state.detail})",
            Exit.PROBLEM,
            f"wait for it: console run services.wait {service.name}",
        )
    if operation != "stop":
        require_startable(host, operation, service, state)
    if operation != "reload":
        return
    restart = f"console run services.restart {service.name}"
    if state.activity != "active":
        start = restart.replace("restart", "start")
        raise ActionError(f"{service.name} does not run", Exit.PROBLEM, f"start it: {start}")
    if state.reloads is False:
        raise ActionError(
            f"{service.name} can't take up its configuration while it runs "
            f"({service.unit} has no ExecReload)",
            Exit.PROBLEM,
            f"restart it: {restart}",
        )


def _note(operation: Operation, service: MailService, services: Services) -> str:
    if operation == "stop":
        return while_down(service, services)
    if operation == "restart":
        return while_restarting(service, services)
    effect = without(service, services)
    if operation == "disable" and effect:
        return f"after the next boot: {effect}"
    return ""


def _why(operation: Operation, service: MailService, services: Services) -> str:
    if operation in {"stop", "disable"} and service.behind:
        return f"to have {service.behind} ask it no more at all, see services.drop"
    if operation == "start" and (effect := without(service, services)):
        return f"as long as it does not run: {effect}"
    return ""
