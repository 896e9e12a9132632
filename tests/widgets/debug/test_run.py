"""A service in the foreground, watched over its plan: in a lab, by programs of the test."""

from __future__ import annotations

import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from actions.action import Action, Context, Option, Parameter
from actions.changes.foreground import Foreground
from actions.plan import Plan
from console.lab.lab import running_lab
from tests.widgets.debug.anyprogram import AnyProgram
from tests.widgets.debug.watching import watching
from tests.widgets.driving import SIZES, Driven
from tests.widgets.test_hostile import assert_harmless
from widgets.debug.output import OutputView
from widgets.debug.run import RunPlan
from widgets.debug.tail import Tail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from console.lab.lab import Lab

UNIT = "opendkim.service"
ENDLESS = "import time, sys\nfor n in range(50): print('line', n, flush=True)\ntime.sleep(600)"


@pytest.fixture(scope="module")
def own() -> Iterator[Lab]:
    """A lab in which any program runs in the place of a unit."""
    with running_lab() as lab:
        lab.host.units = AnyProgram(lab.host.root)
        yield lab


def run_action(code: str, seconds: float = 60.0) -> Action:
    """Return an action like ``debug.run``, whose daemon is the Python program *code*."""
    change = Foreground(UNIT, (sys.executable, "-u", "-c", code), seconds)

    def planned(_: Context, *, service: str) -> Plan:
        arguments = {"service": service}
        return Plan("Run opendkim live", "test.run", arguments, "it is asked", (change,))

    service = Parameter("service", "text", None, True, Option("which", positional=True))
    return Action("test.run", "plan", planned, "", "", (service,))


def push_plan(screen: Driven, code: str, seconds: float = 60.0) -> None:
    place = screen.app.workplace
    screen.app.push_screen(RunPlan(place, run_action(code, seconds), {"service": "opendkim"}))


@asynccontextmanager
async def running(
    lab: Lab, code: str = ENDLESS, size: tuple[int, int] = (80, 24), seconds: float = 60.0
) -> AsyncIterator[Driven]:
    """Confirm the plan, and wait until the output shows."""
    async with watching(lab.host, size, pane="2") as screen:
        push_plan(screen, code, seconds)
        await screen.sees("Enter apply")
        await screen.press("enter")
        await screen.until(lambda: isinstance(screen.app.screen, OutputView), "the output's view")
        yield screen


def is_active(lab: Lab) -> bool:
    return lab.host.units.state(UNIT).activity == "active"


@pytest.mark.parametrize("size", SIZES)
async def test_the_output_is_live_and_esc_brings_the_unit_back(
    own: Lab, size: tuple[int, int]
) -> None:
    before = own.host.units.state(UNIT).invocation
    async with running(own, size=size) as screen:
        await screen.sees("line 49", "● running", "ends in", "50 lines", "Esc end the run")
        assert all(len(line) <= size[0] for line in screen.lines)
        await screen.press("escape")
        await screen.sees("● opendkim is back, answering after")
        assert is_active(own)
        assert own.host.units.state(UNIT).invocation != before
        await screen.sees("line 49", "Esc back")
        await screen.press("escape")
        await screen.sees("6 services")
        assert not screen.app.screen_stack[1:] or "Run opendkim" not in screen.text


async def test_what_the_daemon_writes_is_data(own: Lab) -> None:
    code = (
        r"print('[/x][red] \x1b]0;owned\x07 \x1b[2J'); print('\x1b[31mcolour\x1b[0m', flush=True);"
        "import time; time.sleep(600)"
    )
    async with running(own, code, (120, 40)) as screen:
        await screen.sees("[/x][red] \\x1b]0;owned\\x07", "colour")
        assert_harmless(screen)
        await screen.press("slash", *"[/x]", "enter")
        await screen.sees("“[/x]” 1 of 1")
        assert_harmless(screen)


