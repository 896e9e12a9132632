"""The journal's actions, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.journal.listing import JournalReport
    from actions.plan import Plan

_ENTRY = "the entry, as journal.list names it (default: the last one that stands)"
_OPEN = "the entry, as journal.list names it (default: the one that is interrupted)"


@report("journal.list")
def journal_list(
    ctx: Context,
    *,
    limit: Annotated[int, Option("show at most so many of the newest entries")] = 50,
) -> "JournalReport":
    """Show what was changed on this host, by whom, and what became of it.

    An interrupted entry is shown with each of its changes: how far it had come, and what the
    host shows now. Ends with 1 while an entry is interrupted.
    """
    from actions.journal.listing import list_entries

    return list_entries(ctx, limit)


@plan("journal.undo")
def journal_undo(
    ctx: Context,
    *,
    entry: Annotated[str, Option(_ENTRY, metavar="ENTRY")] = "last",
    partly: Annotated[
        bool, Option("take back the rest where a change can't be taken back")
    ] = False,
) -> "Plan":
    """Take back what an entry of the journal changed.

    Files get their bytes, owner, group and mode again; services take them up. An interrupted
    entry is taken back as far as it had come. Refused where somebody has since changed what
    would be restored.
    """
    from actions.journal.undoing import plan_undo

    return plan_undo(ctx, entry, partly=partly)


@plan("journal.finish")
def journal_finish(
    ctx: Context,
    *,
    entry: Annotated[str, Option(_OPEN, metavar="ENTRY")] = "last",
) -> "Plan":
    """Do the rest of an interrupted entry, and prove it.

    Refused where somebody has since changed what would be changed.
    """
    from actions.journal.undoing import plan_finish

    return plan_finish(ctx, entry)


@plan("journal.leave")
def journal_leave(
    ctx: Context,
    *,
    entry: Annotated[str, Option(_OPEN, metavar="ENTRY")] = "last",
) -> "Plan":
    """Close an interrupted entry and leave the host as it stands.

    For where it can neither be taken back nor finished.
    """
    from actions.journal.undoing import plan_leave

    return plan_leave(ctx, entry)
