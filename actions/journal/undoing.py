"""The plans that take back, finish or leave an entry of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.journal.standing import leaves_nothing, summary, way_to
from actions.journal.status import FINISH, LEAVE, UNDO, statuses, ways_out
from actions.journal.store import Journal, NoEntry
from actions.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.action import Context
    from actions.journal.entry import Entry
    from actions.journal.standing import Way


def plan_undo(ctx: Context, name: str, *, partly: bool) -> Plan:
    """Return the plan that takes back the entry *name*.

    Raises:
        ActionError: there is no such entry, it is taken back already, somebody changed what
            would be restored, or a change can't be taken back and *partly* is not set.
        HostError: the journal can't be read.
    """
    journal = Journal(ctx.host.state_folder)
    entries = journal.entries()
    amid = journal.open_entry()
    entry = _last(entries, amid) if name == "last" else _named(journal, name)
    _require_readable(entry)
    if amid is not None and _is_undo_of(amid, entry):
        # Killed while it was taken back: the same command again goes on with it.
        return plan_finish(ctx, amid.id)
    _require_settled(amid, entry)
    status = statuses(entries)[entry.id]
    if status.word in {"undone", "rolled back"}:
        by = f" by {status.by}" if status.by else ""
        raise ActionError(f"{_titled(entry)} is {status.word} already{by}", Exit.PROBLEM)
    if leaves_nothing(entry) and amid is None:
        raise ActionError(f"{_titled(entry)} left nothing that could be taken back", Exit.PROBLEM)
    way = way_to(UNDO, entry, ctx.host)
    _require_free(way, entry, entries)
    if way.lasting and not partly:
        raise ActionError(
            f"{_titled(entry)} can't be taken back whole: {'; '.join(b.why for b in way.lasting)}",
            Exit.PROBLEM,
            f"console run {UNDO} --entry {entry.id} --partly takes back the rest",
        )
    arguments = {"entry": entry.id, **({"partly": True} if partly else {})}
    why = f"by {entry.who}; {summary(entry)}"
    if way.lasting:
        why += "; stays as it is: " + "; ".join(blocked.why for blocked in way.lasting)
    if way.stopped:
        why += "; " + "; ".join(blocked.why for blocked in way.stopped)
    changes = tuple(step.change for step in way.steps)
    # One that was killed may stand anywhere; how it was is not known then.
    proof = entry.plan.undo_proof if amid is None and changes else None
    return Plan(f"Take back: {entry.plan.title}", UNDO, arguments, why, changes, proof)


def plan_finish(ctx: Context, name: str) -> Plan:
    """Return the plan that does the rest of the interrupted entry *name*.

    Raises:
        ActionError: there is no such entry, it is not interrupted, or somebody changed what
            would be changed.
        HostError: the journal can't be read.
    """
    journal = Journal(ctx.host.state_folder)
    entry = _interrupted(journal, name)
    _require_readable(entry)
    way = way_to(FINISH, entry, ctx.host)
    _require_free(way, entry, journal.entries())
    return Plan(
        f"Finish: {entry.plan.title}",
        FINISH,
        {"entry": entry.id},
        f"interrupted: {summary(entry)}",
        tuple(step.change for step in way.steps),
        entry.plan.proof,
        entry.plan.lasting,
    )


def plan_leave(ctx: Context, name: str) -> Plan:
    """Return the plan that closes the interrupted entry *name* and changes nothing.

    Raises:
        ActionError: there is no such entry, or it is not interrupted.
        HostError: the journal can't be read.
    """
    entry = _interrupted(Journal(ctx.host.state_folder), name)
    title = f"Leave as it stands: {entry.plan.title}"
    return Plan(title, LEAVE, {"entry": entry.id}, f"interrupted: {summary(entry)}", ())


def _named(journal: Journal, name: str) -> Entry:
    amid = journal.open_entry()
    if amid is not None and amid.id == name:
        return amid
    try:
        return journal.entry(name)
    except NoEntry as error:
        raise ActionError(str(error), Exit.USAGE) from error


def _last(entries: Sequence[Entry], amid: Entry | None) -> Entry:
    """Return the newest entry that stands and is no undo: doing it again goes further back."""
    if amid is not None:
        return next((entry for entry in entries if _is_undo_of(amid, entry)), amid)
    known = statuses(entries)
    for entry in reversed(entries):
        gone = known[entry.id].word in {"undone", "rolled back"} or leaves_nothing(entry)
        if entry.plan.action != UNDO and not gone:
            return entry
    raise ActionError("the journal holds nothing that could be taken back", Exit.PROBLEM)


def _interrupted(journal: Journal, name: str) -> Entry:
    entry = journal.open_entry() if name == "last" else _named(journal, name)
    if entry is None:
        raise ActionError("no entry of the journal is interrupted", Exit.PROBLEM)
    if entry.closed is not None:
        raise ActionError(f"{_titled(entry)} is not interrupted", Exit.PROBLEM)
    return entry


def _require_readable(entry: Entry) -> None:
    if entry.damaged:
        raise ActionError(
            f"{entry.damaged}; so it can neither be taken back nor finished",
            Exit.PROBLEM,
            ways_out(entry),
        )


def _is_undo_of(amid: Entry, entry: Entry) -> bool:
    return amid.plan.action == UNDO and amid.plan.arguments.get("entry") == entry.id


def _require_settled(amid: Entry | None, entry: Entry) -> None:
    if amid is not None and amid.id != entry.id:
        raise ActionError(
            f"{_titled(amid)} was interrupted: {summary(amid)}; that is settled first",
            Exit.PROBLEM,
            ways_out(amid),
        )


def _require_free(way: Way, entry: Entry, entries: Sequence[Entry]) -> None:
    """Refuse where somebody has changed what the way leads over."""
    if not way.blocked:
        return
    targets = {entry.plan.changes[blocked.number].target for blocked in way.blocked}
    since = entries[[other.id for other in entries].index(entry.id) + 1 :]
    later = [other for other in since if _touches(other, targets)]
    advice = f"take back {later[-1].id} first" if later else "compare it with journal.list --json"
    if entry.closed is None:
        advice = f"put it right by hand, or console run {LEAVE} --entry {entry.id} leaves it"
    raise ActionError(
        f"{_titled(entry)}: {'; '.join(blocked.why for blocked in way.blocked)}; "
        "nothing was changed",
        Exit.PROBLEM,
        advice,
    )


def _touches(entry: Entry, targets: set[str]) -> bool:
    closed = entry.closed
    took_effect = closed is not None and closed.kind in {"applied", "finished", "left"}
    return took_effect and any(change.target in targets for change in entry.plan.changes)


def _titled(entry: Entry) -> str:
    return f"{entry.id} ({entry.plan.title})"
