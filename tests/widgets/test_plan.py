from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions import registry
from actions.action import DECLARED, ActionError, Context, Exit, plan
from actions.changes import Command, FileEdit
from actions.plan import Plan, Proof
from actions.registry import find
from tests.widgets.driving import SIZES, console
from widgets.plan import PlanView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.lab.lab import Lab

SOCKET = "/run/milter-manager/milter-manager.sock"
CONFIGURATION = "/etc/default/milter-manager"

Declare = "Callable[[Callable[[Context], Plan]], Action]"


@pytest.fixture
def declare() -> Iterator[Callable[[Callable[[Context], Plan]], str]]:
    """Declares a plan action for the test, and forgets it afterwards."""
    names: list[str] = []

    def declared(function: Callable[[Context], Plan]) -> str:
        names.append(f"test.{len(names)}")
        plan(names[-1])(function)
        registry.MODULES[names[-1]] = __name__
        return names[-1]

    yield declared
    for name in names:
        del DECLARED[name], registry.MODULES[name]


def _plan(*changes: object, proof: Proof | None = None, title: str = "Change it") -> Plan:
    return Plan(title, "test.0", {}, "because of the test", changes, proof)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
async def test_a_plan_is_shown_applied_proved_and_undone(
    broken: Lab, size: tuple[int, int]
) -> None:
    file = Path(broken.host.at(CONFIGURATION))
    before = file.read_bytes()
    async with console(broken.host, size) as screen:
        screen.app.open_action("sockets.fix", {"milter": f"unix:{broken.host.at(SOCKET)}"})
        await screen.sees("Let postfix open milter-manager's socket", "lasting", "1  edit")
        assert "exact undo" in screen.text
        assert "permission denied" in screen.text
        assert CONFIGURATION in screen.joined
        assert all(len(line) <= size[0] for line in screen.lines)
        assert file.read_bytes() == before
        await screen.press("enter")
        await screen.sees("Applied and proved", "● 3  restart", "● proof", "journal entry")
        assert b'SOCKET_GROUP="milter-manager"' not in file.read_bytes()
        await screen.press("u")
        await screen.until(lambda: "Enter apply" in screen.text, "the plan of the undo")
        await screen.press("enter")
        await screen.sees("● Applied")
        assert file.read_bytes() == before
        await screen.press("escape", "escape")
        await screen.sees("✗ 1 problem")


async def test_the_changes_are_shown_as_commands(broken: Lab) -> None:
    async with console(broken.host, (120, 40)) as screen:
        screen.app.open_action("sockets.fix", {"milter": f"unix:{broken.host.at(SOCKET)}"})
        await screen.sees("1  edit")
        await screen.press("d")
        await screen.sees("The same from a shell", "systemctl restart milter-manager.service")
        await screen.press("y")
        assert "systemctl restart milter-manager.service" in screen.app.clipboard


async def test_read_only_refuses(broken: Lab) -> None:
    file = Path(broken.host.at(CONFIGURATION))
    before = file.read_bytes()
    async with console(broken.host, (120, 40), read_only=True) as screen:
        assert "read-only" in screen.text
        screen.app.open_action("sockets.fix", {"milter": f"unix:{broken.host.at(SOCKET)}"})
        await screen.sees("Read-only: shown, not applied.")
        assert "Enter apply" not in screen.text
        await screen.press("enter")
        await screen.pilot.pause(0.2)
        assert "applied" not in screen.text.replace("not applied", "")
        assert file.read_bytes() == before


async def test_what_was_found_before_a_plan_is_forgotten(broken: Lab) -> None:
    async with console(broken.host) as screen:
        await screen.press("r")
        await screen.sees("Not decided", "? not open", "f let postfix open")
        await screen.press("f")
        await screen.sees("1  edit")
        await screen.press("enter")
        await screen.sees("Applied and proved")
        await screen.press("escape")
        await screen.sees("r sends the message", "sends the message")
        assert "Not decided" not in screen.text
        await screen.press("r")
        await screen.sees("would be delivered")


async def test_read_only_refuses_a_report_that_does_more_than_look(lab: Lab) -> None:
    async with console(lab.host, (120, 40), read_only=True) as screen:
        screen.app.open_action("chain.send", {"recipient": ("alice@example.org",)})
        await screen.sees("chain.send sends")  # the note folds
        assert not list(Path(lab.host.at("/var/mail/alice")).rglob("new/*"))


async def test_an_empty_plan_says_that_there_is_nothing_to_do(lab: Lab) -> None:
    async with console(lab.host) as screen:
        screen.app.open_action("sockets.fix", {"milter": f"unix:{lab.host.at(SOCKET)}"})
        await screen.sees("There is nothing to do.")
        assert "Enter apply" not in screen.text


