"""What the looks at a service come to: one state, and the reason that explains the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.mailhost.service import Look

_Verdict = tuple[Health, str]


def verdict(looks: Sequence[Look]) -> _Verdict:
    """Return the state of a service and why it is not ok, in a few words.

    The cause goes before what follows from it: a process that is dead before its listener that
    is missing, a service that is needed and down before what is slow because of it.
    """
    by_process = [look for look in looks if look.kind == "process"]
    at_sockets = _at_sockets(looks)
    for look in by_process:
        # While it starts or stops, that its sockets are closed follows from it.
        changes = look.health is Health.DEGRADED and look.cause != "masked"
        if look.health is Health.DOWN or changes:
            return look.health, look.detail
    needs = [look for look in looks if look.kind == "dependency"]
    if at_sockets[0] is Health.DOWN:
        return at_sockets
    for look in needs:
        if look.health is Health.DOWN:
            return Health.DEGRADED, look.detail
    if at_sockets[0] is Health.DEGRADED:
        return at_sockets
    for health in (Health.DEGRADED, Health.UNKNOWN):
        for look in (*by_process, *needs, *looks):
            if look.health is health:
                return health, _of_target(look)
    return Health.OK, ""


def _at_sockets(looks: Sequence[Look]) -> _Verdict:
    """Return what the listeners and their greetings come to: down where none is left."""
    worst: dict[str, Look] = {}
    for look in looks:
        if look.kind in {"listener", "greeting"} and (
            look.target not in worst or look.health.rank > worst[look.target].health.rank
        ):
            worst[look.target] = look
    down = [look for look in worst.values() if look.health is Health.DOWN]
    if down and len(down) == len(worst):
        return Health.DOWN, down[0].detail
    for health in (Health.DOWN, Health.DEGRADED):
        for look in worst.values():
            if look.health is health:
                return Health.DEGRADED, look.detail if len(worst) == 1 else _of_target(look)
    return Health.OK, ""


def _of_target(look: Look) -> str:
    """Return what was seen, with the socket it was seen at where that is not in it."""
    place = look.target.partition(":")[2] or look.target
    if look.kind == "dependency" or not place or place in look.detail:
        return look.detail
    return f"{look.target}: {look.detail}"
