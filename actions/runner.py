"""The one place that applies plans.

It takes the lock, refuses where an interrupted plan stands open or the host is not as the
plan found it, puts the plan with all that is needed to take it back on record, and then for
each change: the intent on the disk, the change, its end on the disk. A proof follows. Where
anything fails, what was done is taken back. A process killed at any line leaves an entry
that `journal.undo` takes back and `journal.finish` brings to its end.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from actions.action import ActionError, Cancelled, Exit
from actions.host.accounts import operator
from actions.host.errors import HostError, NotPermitted
from actions.journal.lock import held
from actions.journal.standing import Step, has_passed, look, summary, way_back, way_to
from actions.journal.status import LEAVE, TAKE_UP, UNDO, statuses, ways_out
from actions.journal.store import Journal
from actions.plan import Standing, digest
from actions.run import Run
from actions.signals import held_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.journal.entry import Entry
    from actions.journal.standing import Way
    from actions.outcome import PlanReport
    from actions.plan import Plan


def run_plan(ctx: Context, plan: Plan, *, confirmed_digest: str | None = None) -> PlanReport:
    """Apply *plan*, prove it, and roll it back where that fails.

    Progress is told through ``ctx.tell`` as the events of `actions.outcome`. Ctrl+C, a
    hang-up and SIGTERM wait for the end of the change under way, and then roll back.

    Args:
        ctx: the host, and how to tell and cancel.
        plan: what an action returned.
        confirmed_digest: the digest of the plan that was confirmed, where that was another
            process's.

    Raises:
        ActionError: nothing was changed: another operator is at it, an interrupted plan
            stands open, the plan is not the one confirmed, or the host changed since.
    """
    if confirmed_digest not in {None, digest(plan)}:
        raise ActionError(
            "the plan is not the one that was confirmed: the host changed meanwhile; "
            "nothing was changed",
            Exit.NOT_CONFIRMED,
            "look at the new plan with --dry-run and confirm that",
        )
    with _told(), held(ctx.host.state_folder, operator(), plan.title):
        journal = Journal(ctx.host.state_folder)
        journal.tidy()
        with held_back(ctx.cancel) as cancel:
            return _run(ctx._replace(cancel=cancel), journal, plan)


def _run(ctx: Context, journal: Journal, plan: Plan) -> PlanReport:
    entry = journal.open_entry()
    if entry is not None and not _takes_up(plan, entry) and has_passed(entry, ctx.host):
        journal.note(entry.id, "cut off", text=f"it ended with the console; {summary(entry)}")
        ctx.tell(f"{entry.plan.title} ({entry.id}) was cut off; nothing is left of it")
        entry = journal.open_entry()
    if entry is not None:
        return _take_up(ctx, journal, plan, entry)
    if plan.action in TAKE_UP:
        _require_undoable(ctx.host, journal, plan)
    _require_as_planned(ctx.host, plan)
    ctx.check()
    steps = tuple(Step(change, number, back=False) for number, change in enumerate(plan.changes))
    entry = journal.begin(plan, operator(), ctx.host.name)
    return Run(ctx, journal, entry, plan, steps).forward("applied")


def _take_up(ctx: Context, journal: Journal, plan: Plan, entry: Entry) -> PlanReport:
    """Take back, finish or leave the interrupted *entry*, as *plan* says."""
    if not _takes_up(plan, entry):
        raise interrupted(entry)
    way = way_to(plan.action, entry, ctx.host)
    run = Run(ctx, journal, entry, plan, way.steps)
    _require_same(way, plan)
    journal.note(entry.id, "taken up", text=f"{operator()}: {plan.action}")
    run.sweep()
    if plan.action == LEAVE:
        return run.leave()
    return run.undo() if plan.action == UNDO else run.forward("finished")


def _takes_up(plan: Plan, entry: Entry) -> bool:
    """Return whether *plan* takes back, finishes or leaves *entry*."""
    return plan.action in TAKE_UP and plan.arguments.get("entry") == entry.id


def interrupted(entry: Entry) -> ActionError:
    """Return the refusal of any other plan while *entry* stands open."""
    return ActionError(
        f"the plan {entry.plan.title!r} ({entry.id}) was interrupted: {summary(entry)}; "
        "nothing else is changed before that is settled",
        Exit.PROBLEM,
        ways_out(entry),
    )


def _require_undoable(host: Host, journal: Journal, plan: Plan) -> None:
    """Refuse to take up an entry that somebody else has settled since the plan was made."""
    entries = journal.entries()
    name = str(plan.arguments.get("entry"))
    entry = next((one for one in entries if one.id == name), None)
    if plan.action != UNDO or entry is None or statuses(entries)[name].word == "undone":
        raise _moved(f"entry {name} is settled already")
    _require_same(way_back(entry.plan.changes, entry.positions, host), plan)


def _require_same(way: Way, plan: Plan) -> None:
    if way.blocked:
        raise _moved(way.blocked[0].why)
    if tuple(step.change for step in way.steps) != plan.changes:
        raise _moved("other changes are needed now")


def _require_as_planned(host: Host, plan: Plan) -> None:
    """Refuse a plan whose changes would not meet what they were planned for."""
    met: set[str] = set()
    for change in plan.changes:
        # What an earlier change makes can only be looked at once that is done.
        if change.target not in met:
            standing, why = look(change, host)
            if standing is Standing.AFTER and not change.settles:
                raise _moved(f"{change.kind} {change.target}: is done already")
            if standing is Standing.OTHER:
                raise _moved(f"{change.kind} {change.target}: {why}")
        met.add(change.target)


def _moved(why: str) -> ActionError:
    return ActionError(
        f"the host changed since the plan was made: {why}; nothing was changed",
        Exit.PROBLEM,
        "look again and make a new plan",
    )


@contextmanager
def _told() -> Iterator[None]:
    """Tell of what hinders a plan before its first change."""
    try:
        yield
    except NotPermitted as error:
        raise ActionError(str(error), Exit.NOT_PERMITTED, "run it with sudo") from error
    except HostError as error:
        raise ActionError(str(error), Exit.PROBLEM) from error
    except Cancelled as error:
        raise ActionError("cancelled; nothing was changed", Exit.NOT_CONFIRMED) from error
