"""Where an entry stands on the host, and the steps that would take it back or finish it.

Events tell how far each change has come; where a run was killed amid a change, and where
somebody else may have been at work since, the host itself is asked.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.journal.entry import Position
from actions.journal.status import FINISH, UNDO
from actions.plan import Passing, Standing
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Host
    from actions.journal.entry import Entry
    from actions.plan import Change

_OPEN = {Position.BEGUN, Position.RETURNING}


class Step(Record):
    """One change to be applied, and which change of the entry it does or takes back."""

    change: Change
    number: int
    back: bool


class Blocked(Record):
    """A change that can't be done or taken back as the host stands."""

    number: int
    why: str


class Way(Record):
    """The steps to a goal, and what stands in the way."""

    steps: tuple[Step, ...]
    blocked: tuple[Blocked, ...] = ()
    lasting: tuple[Blocked, ...] = ()
    """What nothing can take back, and why."""
    stopped: tuple[Blocked, ...] = ()
    """Services that take nothing up: somebody has stopped them since."""


class Stood(Record):
    """Where one change stands."""

    number: int
    """Counted from 1, as on the screen."""
    kind: str
    target: str
    position: Position
    standing: Standing
    words: str


def way_back(
    changes: tuple[Change, ...],
    positions: tuple[Position, ...],
    host: Host,
    fresh: frozenset[int] = frozenset(),
) -> Way:
    """Return the steps that take back what was begun.

    Changes are taken back in reverse order; then those that make a service take up the others
    are done again in their own order, unless somebody has stopped the service since. Those of
    the *fresh* numbers were done a moment ago: a service that stopped since then fell over.
    """
    begun = [
        number
        for number, position in enumerate(positions)
        if position not in {Position.NOT_BEGUN, Position.RETURNED}
    ]
    covered: set[str] = set()
    ways = [
        _one_back(changes[number], number, covered, host)
        for number in reversed(begun)
        if not changes[number].settles
    ]
    ways += [
        Way((Step(changes[number], number, back=True),))
        if number in fresh
        else _taken_up_again(changes[number], number, positions[number], host)
        for number in begun
        if changes[number].settles
    ]
    return Way(
        tuple(step for way in ways for step in way.steps),
        tuple(one for way in ways for one in way.blocked),
        tuple(one for way in ways for one in way.lasting),
        tuple(one for way in ways for one in way.stopped),
    )


def _one_back(change: Change, number: int, covered: set[str], host: Host) -> Way:
    """Return the way to take back one change; the targets *covered* need no look."""
    try:
        inverse = change.inverse()
        standing, why = (Standing.UNTOLD, "") if inverse is None else look(inverse, host)
    except Exception as error:  # noqa: BLE001 - a defect of one must not keep from the others
        return Way((), (Blocked(number, f"{change.target}: {defect(error)}"),))
    if inverse is None:
        what = f"{change.kind} {change.target}: {change.undo_note}"
        return Way((), lasting=(Blocked(number, what),))
    if change.target not in covered:
        if standing is Standing.AFTER:
            return Way(())
        if standing is Standing.OTHER:
            return Way((), (Blocked(number, f"{change.target}: {why}"),))
    covered.add(change.target)
    return Way((Step(inverse, number, back=True),))


def _taken_up_again(change: Change, number: int, position: Position, host: Host) -> Way:
    """Return the way to let a service take up what is restored, unless it was stopped."""
    with suppress(Exception):  # a defect: better taken up once more than never
        if stays_stopped(change, position, host):
            why = f"{change.target}: stopped by someone else, stays so"
            return Way((), stopped=(Blocked(number, why),))
    return Way((Step(change, number, back=True),))


def defect(error: BaseException) -> str:
    """Return what no error message of an action foresaw, in words."""
    return f"a defect of the console: {type(error).__name__}: {error}"


