"""The look at a service's process: what the service manager says, and whether it is so.

Where there is no service manager, /proc tells by the program's name and its user.
"""

from __future__ import annotations

import time
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host import processes
from actions.host.errors import AS_ROOT, HostError
from actions.mailhost.masks import masked_by
from actions.mailhost.service import Look
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions.host.ports import Host, UnitState
    from actions.host.processes import Process
    from actions.mailhost.service import Cause, MailService

AGAIN_AND_AGAIN = 3
"""Restarts after which a service that has just been started is taken for one that keeps ending."""

JUST_NOW = 15.0
"""Seconds."""


class Running(Record):
    """A service's process, and what the service manager knows of it."""

    look: Look
    state: UnitState | None = None
    pids: tuple[int, ...] = ()
    memory: int | None = None
    since: float | None = None


class _Seen(Record):
    health: Health
    detail: str
    next_step: str = ""
    cause: Cause = ""


_OFF = _Seen(Health.OK, "off, and nothing here needs it", cause="off")


def look_at_processes(
    host: Host,
    services: Sequence[MailService],
    known: Mapping[str, UnitState] = MappingProxyType({}),
) -> dict[str, Running]:
    """Look at the processes of all *services* at once; by the service's name.

    Args:
        host: the host.
        services: whose processes they are.
        known: the states of units that have just been asked for.

    Raises:
        HostError: the service manager could not be asked at all.
    """
    began = time.monotonic()
    absent = host.units.absent()
    units = [service.seen_unit for service in services if service.unit]
    states = {} if absent else _states(host, units, known)
    # Most are told by their units; then nobody goes through all processes.
    every = cache(processes.all_processes)
    found = {}
    for service in services:
        state = states.get(service.seen_unit)
        running = _running(host, service, state, absent, every)
        seconds = time.monotonic() - began
        found[service.name] = running._replace(look=running.look._replace(seconds=seconds))
    return found


def _states(host: Host, units: list[str], known: Mapping[str, UnitState]) -> dict[str, UnitState]:
    asked = [unit for unit in units if unit not in known]
    told = host.units.states(asked) if asked else ()
    return {**known, **dict(zip(asked, told, strict=True))}


def _running(
    host: Host,
    service: MailService,
    state: UnitState | None,
    absent: str,
    every: Callable[[], tuple[Process, ...]],
) -> Running:
    if state is None or not state.known or state.activity == "unknown":
        why = absent or (state.detail if state else "it has no unit")
        unknown = state is not None and state.known and not absent
        own = _own_processes(host, service, every())
        seen = _without_manager(service, own, why, unknown=unknown)
        if not own and (doubtful := _doubtful(host, service, every())):
            one = doubtful[0]
            detail = f"process {one.pid} is called so, but may be anybody's (uid {one.uid})"
            seen = _Seen(Health.UNKNOWN, f"{detail}; {why}")
        pids = tuple(one.pid for one in own)
        memory, since = processes.memory_of(pids), _first_start(pids)
        return Running(_look(seen), state, pids, memory, since)
    pids = _unit_processes(state)
    is_asked = state.activity == "active" and not pids
    own = _own_processes(host, service, every()) if is_asked else ()
    seen = _as_told(host, service, state, pids, own)
    alive = pids or tuple(one.pid for one in own)
    memory = state.memory if state.memory is not None else processes.memory_of(alive)
    since = state.since if state.since is not None else _first_start(alive)
    return Running(_look(seen), state, alive, memory, since)


def _look(seen: _Seen) -> Look:
    return Look("process", seen.health, seen.detail, 0.0, "", seen.next_step, seen.cause)


def _own_processes(
    host: Host, service: MailService, every: tuple[Process, ...]
) -> tuple[Process, ...]:
    # Postfix's other programs come and go; its master stays, as root.
    if service.role == "MTA":
        return processes.named(every, (service.program, "master"), 0)
    uid = _uid(host, service.user)
    found = processes.named(every, (service.program,), uid)
    return tuple(one for one in found if uid is not None or one.uid in processes.SYSTEM_UIDS)


def _doubtful(host: Host, service: MailService, every: tuple[Process, ...]) -> tuple[Process, ...]:
    """Return what may be it or anybody's, as whom it should run is not known."""
    if service.role == "MTA" or _uid(host, service.user) is not None:
        return ()
    return processes.named(every, (service.program,), None)


