"""The debug pane: hand-made reports for what no lab shows at once, then a lab's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from actions.action import Action, ActionError, Exit
from actions.debug.report import DebugReport, DebugState
from console.render.debug import render
from console.render.hint import Hints
from tests.widgets.driving import SIZES, Driven, console
from tests.widgets.test_hostile import assert_harmless
from widgets.debug.rows import state_row
from widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Context
    from console.lab.lab import Lab

    Tell = Callable[..., None]


def state(service: str, word: str = "off", **more: object) -> DebugState:
    on = {"off": False, "pending": False, "on": True, "left": True}.get(word)
    known = {"mode": "--verbose", "asked": "its process", "unit": f"{service}.service", **more}
    return DebugState(service=service, word=word, on=on, **known)  # type: ignore[arg-type]


MIXED = (
    state("postfix", mode="smtpd -v, or debug_peer_list"),
    state("milter-manager", "on", by="root"),
    state("clamd", "unknown", note="its process can't be seen"),
    state("opendkim", "left"),
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Have the pane be told hand-made states, or an error."""
    answer: list[object] = [DebugReport(())]

    def look(ctx: Context, **given: object) -> object:
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    action = Action("debug.status", "report", look, "", "", ())
    monkeypatch.setattr("widgets.debug.pane.find", lambda name: action)
    monkeypatch.setattr("widgets.look.HostLook.latest", lambda self, name: None)

    def tell(*states: DebugState, error: Exception | None = None, **more: object) -> None:
        answer[0] = error or DebugReport(states, **more)  # type: ignore[arg-type]

    return tell


def below(screen: Driven) -> str:
    return screen.app.screen.query_one("#details", Lines).plain


def test_text_and_screen_have_the_same_sign_for_each_word() -> None:
    for word, sign in (("off", "–"), ("live", "◐"), ("pending", "◐"), ("unknown", "?")):
        one = state("opendkim", word)
        assert render(DebugReport((one,)), Hints()).startswith(f" {sign} opendkim")
        assert state_row(one, 0.0).head.plain == f" {sign} "


@pytest.mark.parametrize("size", SIZES)
async def test_each_is_told_by_sign_and_word(lab: Lab, told: Tell, size: tuple[int, int]) -> None:
    on = MIXED[1]._replace(since=time.time() - 60, until=time.time() + 870)
    told(MIXED[0], on, *MIXED[2:])
    async with console(lab.host, size, pane="6") as screen:
        await screen.sees("4 debug modes · ◐ 1 on · ◐ 1 left · ? 1 not known")
        await screen.sees("– postfix", "◐ milter-manager", "? clamd", "◐ opendkim", "ends in")
        rows = {line.split()[1]: line for line in screen.lines if line[:3].strip() in set("–◐?")}
        assert "– postfix" in rows["postfix"]
        assert "off" in rows["postfix"]
        assert "ends in 14 min" in rows["milter-manager"]
        assert "ends in" not in rows["opendkim"]
        assert "not known" in rows["clamd"]
        await screen.press("down")
        await screen.sees("switched on by root", "the host itself ends it", "its process")
        assert all(len(line) <= size[0] for line in screen.lines)


async def test_the_time_that_is_left_moves(lab: Lab, told: Tell) -> None:
    told(state("opendkim", "on", until=time.time() + 600))

    def left(screen: Driven) -> str:
        return screen.text.partition("ends in ")[2].partition("\n")[0]

    async with console(lab.host, pane="6") as screen:
        await screen.sees("ends in 9 min")
        for _ in range(2):
            before = left(screen)
            await screen.until(lambda before=before: left(screen) != before, "a second")  # type: ignore[misc]
        assert "9 min" in left(screen)


async def test_what_has_ended_by_itself_is_looked_at_again(lab: Lab, told: Tell) -> None:
    told(state("opendkim", "on", until=time.time() - 1.0))
    async with console(lab.host, pane="6") as screen:
        await screen.sees("ending …")
        told(state("opendkim"))
        await screen.sees("1 debug mode · all off")


async def test_what_nothing_ends_stands_out(lab: Lab, told: Tell) -> None:
    told(state("opendkim", "on", sets=("/etc/opendkim.conf: LogWhy yes",)))
    async with console(lab.host, pane="6") as screen:
        await screen.sees("nothing ends it", "/etc/opendkim.conf: LogWhy yes")


async def test_keys_do_what_makes_sense_for_the_row(lab: Lab, told: Tell) -> None:
    told(*MIXED)
    async with console(lab.host, pane="6") as screen:
        await screen.sees("o on", "Enter run live", "F5 look again")
        assert "x off" not in screen.text
        await screen.press("down")
        await screen.sees("x off")


async def test_text_from_outside_is_data(lab: Lab, told: Tell) -> None:
    hostile = "[/x][red]\x1b]0;owned\x07"
    told(state(hostile, "on", mode=hostile, note=hostile, sets=(hostile,), by=hostile))
    async with console(lab.host, (120, 40), pane="6") as screen:
        await screen.sees("[/x][red]\\x1b]0;owned\\x07")
        assert_harmless(screen)


async def test_a_look_that_fails_says_why_and_what_next(lab: Lab, told: Tell) -> None:
    told(error=ActionError("nothing can be seen", Exit.UNDECIDED, "be root"))
    async with console(lab.host, pane="6") as screen:
        await screen.sees("✗ nothing can be seen", "be root")
        told(*MIXED)
        await screen.press("f5")
        await screen.sees("4 debug modes")
        assert "nothing can be seen" not in below(screen)


async def test_a_host_without_any_says_so(lab: Lab, told: Tell) -> None:
    told(notes=("units can't be seen",))
    async with console(lab.host, pane="6") as screen:
        await screen.sees("No service here has a debug mode.", "units can't be seen")
