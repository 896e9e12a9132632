"""The views that every action has: the palette, forms, reports, the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from actions import registry
from actions.registry import all_actions, find
from tests.widgets.driving import SIZES, console
from widgets.form import Field, Form

if TYPE_CHECKING:
    from actions.action import Action
    from console.lab.lab import Lab
    from tests.widgets.echo import Echo


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Action:
    """An action with a parameter of every shape."""
    monkeypatch.setitem(registry.MODULES, "test.echo", "tests.widgets.echo")
    return find("test.echo")


def _field(form: Form, name: str) -> Field:
    return next(field for field in form.query(Field) if field.parameter.name == name)


async def test_every_action_is_in_the_palette(lab: Lab) -> None:
    async with console(lab.host, (120, 120)) as screen:
        await screen.press("ctrl+p")
        for action in all_actions():
            await screen.sees(action.name)
        assert "send the message through the milters (r)" in screen.text


async def test_the_palette_finds_by_what_an_action_does(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("ctrl+p", *"take back")
        await screen.sees("journal.undo")
        await screen.until(lambda: "sockets.check" not in screen.text)


async def test_the_palette_runs_what_was_chosen(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("ctrl+p", *"overview.check")
        await screen.until(lambda: "journal.undo" not in screen.text)
        await screen.press("enter")
        await screen.sees("overview.check", "milter-greylist")
        await screen.press("y")
        assert screen.app.clipboard == f"console run overview.check --lab={lab.root}"
        await screen.press("escape")
        await screen.sees("chain of port")


async def test_a_form_has_a_field_a_parameter_and_gives_typed_values(
    lab: Lab, echo: Action
) -> None:
    async with console(lab.host, (120, 40)) as screen:
        told: list[dict[str, object] | None] = []
        form = Form(echo, {})
        screen.app.push_screen(form, told.append)
        await screen.sees("name needed", "who [/x] it is", "--name", "more")
        await screen.press("ctrl+r")
        await screen.sees("name  ✗ is needed")
        await screen.press(*"eve", "tab", "down", "down", "enter", "tab", *"secret", "tab")
        await screen.sees("two", "••••••")
        assert "secret" not in screen.text.replace("the secret", "")
        await screen.press("ctrl+u", *"x3", "ctrl+r")
        await screen.sees("count  ✗ is a whole")
        await screen.press("ctrl+u", *"3", "tab", *"2.5", "tab", "space", "tab")
        await screen.sees("● yes")
        await screen.press(*"hello", "enter", *"you")
        await screen.press("ctrl+r")
        await screen.until(lambda: bool(told))
        assert told == [
            {
                "name": "eve",
                "kind": "two",
                "password": "secret",
                "count": 3,
                "patience": 2.5,
                "loud": True,
                "words": ("hello", "you"),
            }
        ]


async def test_a_form_left_with_esc_gives_nothing(lab: Lab, echo: Action) -> None:
    async with console(lab.host) as screen:
        told: list[object] = []
        screen.app.push_screen(Form(echo, {"name": "x"}), told.append)
        await screen.sees("name needed")
        await screen.press("escape")
        await screen.until(lambda: told == [None])


async def test_a_form_starts_with_what_was_given(lab: Lab, echo: Action) -> None:
    async with console(lab.host, (120, 40)) as screen:
        given = {"name": "eve", "count": 7, "words": ("a", "b"), "loud": True}
        screen.app.push_screen(Form(echo, given))
        await screen.sees("eve", "7", "● yes")
        form = cast("Form", screen.app.screen)
        assert _field(form, "words").read() == ("a", "b")


async def test_what_goes_by_its_place_is_asked_for_and_copied_so(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        told: list[dict[str, object] | None] = []
        action = find("chain.scenario")
        screen.app.push_screen(Form(action, {}), told.append)
        await screen.sees("FILE, one per line", "a suite in TOML", "FILE ...")
        await screen.press(*"clamav-milter", "ctrl+r")
        await screen.until(lambda: told == [{"file": ("clamav-milter",)}])
        line = f"console run chain.scenario --lab={lab.root} clamav-milter"
        assert screen.app.workplace.command_line(action, told[0] or {}) == line


@pytest.mark.parametrize("size", SIZES)
async def test_the_form_of_the_largest_action_fits(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await screen.press("o")
        await screen.sees("chain.test", "milter", "Ctrl+R go on", "Esc back")
        assert all(len(line) <= size[0] for line in screen.lines)


async def test_what_is_needed_is_asked_before_an_action_runs(lab: Lab, echo: Action) -> None:
    async with console(lab.host, (120, 40)) as screen:
        place = screen.app.workplace
        shown = place._replace(
            rendered=lambda one: f"told \x1b[31m{cast('Echo', one).given}\x1b[0m"
        )
        screen.app.workplace = shown
        screen.app.open_action("test.echo")
        await screen.sees("name needed")
        await screen.press(*"eve", "ctrl+r")
        await screen.sees("told {'name': 'eve'")


async def test_an_action_that_is_not_known_is_said(lab: Lab) -> None:
    async with console(lab.host) as screen:
        screen.app.open_action("no.such[/x]")
        await screen.sees("no action is called 'no.such[/x]'")


async def test_a_report_offers_the_remedy_of_what_it_found(broken: Lab) -> None:
    async with console(broken.host, (120, 40)) as screen:
        screen.app.open_action("overview.check")
        await screen.sees("permission denied", "f fix")
        await screen.press("f")
        await screen.sees("Let postfix open milter-manager's socket")


async def test_a_failing_report_is_told_with_its_next_step(lab: Lab) -> None:
    async with console(lab.host) as screen:
        screen.app.open_action("sockets.check", {"milter": "nonsense"})
        await screen.sees("✗ milter 'nonsense'", "r run again")


async def test_the_help_tells_keys_terms_and_signs(lab: Lab) -> None:
    async with console(lab.host, (120, 60)) as screen:
        await screen.press("question_mark")
        await screen.sees("Keys", "send the message through the milters", "every action and key")
        await screen.sees(
            "a mail filter that Postfix asks", "● nothing wrong", "at the top", "exact undo"
        )
        await screen.press("escape")
        await screen.sees("chain of port")


async def test_the_header_says_how_the_host_is(broken: Lab) -> None:
    async with console(broken.host) as screen:
        await screen.sees("mx1.example.org", "lab", "✗ 1 problem")


async def test_q_quits(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("q")
        await screen.until(lambda: not screen.app.is_running or screen.app._exit)
