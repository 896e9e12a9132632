"""Actions found by name."""

from __future__ import annotations

import pytest

from actions import registry
from actions.action import ActionError, Exit
from actions.registry import all_actions, find


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = {name: at for name, at in registry.MODULES.items() if name.startswith("journal.")}
    monkeypatch.setattr(registry, "MODULES", journal)


def test_an_action_is_found_by_its_name() -> None:
    assert find("journal.undo").name == "journal.undo"


def test_all_actions_in_the_order_of_the_table() -> None:
    assert [action.name for action in all_actions()] == [
        *("journal.finish", "journal.leave", "journal.list", "journal.undo")
    ]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("journal.lst", "did you mean journal.list"),
        ("jurnal.undo", "did you mean journal.undo"),
        ("journal", "did you mean journal.finish or journal.leave"),
        ("x.y", "known are: journal.finish, "),
        ("", "known are: "),
    ],
)
def test_an_unknown_name_is_answered_with_close_ones(name: str, advice: str) -> None:
    with pytest.raises(ActionError, match="no action is called") as refused:
        find(name)
    assert refused.value.exit_code is Exit.USAGE
    assert refused.value.next_step.startswith(advice)
