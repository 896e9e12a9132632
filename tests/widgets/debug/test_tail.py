"""A tape on the screen: it follows, stays, finds and folds, and a flood does not freeze it."""

from __future__ import annotations

import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from textual.app import App

from widgets.debug.tail import STAGES, Tail
from widgets.debug.tape import Tape, pattern_of
from widgets.ink import said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.app import ComposeResult
    from textual.pilot import Pilot

NARROW, WIDE = (80, 24), (120, 40)


class Alone(App[None]):
    """A tail by itself."""

    CSS = "Tail { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    def __init__(self, tape: Tape, *, staged: bool) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self.tail = Tail(tape, staged=staged)

    def compose(self) -> ComposeResult:
        yield self.tail

    @property
    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


@asynccontextmanager
async def shown(
    tape: Tape, size: tuple[int, int] = NARROW, *, staged: bool = False
) -> AsyncIterator[tuple[Alone, Pilot[None]]]:
    app = Alone(tape, staged=staged)
    async with app.run_test(size=size) as pilot:
        app.tail.look()
        await pilot.pause()
        yield app, pilot


def say(tape: Tape, *lines: str) -> None:
    for line in lines:
        tape.say(line)


def numbered(first: int, last: int) -> list[str]:
    return [f"line {number}." for number in range(first, last)]


async def test_it_follows_until_it_is_scrolled_and_again_from_the_end() -> None:
    tape = Tape()
    say(tape, *numbered(0, 100))
    async with shown(tape) as (app, pilot):
        assert app.lines[-1].endswith("line 99.")
        await pilot.press("pageup")
        top = app.lines[0]
        say(tape, *numbered(100, 200))
        app.tail.look()
        await pilot.pause()
        assert not app.tail.follows
        assert app.lines[0] == top
        await pilot.press("end")
        assert app.lines[-1].endswith("line 199.")
        say(tape, "the newest")
        app.tail.look()
        await pilot.pause()
        assert app.lines[-1].endswith("the newest")


async def test_no_scroll_is_lost_to_what_comes_at_that_moment() -> None:
    tape = Tape()
    async with shown(tape) as (app, pilot):
        say(tape, *numbered(0, 100))
        app.tail.look()
        app.tail.action_scroll_home()  # before the scrollbar has come
        app.tail.look()
        await pilot.pause(0.2)
        assert app.lines[0].endswith("line 0.")
        await pilot.press("end")
        app.tail.action_page_up()
        say(tape, "the newest")
        app.tail.look()
        await pilot.pause(0.2)
        assert not app.tail.follows
        assert not app.lines[-1].endswith("the newest")


async def test_it_stays_at_its_lines_while_the_oldest_go() -> None:
    tape = Tape(most=1000)
    say(tape, *numbered(0, 1000))
    async with shown(tape) as (app, pilot):
        await pilot.press("pageup")
        top = app.lines[0]
        say(tape, *numbered(1000, 1050))
        app.tail.look()
        await pilot.pause()
        assert tape.gone == 100
        assert app.lines[0] == top
        await pilot.press("home")
        assert app.lines[0].endswith("line 100.")


async def test_lines_that_were_in_sight_and_went_give_way_to_the_oldest() -> None:
    tape = Tape(most=100)
    say(tape, *numbered(0, 100))
    async with shown(tape) as (app, pilot):
        await pilot.press("home")
        say(tape, *numbered(100, 1000))
        app.tail.look()
        await pilot.pause()
        assert app.lines[0].endswith("line 900.")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_long_line_is_folded_and_loses_nothing(size: tuple[int, int]) -> None:
    tape = Tape()
    long, wide = "".join(f"<{n}>" for n in range(100)), "日本語" * 60
    say(tape, long, wide, "after")
    async with shown(tape, size) as (app, pilot):
        text = "".join(line[9 if size == NARROW else 13 :].strip() for line in app.lines)
        assert text == f"{long}{wide}after"
        await pilot.resize_terminal(60, 24)
        text = "".join(line[9:].strip() for line in app.lines)
        assert text == f"{long}{wide}after"


