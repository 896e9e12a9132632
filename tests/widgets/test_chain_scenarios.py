"""Test suites on the screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest
from textual.widgets import Input, OptionList

from tests.widgets.driving import SIZES, Driven, console
from tests.widgets.test_hostile import CLEAR, MARKUP, TITLE, assert_harmless
from widgets.chain.scenarios.view import ScenariosView
from widgets.lines import Lines

if TYPE_CHECKING:
    from pathlib import Path

    from console.lab.lab import Lab
    from tests.milters.peer import Peers, Wire

SUITE = """
about = "what must hold"
[[milter]]
name = "guard"
spec = "{spec}"
[[scenario]]
name = "mail passes"
why = "a mail host that delivers nothing is none"
expect.verdict = "delivered"
[[scenario]]
name = "mail is refused"
why = "spam must not pass"
expect.verdict = "reject"
expect.stage = "end"
[[scenario]]
name = "mail still passes"
expect.verdict = "delivered"
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Where the tests write their suite."""
    return tmp_path / "suite.toml"


def passing(wire: Wire) -> None:
    """Let everything pass."""
    wire.negotiate()
    wire.serve()


async def open_file(screen: Driven, path: object) -> None:
    """Type the path of a suite."""
    await screen.press("x")
    await screen.until(lambda: isinstance(screen.app.focused, OptionList), "the list of suites")
    await screen.press("end", "enter")
    await screen.until(lambda: isinstance(screen.app.focused, Input), "the line to type on")
    await screen.press("ctrl+u")
    await screen.paste(str(path))
    await screen.press("enter")


def below(screen: Driven) -> str:
    return screen.app.screen.query_one("#difference", Lines).plain


def under_the_cursor(screen: Driven) -> str:
    """Return what is drawn in reverse."""
    strips = screen.app.screen._compositor.render_strips()
    segments = (segment for strip in strips for segment in strip)
    return "".join(one.text for one in segments if one.style and one.style.reverse)


@pytest.mark.parametrize("size", SIZES)
async def test_a_shipped_suite_is_chosen_and_run(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await screen.press("x")
        await screen.sees("Which scenarios are run", "clamav-milter", "a file")
        await screen.press("enter")
        await screen.sees("4 scenarios: 4 passed", "✓ the EICAR test file is kept out")
        await screen.sees(
            "clean mail passes, the EICAR test file does not", "Enter explain", "s suite"
        )
        assert all(len(line) <= size[0] for line in screen.lines)
        await screen.press("down", "enter")
        await screen.sees(
            "✓ passed", "All that was expected came.", "reject by clamav-milter at end"
        )
        await screen.press("escape", "escape")
        await screen.sees("x scenarios")


async def test_what_failed_is_under_the_cursor_with_what_differed(
    peers: Peers, lab: Lab, suite: Path
) -> None:
    suite.write_text(SUITE.format(spec=peers.start(passing).spec))
    async with console(lab.host) as screen:
        await open_file(screen, suite)
        await screen.sees("3 scenarios: 2 passed, 1 failed", "must hold")
        await screen.sees("✗ mail is refused", "failed")
        await screen.until(lambda: under_the_cursor(screen) == "mail is refused", "the cursor")
        assert "spam must not pass" in below(screen)
        await screen.sees("expect.verdict", "expected  reject", "came      pass")
        await screen.press("enter")
        await screen.sees("✗ failed", "What came", "guard  pass", "unix:")
        await screen.press("escape", "up")
        await screen.until(lambda: "guard  pass" in below(screen), "what came of the first")
        assert "expected" not in below(screen)
        await screen.press("end", "home", "down")
        await screen.until(lambda: "expected  reject" in below(screen), "what differed")
        await screen.click("mail still passes", "still")
        await screen.until(lambda: "guard  pass" in below(screen), "what came of the last")
        await screen.press("up", "down", "down")
        assert screen.app.focused is screen.app.screen.query_one("#difference")
        await screen.until(lambda: not under_the_cursor(screen), "no cursor")


async def test_results_come_one_by_one_and_esc_cancels(peers: Peers, lab: Lab, suite: Path) -> None:
    seen: list[Wire] = []

    def stalls(wire: Wire) -> None:
        seen.append(wire)
        if len(seen) < 2:
            passing(wire)
        else:
            wire.negotiate()
            wire.wait_for_close()

    suite.write_text(SUITE.format(spec=peers.start(stalls).spec))
    async with console(lab.host) as screen:
        await open_file(screen, suite)
        await screen.sees("1 of 3 · running", "✓ mail passes", "Esc cancel")
        assert "r run" not in screen.text
        started = time.monotonic()
        await screen.press("escape")
        await screen.sees("1 scenario: 1 passed", "cancelled, 2 not run", "Esc back", "r run")
        assert time.monotonic() - started < 1.0
        await screen.press("escape")
        await screen.sees("x scenarios")


async def test_a_file_that_is_wrong_is_told_mended_and_run_again(
    peers: Peers, lab: Lab, suite: Path
) -> None:
    right = SUITE.format(spec=peers.start(passing).spec)
    suite.write_text(right.replace("expect.stage", "expect.[red]").replace('"reject"', '"rejct"'))
    async with console(lab.host) as screen:
        await open_file(screen, suite)
        await screen.sees("✗ Nothing was run: 1 mistake", "is no TOML")
        suite.write_text(
            right.replace("expect.stage", "expect.stag").replace('"reject"', '"rejct"')
        )
        await screen.press("r")
        await screen.sees("✗ Nothing was run: 2 mistakes", 'scenario 2 "mail is refused"', "stag")
        suite.write_text(right)
        await screen.press("r")
        await screen.sees("3 scenarios: 2 passed, 1 failed")
        assert "mistake" not in screen.text


async def test_a_file_that_is_not_there_is_told(lab: Lab, tmp_path: Path) -> None:
    async with console(lab.host) as screen:
        await open_file(screen, "")
        await screen.sees("✗ Type a path")
        await screen.paste(f"{tmp_path}/nowhere.toml")
        await screen.press("enter")
        await screen.sees("Nothing was run", "no such file")
        await screen.press("s")
        await screen.sees("Which scenarios are run")
        await screen.press("enter")
        await screen.sees("Which file of scenarios is run", "nowhere.toml")


async def test_what_a_milter_says_in_a_difference_is_data(
    peers: Peers, lab: Lab, suite: Path
) -> None:
    def malicious(wire: Wire) -> None:
        wire.negotiate()
        edit = (b"h", b"X-Evil\0" + TITLE + MARKUP + b"\0")
        wire.serve({b"E": (edit, (b"y", b"550 5.7.1 " + CLEAR + TITLE + MARKUP + b"\0"))})

    suite.write_text(SUITE.format(spec=peers.start(malicious).spec))
    async with console(lab.host, (120, 40)) as screen:
        await open_file(screen, suite)
        await screen.sees("3 scenarios: 1 passed, 2 failed")
        await screen.sees("550 5.7.1 \\x1b[2J\\x9b31m\\x1b]0;owned\\x07[/x][session][end]")
        assert_harmless(screen)
        await screen.press("enter")
        await screen.sees("What came", "+ X-Evil: \\x1b]0;owned\\x07[/x][session][end][red]")
        assert_harmless(screen)


async def test_what_stands_in_a_file_is_data(lab: Lab, suite: Path) -> None:
    suite.write_text(SUITE.format(spec="unix:/nowhere").replace("mail passes", "[/x]\\u001b]0;x"))
    async with console(lab.host) as screen:
        await open_file(screen, suite)
        await screen.sees("3 undecided", "? [/x]\\x1b]0;x", "No such file")
        assert_harmless(screen)
        await screen.press("enter")
        await screen.sees("? undecided")
        assert_harmless(screen)


async def test_leaving_the_choice_leads_back_to_the_pane(lab: Lab) -> None:
    async with console(lab.host) as screen:
        for key in ("", "end"):
            await screen.press("x")
            await screen.until(lambda: isinstance(screen.app.focused, OptionList), "the list")
            if key:
                await screen.press("end", "enter")
                await screen.until(lambda: isinstance(screen.app.focused, Input), "the line")
            await screen.press("escape")
            await screen.until(lambda: not isinstance(screen.app.screen, ScenariosView), "the pane")
            await screen.sees("x scenarios")


async def test_the_command_is_shown_and_options_reach_the_run(
    peers: Peers, lab: Lab, suite: Path
) -> None:
    suite.write_text(SUITE.format(spec="unix:/nowhere"))
    spec = peers.start(passing).spec
    async with console(lab.host, (200, 60)) as screen:
        given = {"file": (str(suite),), "milter": (f"guard={spec}",), "only": ("mail p*",)}
        screen.app.open_action("chain.scenario", given)
        await screen.sees("1 scenario: 1 passed")
        view = cast("ScenariosView", screen.app.screen)
        await screen.press("y")
        await screen.sees("The same from a shell")
        line = screen.app.clipboard
        assert line.startswith(f"console run chain.scenario --lab={lab.root} ")
        assert f"--milter=guard={spec}" in line
        assert str(suite) in line
        await screen.press("escape", "o")
        await screen.sees("fail fast", "only")
        await screen.press("ctrl+r")
        await screen.sees("1 scenario: 1 passed")
        assert screen.app.screen is view


async def test_the_help_explains_its_keys_and_signs(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        screen.app.open_action("chain.scenario", {"file": ("clamav-milter",)})
        await screen.sees("4 passed")
        await screen.press("question_mark")
        await screen.sees("what was expected, and all that came", "✗ failed", "suite")


async def test_what_failed_is_in_sight_however_far_down_it_is(
    peers: Peers, lab: Lab, suite: Path
) -> None:
    spec = peers.start(passing).spec
    text = f'[[milter]]\nname = "guard"\nspec = "{spec}"\n'
    for number in range(40):
        verdict = "reject" if number == 30 else "delivered"
        text += f'[[scenario]]\nname = "number {number}"\nexpect.verdict = "{verdict}"\n'
    suite.write_text(text)
    async with console(lab.host) as screen:
        await open_file(screen, suite)
        await screen.sees("40 scenarios: 39 passed, 1 failed", "number 30", "expected  reject")
        await screen.press("r")
        await screen.sees("40 scenarios: 39 passed, 1 failed", "number 30", "expected  reject")