async def test_what_nothing_undoes_wants_the_word_typed(
    lab: Lab, tmp_path: Path, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    made = tmp_path / "made"
    gone = Command(("touch", str(made)), why_no_undo="what is deleted is gone")
    name = declare(lambda ctx: _plan(gone))
    async with console(lab.host) as screen:
        screen.app.open_action(name)
        await screen.sees("no undo: what is deleted is gone")
        await screen.press("enter")
        await screen.sees("Type apply for good")
        await screen.paste("yes")
        await screen.press("enter")
        await screen.sees("Nothing was changed")
        assert not made.exists()
        await screen.press("ctrl+u")
        await screen.paste("apply for good")
        await screen.press("enter")
        await screen.sees("● Applied")
        assert made.exists()
        assert "u undo" not in screen.text


async def test_what_is_not_proved_is_rolled_back_and_says_why(
    lab: Lab, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    path = lab.host.at("/etc/probe.conf")
    edit = FileEdit.planned(lab.host, path, b"on\n")
    proof = Proof("it answers", "sockets.check", {"milter": ("unix:/nowhere",)})
    name = declare(lambda ctx: _plan(edit, proof=proof))
    async with console(lab.host) as screen:
        screen.app.open_action(name)
        await screen.sees("1  create")
        await screen.press("enter")
        await screen.sees("◐ Rolled back: it answers", "taken back in", "not proved")
        assert not os.path.exists(path)
        assert "u undo" not in screen.text


async def test_a_plan_under_way_keeps_the_program_and_esc_takes_it_back(
    lab: Lab, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    slow = Command(("sleep", "0.6"), undo_argv=("true",))
    name = declare(lambda ctx: _plan(slow, slow._replace(argv=("sleep", "0.7"))))
    async with console(lab.host) as screen:
        screen.app.open_action(name)
        await screen.sees("Enter apply")
        await screen.press("enter")
        await screen.sees("under way")
        await screen.press("ctrl+q")
        await screen.sees("A plan is being applied")
        await screen.press("escape")
        await screen.sees("Rolled back: cancelled by the operator", "– 2  run", "not done")


async def test_a_cut_line_takes_a_plan_back_before_the_end(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr("console.app.os._exit", codes.append)
    monkeypatch.setattr("console.app.PATIENCE_FOR_THE_TERMINAL", 0.0)
    slow = Command(("sleep", "0.6"), undo_argv=("true",))
    name = declare(lambda ctx: _plan(slow, slow._replace(argv=("sleep", "0.7"))))
    async with console(lab.host) as screen:
        screen.app.open_action(name)
        await screen.sees("Enter apply")
        await screen.press("enter")
        await screen.sees("under way")
        screen.app.end_by(signal.SIGHUP)
        await screen.until(lambda: bool(codes))
    assert codes == [128 + signal.SIGHUP]
    listed = find("journal.list").function(Context(lab.host), limit=1)
    assert [entry.status for entry in listed.entries] == ["rolled back"]  # type: ignore[attr-defined]


async def test_a_plan_that_can_t_be_made_says_why_and_what_next(
    lab: Lab, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    def refuse(ctx: Context) -> Plan:
        raise ActionError("[session][end] is \x1b[2Jmissing", Exit.PROBLEM, "make it [/x] first")

    async with console(lab.host) as screen:
        screen.app.open_action(declare(refuse))
        await screen.sees("✗ [session][end] is \\x1b[2Jmissing", "make it [/x] first")
        await screen.sees("r plan again")


async def test_an_exploding_plan_leaves_the_app_alive(
    lab: Lab, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    def explode(ctx: Context) -> Plan:
        raise RuntimeError("boom [/x]")

    async with console(lab.host, (120, 40)) as screen:
        screen.app.open_action(declare(explode))
        await screen.sees("a defect of the console: RuntimeError: boom [/x]", "Traceback")
        await screen.press("escape")
        await screen.sees("chain of port")


async def test_text_from_outside_is_data(
    lab: Lab, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    path = lab.host.at("/etc/[session][end].conf")
    edit = FileEdit.planned(lab.host, path, b"[/x] \x1b]0;owned\x07\n", note="[red]")
    name = declare(lambda ctx: _plan(edit, title="Mend [/x]\x1b[31m"))
    async with console(lab.host, (120, 40)) as screen:
        screen.app.open_action(name)
        await screen.sees("Mend [/x]\\x1b[31m", "[session][end].conf", "[red]")
        await screen.sees("+ [/x] \\x1b]0;owned\\x07")


async def test_without_root_the_command_is_run_by_sudo(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    monkeypatch.setattr("widgets.plan.needs_root", lambda host, plan: True)
    code = "import sys; print('applied as root', *sys.argv[1:])"
    name = declare(lambda ctx: _plan(Command(("true",), undo_argv=("true",))))
    async with console(lab.host, (120, 40)) as screen:
        place = screen.app.workplace
        place = place._replace(user="alice, not root")
        place = place._replace(as_root=lambda action, given: [sys.executable, "-c", code, "ok"])
        screen.app.push_screen(PlanView(place, DECLARED[name], {}))
        await screen.sees("You are alice, not root. Enter does it as root by:")
        await screen.press("enter")
        await screen.sees("applied as root ok --confirm-digest")


async def test_what_sudo_refuses_is_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, declare: Callable[[Callable[[Context], Plan]], str]
) -> None:
    monkeypatch.setattr("widgets.plan.needs_root", lambda host, plan: True)
    code = "import sys; sys.exit('sudo: a password is required')"
    name = declare(lambda ctx: _plan(Command(("true",), undo_argv=("true",))))
    async with console(lab.host, (120, 40)) as screen:
        place = screen.app.workplace
        place = place._replace(as_root=lambda action, given: [sys.executable, "-c", code])
        screen.app.push_screen(PlanView(place, DECLARED[name], {}))
        await screen.sees("Enter does it as root")
        await screen.press("enter")
        await screen.sees("✗ sudo: a password is required", "run sudo -v in another terminal")
