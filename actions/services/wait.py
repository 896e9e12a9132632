"""Waiting until a service is as it should be: it runs and answers, or has stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.finding import Health
from actions.record import Record
from actions.services.again import PATIENCE, until
from actions.services.looks.greeting import Asking, meet
from actions.services.named import named, unit_state

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.ports import UnitState
    from actions.mailhost.greeting.heard import Heard
    from actions.mailhost.service import Listener, MailService

Wanted = Literal["running", "stopped", "enabled", "disabled"]


class Waited(Record):
    """How far the wait has come; progress of ``services.wait``."""

    service: str
    lacks: str

    @property
    def standing(self) -> str:
        """What is still missing, in one line."""
        return f"{self.service}: {self.lacks}"


class WaitReport(Record):
    """The result of ``services.wait``."""

    service: str
    unit: str
    state: Wanted
    """What was waited for."""
    seconds: float
    seen: tuple[str, ...]
    """What each look found at the end."""
    because: str = ""
    """Why it is not so; empty where it is."""
    decided: bool = True
    """Whether it could be seen at all."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "services.wait/1"

    @property
    def exit_code(self) -> int:
        """0 where it is so, 6 where that could not be seen, else 1."""
        if not self.because:
            return Exit.FINE
        return Exit.PROBLEM if self.decided else Exit.UNDECIDED


class _Look(Record):
    seen: tuple[str, ...]
    lacks: str = ""
    decided: bool = True
    final: bool = False
    """Whether waiting longer changes nothing."""


def wait_for(ctx: Context, name: str, wanted: Wanted, within: float) -> WaitReport:
    """Look at the service called *name* until it is as *wanted*, for *within* seconds.

    Raises:
        ActionError: there is no such service, or its unit can't be seen.
        Cancelled: the operator cancelled.
    """
    service, _ = named(ctx.host, name)
    started = time.monotonic()

    def is_enough(look: _Look) -> bool:
        if look.lacks and not look.final:
            ctx.tell(Waited(service.name, look.lacks))
            return False
        return True

    look = until(ctx, within, lambda: _look(ctx, service, wanted), is_enough)
    seconds = time.monotonic() - started
    return WaitReport(
        service.name, service.unit, wanted, seconds, look.seen, look.lacks, look.decided
    )


def _look(ctx: Context, service: MailService, wanted: Wanted) -> _Look:
    state = unit_state(ctx.host, service)
    if service.instance and wanted in {"running", "stopped"}:
        state = ctx.host.units.state(service.seen_unit)
    if wanted == "running":
        return _running(ctx, service, state)
    if wanted == "stopped":
        return _stopped(service, state)
    seen = (f"{service.unit}: {state.startup or 'unknown'}",)
    if state.enabled is None:
        return _Look(seen, "whether it starts at boot can't be told", decided=False, final=True)
    if state.enabled == (wanted == "enabled"):
        return _Look(seen)
    not_so = "it does not start at boot" if wanted == "enabled" else "it starts at boot"
    return _Look(seen, not_so, final=True)


def _stopped(service: MailService, state: UnitState) -> _Look:
    from actions.host.processes import is_alive, of_group

    seen = (f"{service.unit}: {state.activity} ({state.detail})",)
    if state.activity not in {"inactive", "failed"}:
        return _Look(seen, f"it is {state.activity}")
    left = [pid for pid in of_group(state.group) or () if is_alive(pid) is not False]
    if left:
        return _Look(seen, f"process {left[0]} of it still runs")
    return _Look(seen)


def _running(ctx: Context, service: MailService, state: UnitState) -> _Look:
    seen = [f"{service.unit}: {state.activity} ({state.detail})"]
    if state.activity != "active":
        failed = state.activity == "failed"
        return _Look(tuple(seen), f"it is {state.activity}: {state.detail}", final=failed)
    asking = Asking(ctx, PATIENCE, ctx.host.name)
    for listener in service.listeners:
        met = _met(asking, listener)
        place = listener.label or listener.spec
        seen.append(f"{place}: {met.detail}")
        if met.health is Health.DOWN:
            return _Look(tuple(seen), f"{place}: {met.detail}")
        if met.health is Health.UNKNOWN:
            why = f"{place} was not asked: {met.detail}"
            return _Look(tuple(seen), why, decided=False, final=True)
    return _Look(tuple(seen))


def _met(asking: Asking, listener: Listener) -> Heard:
    """Ask at *listener*; where its client may not open it, with the rights of this process.

    Whether the client may is another question: see ``sockets.check``.
    """
    heard = meet(asking, listener, listener.client).heard
    if heard.cause != "closed":
        return heard
    own = meet(asking, listener, "").heard
    return own._replace(detail=f"{own.detail} (but {heard.detail})")