async def test_what_is_sought_is_marked_and_stepped_through() -> None:
    tape = Tape()
    say(tape, *numbered(0, 500))
    async with shown(tape) as (app, pilot):
        await pilot.press("home")
        app.tail.seek(pattern_of("line 7"))
        assert app.tail.step(1) == (1, 11)
        await pilot.pause()
        assert next(line for line in app.lines if line.startswith("▸")).endswith("line 7.")
        assert app.tail.step(1) == (2, 11)
        assert app.tail.step(-1) == (1, 11)
        assert app.tail.step(-1) == (11, 11)
        await pilot.pause()
        assert next(line for line in app.lines if line.startswith("▸")).endswith("line 79.")
        assert not app.tail.follows
        app.tail.seek(pattern_of("nowhere"))
        assert app.tail.step(1) == (0, 0)


async def test_what_is_in_sight_is_known() -> None:
    tape = Tape()
    say(tape, *numbered(0, 500))
    async with shown(tape) as (app, _):
        assert [one.text for one in app.tail.in_sight] == numbered(476, 500)


def put_stages(tape: Tape) -> None:
    """Have a stage begin amid the output."""
    say(tape, "starting")
    tape.look()
    tape.mark(tape.heard[-1].when, "m connect", said("connect  ● continue"))
    say(tape, "mlfi_connect: enter", "mlfi_connect: leave")


async def test_stages_stand_beside_the_output_where_there_is_room() -> None:
    tape = Tape()
    put_stages(tape)
    async with shown(tape, WIDE, staged=True) as (app, _):
        margin = len("00:00:00.000") + 2
        shapes = [
            (line[margin : margin + STAGES].strip(), line[margin + STAGES :])
            for line in app.lines[:3]
        ]
        assert shapes == [
            ("", "starting"),
            ("connect  ● continue", "mlfi_connect: enter"),
            ("", "mlfi_connect: leave"),
        ]
        assert not "".join(app.lines[3:])


async def test_stages_stand_between_the_lines_where_there_is_no_room() -> None:
    tape = Tape()
    put_stages(tape)
    async with shown(tape, NARROW, staged=True) as (app, _):
        assert [line[len("00:00:00") + 2 :] for line in app.lines[:4]] == [
            "starting",
            "connect  ● continue",
            "mlfi_connect: enter",
            "mlfi_connect: leave",
        ]


async def test_a_stage_waits_for_its_output_on_the_row_of_its_own() -> None:
    tape = Tape()
    put_stages(tape)
    async with shown(tape, WIDE, staged=True) as (app, pilot):
        tape.mark(time.time(), "m helo", said("helo     ● continue"))
        app.tail.look()
        await pilot.pause()
        assert "helo" in app.lines[3]
        say(tape, "mlfi_helo: enter")
        app.tail.look()
        await pilot.pause()
        assert app.lines[3].endswith("mlfi_helo: enter")
        assert "helo     ● continue" in app.lines[3]
        assert not "".join(app.lines[4:])


async def test_a_flood_costs_the_screen_little() -> None:
    """Measured on this thread's own processor time: others share the machine."""
    tape = Tape()
    count, each = 20, 1000
    async with shown(tape, WIDE) as (app, pilot):
        spent = 0.0
        for tick in range(count):
            say(tape, *(f"{tick} {number} {'x' * 80}" for number in range(each)))
            began = time.thread_time()
            app.tail.look()
            await pilot.pause(0)
            spent += time.thread_time() - began
        assert app.lines[-1].endswith("x" * 80)
        assert f"{count - 1} {each - 1} " in app.lines[-1]
    # 20,000 lines in ticks of 1,000, as ten thousand lines a second come.
    assert spent < 1.0, f"{spent:.2f} s of the processor for {count * each} lines"


async def test_keys_are_heard_amid_a_flood() -> None:
    tape, over = Tape(), threading.Event()

    def flood() -> None:
        number = 0
        while not over.is_set():
            for _ in range(500):
                tape.say(f"line {number} of very many that a daemon writes")
                number += 1
            over.wait(0.02)

    async with shown(tape) as (app, pilot):
        app.tail.set_interval(0.1, app.tail.look)
        writer = threading.Thread(target=flood, daemon=True)
        writer.start()
        try:
            while tape.lines < 20_000:
                await pilot.pause(0.05)
            began = time.monotonic()
            await pilot.press("pageup")
            assert not app.tail.follows
            assert time.monotonic() - began < 2
        finally:
            over.set()
            writer.join()
        app.tail.look()
        assert len(tape.heard) + tape.gone == tape.lines
