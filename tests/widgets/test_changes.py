"""What a change says while it is under way is shown beside it."""

from __future__ import annotations

from actions.changes import Command
from actions.outcome import ChangeDone, ChangeSaid, ChangeStarted
from actions.plan import Plan
from widgets.changes import Progress, change_rows


def shown(plan: Plan, progress: Progress) -> str:
    return "\n".join(" ".join(part.plain for part in row) for row in change_rows(plan, progress))


def test_the_last_line_stands_beside_the_change_until_it_is_done() -> None:
    plan = Plan("Fetch", "x", {}, "", (Command(("freshclam",)), Command(("other",))))
    progress = Progress(plan)
    progress.take(ChangeStarted(0))
    progress.take(ChangeSaid(0, "10 %"))
    progress.take(ChangeSaid(0, "20 %\x1b[31m"))
    text = shown(plan, progress)
    assert "under way" in text
    assert "20 %" in text
    assert "\x1b" not in text
    assert "10 %" not in text
    progress.take(ChangeDone(0, 1.0))
    assert "20 %" not in shown(plan, progress)
