"""The look at the host that all panes share, without a screen."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, NoReturn, cast

from actions.action import ActionError, Exit
from widgets import look as module
from widgets.job import Job
from widgets.look import WHOLE, HostLook

if TYPE_CHECKING:
    import pytest
    from textual.app import App
    from textual.message import Message

    from console.lab.lab import Lab


class Screen:
    """Takes the messages that an app would."""

    def __init__(self) -> None:
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def post_message(self, message: Message) -> bool:
        """Keep *message*."""
        self.messages.put(message)
        return True


def broken() -> NoReturn:
    raise ActionError("the long look failed", Exit.UNDECIDED)


def test_what_hindered_the_long_look_stays_when_the_quick_one_ends_well(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "slow_checks", broken)
    screen = Screen()
    look = HostLook(lab.host, cast("App[None]", screen))
    assert looked(look, screen) == "the long look failed"
    assert look.report is not None
    monkeypatch.undo()
    assert not looked(look, screen)


def looked(look: HostLook, screen: Screen) -> str:
    """Look at everything, and return what hindered it."""
    look.begin(WHOLE)
    while look.is_under_way:
        message = screen.messages.get(timeout=60)
        if isinstance(message, Job.Ended):
            look.took(message)
    return look.fault.what if look.fault else ""
