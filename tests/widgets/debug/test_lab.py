"""The debug pane on a lab: on, off, and a real run, with the lab's own daemons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from console.lab.lab import running_lab
from tests.widgets.debug.watching import watching
from tests.widgets.driving import SIZES, Driven
from widgets.chain.table import ChainTable
from widgets.debug.beside import BesideView
from widgets.debug.output import OutputView
from widgets.debug.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

MANAGER = "milter-manager.service"


@pytest.fixture(scope="module")
def own() -> Iterator[Lab]:
    """A lab whose daemons are put into debug mode."""
    with running_lab() as lab:
        yield lab


async def go_to(screen: Driven, service: str) -> None:
    """Put the cursor of the pane on a service."""
    await screen.sees("debug modes", service)
    rows = [line.split()[1] for line in screen.lines if line.startswith((" – ", " ◐ ", " ? "))]
    await screen.press("home", *["down"] * rows.index(service))


@pytest.mark.parametrize("size", SIZES)
async def test_it_is_switched_on_for_a_while_and_off_again(own: Lab, size: tuple[int, int]) -> None:
    async with watching(own.host, size, pane="6") as screen:
        await go_to(screen, "opendkim")
        await screen.press("o")
        await screen.sees("Debug opendkim for 15m", "Enter apply")
        await screen.press("enter")
        await screen.sees("Applied and proved")
        await screen.press("escape")
        await screen.sees("◐ 1 on", "ends in 14 min", "set in", "x off")
        assert all(len(line) <= size[0] for line in screen.lines)
        await screen.press("x")
        await screen.sees("Enter apply")
        await screen.press("enter")
        await screen.sees("Applied and proved")
        await screen.press("escape")
        await screen.until(lambda: "1 on" not in screen.text, "its end")


async def test_a_run_is_confirmed_live_and_over(own: Lab) -> None:
    async with watching(own.host, pane="6") as screen:
        await go_to(screen, "milter-manager")
        await screen.press("r")
        await screen.sees("Run milter-manager in the foreground", "Enter apply", "leaves nothing")
        await screen.press("enter")
        await screen.sees("● running", "ends in 14 min")
        assert isinstance(screen.app.screen, OutputView)
        await screen.press("escape")
        await screen.sees("● milter-manager is back, answering", "its output is kept in")
        assert own.host.units.state(MANAGER).activity == "active"
        await screen.press("escape")
        await screen.sees("debug modes")


async def test_the_palette_opens_the_same_from_another_pane(own: Lab) -> None:
    async with watching(own.host, pane="2") as screen:
        screen.app.open_action("debug.status")
        await screen.sees("debug modes")
        await screen.press("2")
        screen.app.open_action("debug.run", {"service": "opendkim"})
        await screen.sees("Run opendkim in the foreground", "Enter apply")
        await screen.press("enter")
        await screen.sees("● running")
        await screen.press("ctrl+c")
        await screen.sees("● opendkim is back, answering")


def stages(screen: Driven) -> list[str]:
    return [one.text for one in screen.one(Tail)._tape.heard if one.stage is not None]


def output(screen: Driven) -> list[str]:
    return [one.text for one in screen.one(Tail)._tape.heard if one.stage is None]


@pytest.mark.parametrize("size", SIZES)
async def test_a_failed_test_is_repeated_beside_the_milter_s_output(
    own: Lab, size: tuple[int, int]
) -> None:
    async with watching(own.host, size, pane="3") as screen:
        await screen.press("s", "down", "enter", "r")
        await screen.sees("Rejected by milter-manager at end of message", "v debug")
        await screen.press("v")
        await screen.sees("Run milter-manager in the foreground", "Enter apply")
        await screen.press("enter")
        await screen.until(lambda: isinstance(screen.app.screen, BesideView), "both")
        await screen.until(lambda: "✗ Rejected by milter-manager at end" in screen.joined)
        await screen.until(lambda: any("[finished]" in line for line in output(screen)))
        shown = stages(screen)
        assert shown[0].startswith("milter-manager: negotiated")
        assert shown[-1].startswith("milter-manager end ")
        assert "reject" in shown[-1]
        await screen.press("home")
        await screen.sees(" connect  ● continue")
        rows = [line.partition(" ms")[2].strip() for line in screen.lines if "● continue" in line]
        assert any(rows) is (size[0] >= 100)
        assert all(len(line) <= size[0] for line in screen.lines)
        count = len(shown)
        await screen.sees("r test again")
        await screen.press("r")
        await screen.until(lambda: len(stages(screen)) == 2 * count, "the stages once more")
        await screen.press("escape")
        await screen.sees("● milter-manager is back, answering")
        await screen.press("escape")
        await screen.sees("nothing is delivered")


async def test_a_milter_behind_a_manager_is_shown_with_its_manager_s_stages(own: Lab) -> None:
    async with watching(own.host, (120, 40), pane="3") as screen:
        await screen.press("s", "down", "enter", "r")
        await screen.sees("Rejected by milter-manager", "└ spamass-milter")
        while screen.one(ChainTable).lane.name != "spamass-milter":  # type: ignore[union-attr]
            await screen.press("down")
        await screen.press("v")
        await screen.sees("Run spamass-milter in the foreground", "Enter apply")
        await screen.press("enter")
        await screen.until(lambda: "✗ Rejected by milter-manager at end" in screen.joined)
        await screen.until(lambda: any("directly" in text for text in stages(screen)))
        shown = stages(screen)
        names = list(dict.fromkeys(text.split(":")[0].split()[0] for text in shown))
        assert names == ["milter-manager", "spamass-milter"]
        await screen.press("escape")
        await screen.sees("● spamass-milter is back, answering")


async def test_a_socket_of_nobody_says_so(own: Lab) -> None:
    async with watching(own.host, pane="3") as screen:
        await screen.ask_milter("unix:/nowhere/at.sock")
        await screen.press("r")
        await screen.sees("could not be opened", "v debug")
        await screen.press("v")
        await screen.sees("no service of this host is known to listen on unix:/nowhere/at.sock")
