"""Two runs of the pane side by side."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from textual.widgets import OptionList

from tests.milters.asking import ask
from tests.widgets.driving import SIZES, Driven, console
from tests.widgets.test_hostile import CLEAR, MARKUP, TITLE, assert_harmless
from widgets.chain.compare import MOST_RUNS, Runs, comparison_rows
from widgets.choice import Choice
from widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.lab.lab import Lab
    from tests.milters.peer import Packet, Peers, Wire

SHOWN = "Comparison of two runs"


def serving(**answers: tuple[Packet, ...]) -> Callable[[Wire], None]:
    """Return what answers the events named by their letters."""

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.serve({letter.encode(): packets for letter, packets in answers.items()})

    return behave


def in_turn(peers: Peers, *behaviours: Callable[[Wire], None]) -> str:
    """Return the socket of a milter that behaves otherwise each time."""
    left = iter(behaviours)

    def behave(wire: Wire) -> None:
        next(left)(wire)

    return peers.start(behave).spec


async def run(screen: Driven, times: int = 1) -> None:
    """Run the test so often."""
    for _ in range(times):
        await screen.press("r")
        await screen.until(lambda: " in all" in screen.one(Lines).plain, "the end of the test")


@pytest.mark.parametrize("size", SIZES)
async def test_two_samples_are_compared(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await screen.sees("r run")
        await run(screen)
        assert "c compare" not in screen.text
        await screen.press("s", "down", "enter")
        await run(screen)
        await screen.press("c")
        await screen.sees(SHOWN, "Asked differently", "sample  clean → gtube", "✗ Rejected by")
        assert "would be delivered" in screen.text
        told = screen.one(Lines).plain
        assert "at end of message  ✓ accept → ✗ reject 550 5.7.1 Blocked by SpamAssassin" in told
        assert "edit gone" in told
        assert "in all" in told
        assert all(len(line) <= size[0] for line in screen.lines)
        await screen.press("escape")
        await screen.sees("c compare")


async def test_equal_runs_say_so(peers: Peers, lab: Lab) -> None:
    spec = in_turn(peers, *[serving()] * 2)
    async with console(lab.host) as screen:
        await screen.ask_milter(spec)
        await run(screen, 2)
        await screen.press("c")
        await screen.sees(SHOWN, "● Nothing differs but times.", "both  ● Passed")


async def test_what_became_slow_is_pointed_at(peers: Peers, lab: Lab) -> None:
    def slow(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"R")
        time.sleep(0.3)
        wire.send(b"c")
        wire.serve()

    spec = in_turn(peers, serving(), slow)
    async with console(lab.host) as screen:
        await screen.ask_milter(spec)
        await run(screen, 2)
        await screen.press("c")
        await screen.sees(", most of it at rcpt")
        line = next(one for one in screen.lines if "most of it" in one)
        factor = float(line.partition("×")[2].split(",")[0])
        assert factor > 1


async def test_what_was_negotiated_and_edited_otherwise(peers: Peers, lab: Lab) -> None:
    def modest(wire: Wire) -> None:
        from tests.milters.peer import options

        wire.negotiate(options(actions=0x01, steps=0x02))
        wire.serve({b"E": ((b"h", b"X-A\0one\0"), (b"h", b"X-B\0\0"), (b"c", b""))})

    eager = serving(E=((b"h", b"X-A\0two\0"), (b"h", b"X-C\0\0"), (b"c", b"")))
    spec = in_turn(peers, modest, eager)
    async with console(lab.host, (120, 40)) as screen:
        await screen.ask_milter(spec)
        await run(screen, 2)
        await screen.press("c")
        await screen.sees("may  + change body", "protocol  - no helo", "at helo  – not sent → ●")
        await screen.sees("edit then  + X-A: one", "edit now   + X-A: two")
        await screen.sees("edit gone  + X-B:", "edit new   + X-C:")


async def test_one_of_several_runs_is_chosen(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("m", "down", "enter")
        await run(screen)
        await screen.press("s", "down", "enter")
        await run(screen, 2)
        await screen.press("c")
        await screen.until(lambda: isinstance(screen.app.screen, Choice), "the choice")
        await screen.sees("With which run is that of", "sample clean", "sample gtube")
        assert screen.one(OptionList).option_count == 2
        await screen.press("down", "enter")
        await screen.sees(SHOWN, "sample  clean → gtube")
        await screen.press("escape", "c", "escape")
        await screen.sees("c compare")


async def test_options_that_no_report_tells_are_compared(peers: Peers, lab: Lab) -> None:
    spec = in_turn(peers, *[serving()] * 2)
    async with console(lab.host, (120, 40)) as screen:
        await screen.ask_milter(spec)
        await run(screen)
        screen.app.open_action("chain.test", {"header": ("X-A:one", "X-B:two")})
        await screen.sees("1 more option")
        await run(screen)
        await screen.press("c")
        await screen.sees("Asked differently", "header  as usual → X-A:one, X-B:two")


async def test_what_a_milter_says_is_data(peers: Peers, lab: Lab) -> None:
    edit = (b"h", b"X-Evil\0" + TITLE + MARKUP + b"\0")
    reply = (b"y", b"550 5.7.1 " + CLEAR + MARKUP + b"\0")
    spec = in_turn(peers, serving(E=(edit, reply)), serving())
    async with console(lab.host, (120, 40)) as screen:
        await screen.ask_milter(spec)
        await run(screen, 2)
        await screen.press("c")
        await screen.sees(
            "550 5.7.1 \\x1b[2J\\x9b31m[/x][session]", "X-Evil: \\x1b]0;owned\\x07[/x]"
        )
        assert_harmless(screen)


def test_the_last_few_runs_are_kept_without_what_is_large(peers: Peers) -> None:
    report = ask(in_turn(peers, serving()), trace=True)
    assert report.trace
    runs = Runs()
    for number in range(MOST_RUNS + 5):
        assert runs.comparable is (number > 1)
        runs.keep(report, f"run {number}", {})
    assert runs.last.asked == "run 14"
    assert [one.asked for one in runs.earlier] == [f"run {13 - n}" for n in range(MOST_RUNS - 1)]
    assert (runs.last.report.trace, runs.last.report.message_after) == ((), b"")
    assert comparison_rows(runs.earlier[0], runs.last)[3].body.plain.startswith("Nothing differs")