def _uid(host: Host, user: str) -> int | None:
    if not user:
        return None
    try:
        return host.accounts.user(user).uid
    except HostError:
        return None


def _first_start(pids: tuple[int, ...]) -> float | None:
    return processes.started(min(pids)) if pids else None


def _unit_processes(state: UnitState) -> tuple[int, ...]:
    """Return the unit's processes that live; the main one alone where the group is not told."""
    grouped = processes.of_group(state.group)
    if grouped is None:
        grouped = (state.main_pid,) if state.main_pid else ()
    return tuple(pid for pid in grouped if processes.is_alive(pid) is not False)


def _without_manager(
    service: MailService, own: tuple[Process, ...], why: str, *, unknown: bool
) -> _Seen:
    if own:
        return _Seen(Health.OK, f"runs (process {own[0].pid}); {why}")
    if not service.expected and not unknown:
        return _OFF
    if processes.hides_others():
        return _Seen(Health.UNKNOWN, f"not seen: {why}", AS_ROOT, "rights")
    if unknown or not service.program:
        return _Seen(Health.UNKNOWN, f"not seen: {why}")
    return _Seen(Health.DOWN, f"no process {service.program} runs; {why}", _start(service))


def _as_told(
    host: Host,
    service: MailService,
    state: UnitState,
    pids: tuple[int, ...],
    own: tuple[Process, ...],
) -> _Seen:
    """Return what the service manager's word comes to, beside what really runs."""
    match state.activity:
        case "active":
            return _active(host, service, state, pids, own)
        case "changing" if "auto-restart" in state.detail:
            return _Seen(Health.DOWN, f"keeps ending{_times(state)}", _logs(state), "failed")
        case "changing":
            return _Seen(Health.DEGRADED, f"is changing: {state.detail or 'not ready yet'}")
        case "failed":
            why = f"failed: {_without(state.detail, 'failed')}"
            return _Seen(Health.DOWN, why, _logs(state), "masked" if state.masked else "failed")
    if not service.expected:
        return _OFF
    if state.masked:
        step = masked_by(host, state.name).step
        return _Seen(Health.DOWN, "masked: it can't be started", step, "masked")
    return _Seen(Health.DOWN, "stopped", _start(service), "stopped")


def _active(
    host: Host,
    service: MailService,
    state: UnitState,
    pids: tuple[int, ...],
    own: tuple[Process, ...],
) -> _Seen:
    if state.main_pid and processes.is_alive(state.main_pid) is False:
        return _Seen(Health.DOWN, f"its process {state.main_pid} is gone", _logs(state), "failed")
    fresh = state.since is not None and time.time() - state.since < JUST_NOW
    if fresh and (state.restarts or 0) >= AGAIN_AND_AGAIN:
        return _Seen(Health.DEGRADED, f"keeps ending{_times(state)}", _logs(state))
    if not pids and own:
        return _Seen(Health.OK, f"runs (process {own[0].pid}), but not as {state.name}")
    if not pids and service.program and _has_ended(state):
        # What an init script starts may end, and systemd goes on calling the unit active.
        detail = f"{state.name} is called active, but no process of it runs"
        return _Seen(Health.DOWN, detail, _start(service, "restart"), "left")
    if state.masked:
        detail = "masked: it runs, but can't be started again"
        return _Seen(Health.DEGRADED, detail, masked_by(host, state.name).step, "masked")
    pid = state.main_pid or (pids[0] if pids else 0)
    return _Seen(Health.OK, f"runs (process {pid})" if pid else f"active ({state.detail})")


def _has_ended(state: UnitState) -> bool:
    """Return whether no process is left of a unit that is called active."""
    exited = "exited" in state.detail and not processes.hides_others()
    return exited or processes.of_group(state.group) == ()


def _times(state: UnitState) -> str:
    return f": started again {state.restarts} times" if state.restarts else ""


def _logs(state: UnitState) -> str:
    return f"see why: journalctl -u {state.name} -n 50"


def _start(service: MailService, operation: str = "start") -> str:
    return f"systemctl {operation} {service.unit}" if service.unit else f"start {service.program}"


def _without(detail: str, word: str) -> str:
    kept = [part for part in detail.split(", ") if part and part != word]
    return ", ".join(kept) or "no reason is told"
