"""The services pane on the screen: what runs, what waits, how it is set up, and what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import OptionList

from actions.queue.report import QueueReport, StateCount
from actions.registry import find
from console.lab.lab import running_lab
from tests.console.lab.kit import INSIDE, send
from tests.widgets.driving import SIZES, Driven, console
from widgets.given import from_pairs, missing
from widgets.lines import Lines
from widgets.services.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

NAMES = (
    "postfix",
    "milter-manager",
    "milter-greylist",
    "clamav-milter",
    "spamass-milter",
    "opendkim",
)


@pytest.fixture
def waiting_mail() -> Iterator[Lab]:
    """A lab with a mail that it can't deliver."""
    with running_lab() as lab:
        assert send(lab, client=INSIDE, recipient="jane@elsewhere.example").code == 250
        yield lab


def below(screen: Driven) -> str:
    return screen.app.screen.query_one("#details", Lines).plain


async def open_pane(screen: Driven) -> None:
    await screen.press("2")
    await screen.sees("6 services")


@pytest.mark.parametrize("size", SIZES)
async def test_every_service_is_told_with_its_state(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await open_pane(screen)
        await screen.sees("all ok", *NAMES)
        assert all(len(line) <= size[0] for line in screen.lines)
        assert "postfix.service" in below(screen)
        await screen.press("down", "down")
        await screen.until(lambda: "negotiates; version 6" in below(screen), "a milter's looks")


async def test_what_is_down_says_why_and_its_plan_is_one_key_away(broken: Lab) -> None:
    async with console(broken.host) as screen:
        await open_pane(screen)
        await screen.sees("1 down", "postfix may not open its socket")
        await screen.press("down")
        await screen.sees("f fix")
        await screen.press("f")
        await screen.sees("Let postfix open milter-manager's socket")


async def test_a_service_is_stopped_and_started_again(broken: Lab) -> None:
    async with console(broken.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.until(lambda: "opendkim" in screen.text)
        await screen.press("end")
        await screen.until(lambda: "opendkim.service" in below(screen), "the last row's details")
        await screen.press("a")
        await screen.until(lambda: isinstance(screen.app.focused, OptionList), "what can be done")
        assert "Start" not in screen.text.replace("Restart", "").replace("start", "")
        await screen.press("down", "down", "enter")
        await screen.sees("stop", "opendkim.service", "Enter apply")
        await screen.press("enter")
        await screen.sees("Applied and proved")
        await screen.press("escape")
        await screen.sees("stopped", "was ok")
        assert not broken.host.units.state("opendkim.service").main_pid


async def test_it_is_seen_at_once_when_a_service_dies(broken: Lab) -> None:
    async with console(broken.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.until(lambda: "opendkim" in screen.text)
        broken.host.units.operate("stop", "opendkim.service")
        await screen.sees("2 down", "was ok")


async def test_the_queue_and_the_setup_are_lists_beside(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await open_pane(screen)
        await screen.press("tab")
        await screen.sees("the queue is empty", "nothing waits")
        await screen.press("tab")
        await screen.sees("settings")
        await screen.press("shift+tab", "shift+tab")
        await screen.sees("6 services")


async def test_mail_that_waits_is_held_and_released_by_plans(waiting_mail: Lab) -> None:
    async with console(waiting_mail.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.press("tab")
        await screen.sees("1 deferred", "jane@elsewhere.example", "deferred transport")
        await screen.press("a")
        await screen.sees("Try again now", "Delete", "for good; nobody is told")
        await screen.press("down", "enter")
        await screen.sees("hold", "Enter apply")
        await screen.press("enter")
        await screen.sees("Applied and proved")
        await screen.press("escape")
        await screen.sees("1 hold")
        await screen.press("enter")
        await screen.sees("Subject", "jane@elsewhere.example")
        await screen.press("escape", "a", "enter")
        await screen.sees("release", "Enter apply")


def test_nobody_is_asked_which_where_all_are_meant() -> None:
    states = (StateCount("deferred", 2, 900, 0),)
    (act,) = Waiting().acts(QueueReport(0.0, states, 2, 900, 0, (), 0, None, (), ()))
    flush = find(act.action)
    assert not missing(flush, from_pairs(flush, act.given.items()))
    assert [one.name for one in missing(flush, {})] == ["id"]


async def test_the_command_of_each_list_is_told(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await open_pane(screen)
        await screen.press("y")
        await screen.sees("console run services.status")
