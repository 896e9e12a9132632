"""The milters of the pane under load."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.widgets.driving import SIZES, Driven, console
from tests.widgets.test_hostile import CLEAR, MARKUP, TITLE, assert_harmless
from widgets.chain.load.meter import ACROSS, Meter, bar
from widgets.chain.load.view import LoadView
from widgets.form import Field, Form
from widgets.lines import Lines

if TYPE_CHECKING:
    from console.lab.lab import Lab
    from tests.milters.peer import Peers, Wire


async def ask(screen: Driven, sessions: int, **more: str) -> None:
    """Fill in the form and go on."""
    await screen.until(lambda: isinstance(screen.app.screen, Form), "the form")
    await screen.sees("◐ Real milters remember what they see")
    fields = {one.parameter.name: one for one in screen.app.screen.query(Field)}
    for name, value in {"sessions": str(sessions), **more}.items():
        fields[name].editor.focus()
        await screen.settled()
        await screen.press("ctrl+u")
        await screen.press(*value)
    await screen.press("ctrl+r")


async def load(screen: Driven, spec: str, sessions: int, **more: str) -> None:
    """Put one milter under load."""
    await screen.ask_milter(spec)
    await screen.press("l")
    await ask(screen, sessions, **more)


def told(screen: Driven) -> str:
    return screen.one(Lines).plain


@pytest.mark.parametrize("size", SIZES)
async def test_the_chain_is_loaded_and_measured(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await screen.sees("r run")
        await screen.press("l")
        await ask(screen, 12, parallel="3")
        await screen.sees("● All 12 sessions done", "3 at once", "whole session", "p50", "longest")
        assert "2 milters · sample clean" in screen.joined
        shown = told(screen)
        for word in ("milter-manager", "opendkim", "negotiate", "end", "● 12 accept", "remember"):
            assert word in shown
        await screen.sees("r run", "o options", "Esc back")
        assert all(len(line) <= size[0] for line in screen.lines)


async def test_a_load_is_cancelled_at_once_and_what_was_measured_stays(
    peers: Peers, lab: Lab
) -> None:
    def slow(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"R")
        time.sleep(0.1)
        wire.send(b"c")
        wire.serve()

    async with console(lab.host) as screen:
        await load(screen, peers.start(slow).spec, 5000)
        await screen.sees("of 5,000 sessions", "now ", "sessions/s", "░", "Esc cancel")
        assert "r run" not in screen.text
        await screen.until(lambda: "rcpt " in told(screen), "times of a stage")
        await screen.sees("● ", " pass")
        started = time.monotonic()
        await screen.press("escape")
        await screen.sees("◐ Cancelled after", "of 5,000 sessions")
        assert time.monotonic() - started < 1.5
        assert "rcpt " in told(screen)
        await screen.sees("r run", "Esc back")
        await screen.press("escape")
        await screen.sees("l load")


async def test_a_milter_that_hangs_does_not_hold_the_operator(peers: Peers, lab: Lab) -> None:
    silent = peers.start(lambda wire: wire.wait_for_close())
    async with console(lab.host) as screen:
        await load(screen, silent.spec, 10)
        await screen.sees("0 of 10 sessions")
        started = time.monotonic()
        await screen.press("escape")
        await screen.sees("Cancelled after 0 of 10 sessions")
        assert time.monotonic() - started < 1.5


async def test_errors_are_counted_by_kind(peers: Peers, lab: Lab) -> None:
    def closes(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"R")

    async with console(lab.host) as screen:
        await load(screen, peers.start(closes).spec, 10)
        await screen.sees("◐ All 10 sessions done", "? in 10 of them a milter gave no decision")
        await screen.sees("10 errors", "✗    10 closed", "at rcpt:", "? 10 undecided")


async def test_equal_messages_with_other_verdicts_are_pointed_at(peers: Peers, lab: Lab) -> None:
    seen: list[Wire] = []

    def fickle(wire: Wire) -> None:
        seen.append(wire)
        wire.negotiate()
        wire.serve({b"E": ((b"r" if len(seen) % 2 else b"c", b""),)})

    async with console(lab.host) as screen:
        await load(screen, peers.start(fickle).spec, 10, parallel="1")
        await screen.sees("✗ equal messages came to different verdicts")
        await screen.sees("✗ 5 reject", "● 5 pass")


async def test_sizes_are_told_apart_and_a_duration_ends_it(peers: Peers, lab: Lab) -> None:
    def passing(wire: Wire) -> None:
        wire.negotiate()
        wire.serve()

    async with console(lab.host) as screen:
        await load(screen, peers.start(passing).spec, 1_000_000, size="2K,10000", duration="0.7")
        await screen.sees("The time is over: ")
        lines = [line for line in screen.lines if "bytes" in line]
        assert [line.split("bytes")[0].split()[-1] for line in lines] == ["2,048", "10,000"]


async def test_what_a_milter_says_is_data(peers: Peers, lab: Lab) -> None:
    def no_milter(wire: Wire) -> None:
        wire.read()
        wire.raw(b"HTTP/1.1 " + TITLE + MARKUP + CLEAR + b"\r\n")
        wire.wait_for_close()

    evil = peers.start(no_milter)
    async with console(lab.host, (120, 40)) as screen:
        await load(screen, evil.spec, 5)
        await screen.sees("5 errors", "protocol", "\\x1b]0;owned\\x07[/x]")
        assert_harmless(screen)


async def test_nothing_runs_before_the_form_is_left(peers: Peers, lab: Lab) -> None:
    peer = peers.start(lambda wire: wire.wait_for_close())
    async with console(lab.host) as screen:
        await screen.ask_milter(peer.spec)
        await screen.press("l")
        await screen.sees("remember what they see")
        await screen.press("escape")
        await screen.until(lambda: not isinstance(screen.app.screen, LoadView), "the pane")
        await screen.sees("l load")
        assert not peer.wires


async def test_enter_only_goes_to_the_next_field(peers: Peers, lab: Lab) -> None:
    peer = peers.start(lambda wire: wire.wait_for_close())
    async with console(lab.host) as screen:
        await screen.ask_milter(peer.spec)
        await screen.press("l")
        await screen.sees("remember what they see", "Ctrl+R go on")
        first = screen.app.focused
        await screen.press("enter")
        assert isinstance(screen.app.screen, Form)
        assert screen.app.focused is not first
        assert not peer.wires


async def test_what_the_pane_asks_is_taken_over(peers: Peers, lab: Lab) -> None:
    def passing(wire: Wire) -> None:
        wire.negotiate()
        wire.serve()

    spec = peers.start(passing).spec
    async with console(lab.host, (200, 60)) as screen:
        await screen.sees("r run")
        screen.app.open_action("chain.test", {"helo": "x.example", "recipient": ("r@example.org",)})
        await screen.press("p", "end", "enter", "s", "end", "enter")
        await screen.sees("sample many-recipients · local")
        await load(screen, spec, 4)
        await screen.sees(
            "● All 4 sessions done", "alone · sample many-recipients · outside client"
        )
        await screen.press("y")
        await screen.sees("The same from a shell")
        line = screen.app.clipboard
        for word in (
            *("console run chain.load", f"--milter={spec}", "--sample=many-recipients"),
            *("--recipient=r@example.org", "--sessions=4"),
        ):
            assert word in line
        assert "helo" not in line
        await screen.press("escape", "o")
        await screen.sees("remember what they see")
        await screen.press("escape", "r")
        await screen.sees("● All 4 sessions done")


async def test_what_can_not_be_asked_is_told(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.sees("r run")
        screen.app.open_action("chain.load", {"size": ("1",)})
        await ask(screen, 10)
        await screen.sees("✗ size 1: the headers alone have")
        await screen.press("question_mark")
        await screen.sees("p50, p90, p99", "how many sessions, how many at once")


def test_the_meter_tells_the_present_throughput_and_its_course() -> None:
    meter = Meter()
    assert (meter.now, meter.sparkline) == (0.0, "")
    for second in range(1, 9):
        meter.look(10 * second, float(second))
    assert meter.now == pytest.approx(10)
    assert meter.sparkline == "█" * 8
    for second in range(9, 13):
        meter.look(80, float(second))
    assert meter.now == 0.0
    assert meter.sparkline == "█" * 8 + "▁" * 4
    for second in range(13, 400):
        meter.look(80 + second, float(second))
    assert len(meter.sparkline) == ACROSS


@pytest.mark.parametrize(
    ("share", "shown"), [(-1, "░░░░"), (0.5, "██░░"), (0.99, "███░"), (7, "████")]
)
def test_the_bar_is_full_only_at_the_end(share: float, shown: str) -> None:
    assert bar(share, 4) == shown
