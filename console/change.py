"""How the script face changes a host: the plan shown, confirmed, applied, proved."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from actions.action import ActionError, Exit
from actions.journal.status import nothing_to_do
from actions.outcome import PlanReport, planned
from actions.plan import digest
from actions.printable import printable
from console.output import put

if TYPE_CHECKING:
    import argparse

    from actions.action import Action, Context, Report
    from actions.plan import Plan


def carry_out(
    ctx: Context, action: Action, plan: Plan, parsed: argparse.Namespace, given: dict[str, object]
) -> int:
    """Show *plan*, and apply it where that was asked for or is confirmed now.

    Args:
        ctx: the host.
        action: what made the plan.
        plan: what would change.
        parsed: the options of every action.
        given: the action's own arguments, to plan again as root.

    Raises:
        ActionError: read-only, not confirmed, not permitted, or refused by the runner.
    """
    style = "json" if parsed.json else parsed.format
    if parsed.dry_run or (nothing_to_do(plan) and parsed.confirm_digest is None):
        return _show(ctx, planned(plan), style)
    if parsed.read_only:
        _show(ctx, planned(plan), style, to_stderr=True)
        raise ActionError("nothing was changed: --read-only", Exit.NOT_PERMITTED)
    if not parsed.yes and parsed.confirm_digest is None:
        _confirm(ctx, plan, style)
    return _apply(ctx, action, plan, parsed, given)


def _apply(
    ctx: Context, action: Action, plan: Plan, parsed: argparse.Namespace, given: dict[str, object]
) -> int:
    from actions.privilege import escalate, needs_root

    if needs_root(ctx.host, plan):
        from console.options import command_line

        style = "json" if parsed.json else parsed.format
        words = [action.name, *command_line(action, given), f"--format={style}"]
        return escalate([*own_command(), "run", *words], digest(plan))
    from actions.runner import run_plan

    report = run_plan(ctx, plan, confirmed_digest=parsed.confirm_digest)
    return _show(ctx, report, "json" if parsed.json else parsed.format)


def own_command() -> list[str]:
    """Return the words that start this program again, by whole paths."""
    import os

    name = os.path.abspath(sys.argv[0])
    if os.path.basename(name) in {"console", "milter-console"} and os.access(name, os.X_OK):
        return [name]
    packages = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = f"import sys; sys.path.insert(0, {packages!r}); from console.cli import main; main()"
    return [sys.executable, "-I", "-c", program]


def _show(ctx: Context, report: PlanReport, style: str, *, to_stderr: bool = False) -> int:
    from console.render.report import rendered
    from console.run import hints_for

    text, code = rendered(cast("Report", report), style, hints_for(ctx.host))
    if not report.changes and report.status == "planned" and style == "text":
        text = f"{printable(report.title)}: {printable(report.why)}"
    put(text, to_stderr=to_stderr)
    return code


def _confirm(ctx: Context, plan: Plan, style: str) -> None:
    """Ask on the terminal; what can't be undone wants the word typed."""
    _show(ctx, planned(plan), style, to_stderr=True)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ActionError(
            "nothing was changed: the plan is not confirmed", Exit.NOT_CONFIRMED, "add --yes"
        )
    final = [change for change in plan.changes if change.undo == "none"]
    wanted = "apply for good" if final else "y"
    question = f"Some of it can't be undone. Type {wanted!r}: " if final else "Apply? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip()
    if answer != wanted and not (wanted == "y" and answer.lower() == "yes"):
        raise ActionError("nothing was changed: not confirmed", Exit.NOT_CONFIRMED)