def way_on(changes: tuple[Change, ...], positions: tuple[Position, ...], host: Host) -> Way:
    """Return the steps that do what is left to do."""
    steps: list[Step] = []
    blocked: list[Blocked] = []
    covered: set[str] = set()
    again = False
    for number, change in enumerate(changes):
        if positions[number] is Position.DONE and not (change.settles and again):
            continue
        if not change.settles and change.target not in covered:
            standing, why = look(change, host)
            if standing is Standing.AFTER:
                continue
            if standing is Standing.OTHER:
                blocked.append(Blocked(number, f"{change.target}: {why}"))
                continue
        if change.target not in covered and stays_stopped(change, positions[number], host):
            blocked.append(Blocked(number, f"{change.target}: was stopped by someone else"))
            continue
        # What was taken back and is done again has to be taken up again.
        again = again or not change.settles
        covered.add(change.target)
        steps.append(Step(change, number, back=False))
    return Way(tuple(steps), tuple(blocked))


def way_to(goal: str, entry: Entry, host: Host) -> Way:
    """Return the steps by which the action *goal* settles the interrupted *entry*."""
    if goal == UNDO:
        return way_back(entry.plan.changes, entry.positions, host)
    return way_on(entry.plan.changes, entry.positions, host) if goal == FINISH else Way(())


def look(change: Change, host: Host) -> tuple[Standing, str]:
    """Return where *change* stands, and in words what hinders it."""
    try:
        standing = change.stands(host)
    except HostError as error:
        return Standing.OTHER, str(error)
    if standing is not Standing.OTHER:
        return standing, standing.value
    return standing, "was stopped by someone else" if change.settles else f"was {standing.value}"


def stays_stopped(change: Change, position: Position, host: Host) -> bool:
    """Return whether *change*, a restart or reload, would start what somebody has stopped.

    Where a run ended amid it, the run itself may have stopped the service.
    """
    return change.settles and position not in _OPEN and look(change, host)[0] is Standing.OTHER


def where_it_stood(entry: Entry, host: Host) -> tuple[Stood, ...]:
    """Return, for each change of *entry*, how far it came and what the host shows."""
    return tuple(
        _stood(number, change, position, host)
        for number, (change, position) in enumerate(
            zip(entry.plan.changes, entry.positions, strict=True)
        )
    )


def leaves_nothing(entry: Entry) -> bool:
    """Return whether nothing of *entry* lasts once it has ended, however it ended."""
    changes = entry.plan.changes
    return bool(changes) and all(isinstance(change, Passing) for change in changes)


def has_passed(entry: Entry, host: Host) -> bool:
    """Return whether all of an interrupted *entry* has ended by itself and left nothing."""
    return leaves_nothing(entry) and not any(
        change.remains(host) for change in entry.plan.changes if isinstance(change, Passing)
    )


def summary(entry: Entry) -> str:
    """Return in one line how far *entry* had come when it was interrupted."""
    if entry.damaged:
        return f"how far it came can't be told ({entry.damaged})"
    positions = entry.positions
    total = len(positions)
    done = sum(position is Position.DONE for position in positions)
    returned = sum(position is Position.RETURNED for position in positions)
    amid = [number for number, position in enumerate(positions) if position in _OPEN]
    parts = [f"{done} of {total} changes done"]
    if returned:
        parts.append(f"{returned} taken back")
    for number in amid:
        change = entry.plan.changes[number]
        doing = "taking back" if positions[number] is Position.RETURNING else "amid"
        parts.append(f"{doing} change {number + 1} ({change.kind} {change.target})")
    if done == total and entry.events and entry.events[-1].kind == "proving":
        parts.append("amid the proof")
    return ", ".join(parts)


def _stood(number: int, change: Change, position: Position, host: Host) -> Stood:
    standing, why = look(change, host)
    if position in _OPEN and standing is Standing.BEFORE:
        # Seen from both ends as not there yet: killed between two steps of one change.
        inverse = change.inverse()
        if inverse is not None and look(inverse, host)[0] is Standing.BEFORE:
            why = "half done"
    words = f"{position.value}; on the host: {why}"
    return Stood(number + 1, change.kind, change.target, position, standing, words)
