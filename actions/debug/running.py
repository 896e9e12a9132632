"""The plan of a daemon run in the foreground, in its service's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import Foreground
from actions.debug.duration import seconds_in
from actions.debug.foreground import command_of, require_possible
from actions.debug.subject import subjects
from actions.host.unit_state import is_in_foreground
from actions.mailhost.effects import without
from actions.plan import Plan

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import UnitState
    from actions.mailhost.service import MailService


def plan_run(ctx: Context, name: str, duration: str) -> Plan:
    """Return the plan that runs the service called *name* in the foreground, for *duration*.

    Raises:
        ActionError: there is no such service, it has no debug mode, or can't be run so.
    """
    from actions.amounts import span

    seconds = seconds_in(duration)
    known = subjects(ctx.host)
    subject = known.named(name)
    service, state = subject.service, subject.state
    require_possible(subject.mode)
    if service is None or state is None:
        why = ctx.host.units.absent() or "no unit of the service manager is seen to run it"
        raise ActionError(f"{subject.name} can't be run in the foreground: {why}", Exit.UNDECIDED)
    _require_sense(service, state)
    change = Foreground(
        state.name,
        command_of(ctx.host, subject.mode, state),
        seconds,
        tuple((one.spec, one.client or service.user) for one in service.listeners),
        _note(without(service, known.services), runs=state.activity == "active"),
    )
    return Plan(
        f"Run {service.name} in the foreground",
        "debug.run",
        {"service": name, "duration": duration},
        f"to see every step it takes, for {span(seconds)} at most; then it runs as before",
        (change,),
        lasting=False,
    )


def _note(effect: str, *, runs: bool) -> str:
    """Return what happens to mail meanwhile."""
    if not runs:
        return "it does not run now: it answers as long as this lasts, and is stopped again then"
    told = f"; until it answers, each time: {effect}" if effect else ""
    return f"it goes on answering: restarted now, and again at the end{told}"


def _require_sense(service: MailService, state: UnitState) -> None:
    name = service.name
    if is_in_foreground(state):
        raise ActionError(
            f"{name} runs in the foreground already: somebody looks at it now",
            Exit.PROBLEM,
            "wait until that has ended; see console run journal.list",
        )
    if state.activity == "changing":
        raise ActionError(
            f"{name} is starting or stopping now ({state.detail})",
            Exit.PROBLEM,
            f"wait for it: console run services.wait {name}",
        )
    if state.masked:
        raise ActionError(
            f"{state.name} is masked: nothing starts it",
            Exit.PROBLEM,
            f"console run services.start {name} tells how to take the mask away",
        )
