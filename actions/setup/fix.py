"""The plan that mends what checks of the setup found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit, UnitOperation
from actions.plan import Plan, Proof
from actions.setup.looking import LookingHost
from actions.setup.survey import chosen, results_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.action import Context
    from actions.plan import Change
    from actions.setup.check import Check, Result

_TAKEN_UP = ("reload", "restart")


def plan_fix(ctx: Context, names: Sequence[str]) -> Plan:
    """Return the plan that mends what the checks called *names* find.

    Raises:
        ActionError: a name means no check, a check could not look, or no plan can mend it.
        HostError: a file can't be read.
    """
    host = LookingHost(ctx.host, names)
    ctx = ctx._replace(host=host)
    checks = chosen(names)
    unknown = [name for name in names if all(check.name != name for check in checks)]
    if unknown:
        inside = ", ".join(check.name for check in checks)
        raise ActionError(
            f"{unknown[0]!r} is no single check: each is decided by itself",
            Exit.USAGE,
            f"name what is to be mended: {inside}",
        )
    mended: list[Result] = []
    changes: list[Change] = []
    for check in checks:
        for result in _mendable(check, ctx):
            made = check.changes(ctx, result)
            host.pending.plan(made)
            changes += made
            mended.append(result)
        if mended:
            host.take_pending()
    arguments = {"name": tuple(names)}
    title = f"Mend {' and '.join(names)}"
    if not changes:
        return Plan(title, "setup.fix", arguments, "it is as wanted: nothing to do", ())
    why = "; ".join(dict.fromkeys(result.why for result in mended if result.why))
    proof = Proof(f"look again at {' and '.join(names)}", "setup.check", {"only": tuple(names)})
    return Plan(title, "setup.fix", arguments, why, in_order(changes), proof)


def _mendable(check: Check, ctx: Context) -> Iterator[Result]:
    """Yield the results of *check* that need something done; raises `ActionError`."""
    for result in results_of(check, ctx):
        if result.verdict == "unknown":
            step = result.advice or "see to it that it can be looked at, and try again"
            raise ActionError(f"{check.name}: {result.why}", Exit.UNDECIDED, step)
        if result.verdict == "as wanted" or (result.verdict == "choice" and result.unfixable):
            continue
        if result.unfixable:
            what = f"{check.name}: {result.found or 'not set'}"
            raise ActionError(f"{what}: {result.why}", Exit.PROBLEM, result.unfixable)
        yield result


def in_order(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return *changes* with what takes them up last, each edit and each restart once.

    A milter is taken up before Postfix, which asks it.
    """
    before: list[Change] = []
    after: dict[str, UnitOperation] = {}
    for change in changes:
        if isinstance(change, UnitOperation) and change.operation in _TAKEN_UP:
            earlier = after.get(change.unit)
            if earlier is None or change.operation == "restart":
                after[change.unit] = change
        elif not _merged(before, change):
            before.append(change)
    last = sorted(after.values(), key=lambda one: one.unit.startswith("postfix"))
    return (*before, *last)


def _merged(changes: list[Change], change: Change) -> bool:
    """Put *change* into an earlier one that it goes on from, or that is the same."""
    if change in changes:
        return True
    if not isinstance(change, FileEdit):
        return False
    for at, earlier in enumerate(changes):
        if isinstance(earlier, FileEdit) and earlier.path == change.path:
            note = "; ".join(dict.fromkeys(one for one in (earlier.note, change.note) if one))
            changes[at] = FileEdit(change.path, earlier.before, change.after, note)
            return True
    return False
