"""A defect in the screen itself: the program ends, says so, and tells no values."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from actions.action import Exit
from console.app import ConsoleApp

if TYPE_CHECKING:
    from console.lab.lab import Lab


def breaks(_: ConsoleApp) -> None:
    """Fail as a defect would, with a secret at hand."""
    passphrase = " ".join(("correct", "horse"))
    raise RuntimeError(f"a defect with {len(passphrase)}\x1b[31m letters")


async def help_asked_of(app: ConsoleApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()


async def test_a_defect_ends_the_console_and_tells_no_values(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConsoleApp, "action_help", breaks)
    app = ConsoleApp(lab.host, read_only=False)
    told = io.StringIO()
    app.error_console = Console(file=told, markup=False, highlight=False, width=200)
    with pytest.raises(RuntimeError):
        await help_asked_of(app)
    app._print_error_renderables()
    text = told.getvalue()
    assert "RuntimeError: a defect with 13\\x1b[31m letters" in text
    assert "in breaks" in text
    assert "please report it" in text
    assert "correct horse" not in text
    assert app.return_code == Exit.DEFECT