async def test_a_text_is_found_and_esc_ends_the_search_before_the_run(own: Lab) -> None:
    async with running(own) as screen:
        await screen.sees("line 49")
        await screen.press("slash")
        await screen.until(lambda: isinstance(screen.app.focused, Input), "the line to type on")
        await screen.press(*"LINE 1", "enter")
        await screen.sees("not found")
        await screen.press("escape", "slash", "ctrl+u", *"line 1", "enter")
        await screen.sees("of 11", "n next", "Esc seek no more")
        await screen.press("home", "n", "n")
        assert any(line.startswith("▸") for line in screen.lines)
        await screen.press("N")
        await screen.press("escape")
        await screen.sees("Esc end the run", "● running")
        assert "of 11" not in screen.text
        assert not any(line.startswith("▸") for line in screen.lines)


async def test_it_stays_where_it_was_scrolled_to_and_follows_again(own: Lab) -> None:
    code = (
        "import time\nfor n in range(100000):\n"
        "    print('line', n, flush=True); time.sleep(0.05 if n > 60 else 0)"
    )
    async with running(own, code) as screen:
        await screen.sees("line 70")
        await screen.press("pageup", "pageup")
        await screen.sees("End follow", "stays")
        shown = [one.text for one in screen.one(Tail).in_sight]
        count = screen.one(Tail)._tape.lines
        await screen.until(lambda: screen.one(Tail)._tape.lines > count, "more output")
        assert [one.text for one in screen.one(Tail).in_sight] == shown
        await screen.press("end")
        await screen.until(lambda: "stays" not in screen.text, "to follow again")


async def test_lines_are_copied_and_saved(
    own: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(own) as screen:
        await screen.sees("line 49")
        await screen.press("y")
        shown = [one.text for one in screen.one(Tail).in_sight]
        assert screen.app.clipboard.splitlines() == shown
        await screen.press("w")
        await screen.sees("Save the output", "opendkim-debug-")
        await screen.press("enter")
        await screen.sees("saved to")
        (file,) = tmp_path.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(file.read_text().splitlines()) == 50
        await screen.press("w")
        await screen.press("ctrl+u")
        await screen.paste(file.name)
        await screen.press("enter")
        await screen.sees("exists; nothing is written over")


async def test_q_brings_the_unit_back_and_then_ends(own: Lab) -> None:
    async with running(own) as screen:
        await screen.sees("line 49")
        await screen.press("q")
        await screen.until(lambda: screen.app._exit, "the end of the console")
    assert is_active(own)


async def test_the_run_is_known_while_another_pane_is_in_front(own: Lab) -> None:
    async with running(own) as screen:
        await screen.sees("line 49")
        await screen.press("3")
        await screen.sees("nothing is delivered")
        await screen.press("2")
        await screen.sees("line 49", "● running")
        await screen.press("3", "q")
        await screen.until(lambda: screen.app._exit, "the end of the console")
    assert is_active(own)


async def test_a_lost_line_brings_the_unit_back(own: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr("console.app.os._exit", codes.append)
    monkeypatch.setattr("console.app.PATIENCE_FOR_THE_TERMINAL", 0.0)
    async with running(own) as screen:
        await screen.sees("line 49")
        await screen.press("3")
        screen.app.end_by(signal.SIGHUP)
        await screen.until(lambda: bool(codes))
    assert codes == [128 + signal.SIGHUP]
    assert is_active(own)


async def test_a_run_whose_time_is_over_ends_by_itself(own: Lab) -> None:
    async with running(own, seconds=0.5) as screen:
        await screen.sees("opendkim is back, answering")
        assert is_active(own)


async def test_a_daemon_that_ends_by_a_fault_says_so(own: Lab) -> None:
    async with running(own, "print('no such key'); raise SystemExit(1)") as screen:
        await screen.sees("no such key", "✗")
        await screen.press("escape")
        await screen.sees("Rolled back")
        assert is_active(own)


async def test_a_flood_leaves_the_screen_alive(own: Lab) -> None:
    code = "while True: print('x' * 100)"
    async with running(own, code, (120, 40)) as screen:
        tail = screen.one(Tail)
        await screen.until(lambda: tail._tape.lines > 100_000, "a flood")
        await screen.press("pageup")
        await screen.sees("of them let go")
        await screen.until(lambda: not tail.follows, "a page up")
        assert len(tail._tape.heard) <= 100_000
        await screen.press("escape")
        await screen.sees("is back, answering")
