from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import DECLARED
from actions.registry import find
from console.lab.lab import running_lab
from tests.widgets.driving import SIZES, console
from widgets.chain.table import ChainTable
from widgets.form import Field
from widgets.lines import Lines
from widgets.plan import PlanView

if TYPE_CHECKING:
    from actions.host.system import SystemHost
    from console.lab.lab import Lab
    from tests.milters.peer import Peers, Wire
    from tests.milters.running import Milters

NAMES = ("milter-manager", "milter-greylist", "clamav-milter", "spamass-milter", "opendkim")


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_is_cut(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await screen.press("s", "down", "enter", "r")
        await screen.sees("Rejected by milter-manager at end of message")
        shown = screen.text
        for name in NAMES:
            assert name in shown
        assert "550 5.7.1 Blocked by SpamAssassin" in shown
        assert "sample gtube" in shown
        assert "mx1.example.org" in shown
        await screen.sees("r run", "m milter", "d diff", "t packets", "Ctrl+P everything", "q quit")
        assert all(len(line) <= size[0] for line in screen.lines)


async def test_the_deciding_cell_is_under_the_cursor_and_enter_explains_it(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("s", "down", "enter", "r")
        await screen.sees("milter-manager at end of message  ✗ reject")
        await screen.press("enter")
        await screen.sees("✗ reject", "{i}")
        await screen.press("escape")
        await screen.press("left")
        await screen.sees("milter-manager at body")


async def test_a_row_explains_everything_of_its_milter(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("r")
        await screen.sees("would be delivered")
        await screen.press("home", "enter")
        await screen.sees("version", "{j}")


async def test_cells_fill_while_the_test_runs(milters: Milters, lab: Lab) -> None:
    slow = milters.start(delays={"end": 1.0})
    async with console(lab.host) as screen:
        await screen.ask_milter(slow.spec)
        await screen.press("r")
        await screen.sees("●")
        assert "waiting for" in screen.text
        await screen.sees("would be delivered")


async def test_a_hanging_milter_is_given_up_at_once(peers: Peers, lab: Lab) -> None:
    silent = peers.start(lambda wire: wire.wait_for_close())
    async with console(lab.host) as screen:
        await screen.ask_milter(silent.spec)
        await screen.press("r")
        await screen.sees("waiting for")
        started = time.monotonic()
        await screen.press("escape")
        await screen.sees("Cancelled while waiting for")
        assert time.monotonic() - started < 1.0
        assert "r run" in screen.text


async def test_the_message_is_shown_before_and_after(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("r")
        await screen.sees("would be delivered")
        await screen.press("d")
        await screen.sees("Before and after the whole chain", "+ X-Virus-Status: Clean")
        assert "  Subject: Milter chain test" in screen.text


async def test_negotiation_and_packets_are_a_key_away(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("r")
        await screen.sees("would be delivered")
        await screen.press("n")
        await screen.sees("6, of 6 offered", "may", "protocol")
        await screen.press("escape", "t")
        await screen.sees("negotiate", "00 00 00 0d 4f", "macros, connect")


async def test_the_same_command_is_shown_and_copied(lab: Lab) -> None:
    async with console(lab.host, (200, 60)) as screen:
        await screen.press("s", "down", "enter", "y")
        line = f"console run chain.test --lab={lab.root} --sample=gtube"
        await screen.sees(line)
        assert screen.app.clipboard == line


async def test_one_milter_of_the_chain_is_asked_alone(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("m", "down", "down", "down", "down", "enter")
        await screen.sees("clamav-milter alone")
        await screen.press("r")
        await screen.sees("would be delivered")
        assert "milter-manager" not in screen.text


async def test_what_is_no_endpoint_is_said(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.ask_milter("smtp:/x")
        await screen.sees("unknown transport")
        await screen.press("escape")
        await screen.sees("2 + 3 milters")


async def test_options_that_name_no_endpoint_are_told(lab: Lab) -> None:
    async with console(lab.host) as screen:
        screen.app.open_action("chain.test", {"milter": "[/x]"})
        await screen.sees("✗ '[/x]': a milter is given as", "m chooses another milter")
        await screen.press("m", "home", "enter")
        await screen.sees("2 + 3 milters")


async def test_another_profile_is_shown_and_used(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("p", "down", "enter")
        await screen.sees("inside client 192.168.1.20")
        await screen.press("r")
        await screen.sees("would be delivered")


async def test_local_mail_goes_with_its_own_chain_and_back(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("p", "end", "enter")
        await screen.sees("chain of non_smtpd, 1 milter · sample clean · local program")
        await screen.press("r")
        await screen.sees("would be delivered")
        await screen.press("p", "home", "enter")
        await screen.sees("2 + 3 milters", "outside client 203.0.113.7")
        await screen.press("r")
        await screen.sees("would be delivered")
        await screen.press("m", "home", "down", "enter")
        await screen.sees("chain of non_smtpd, 1 milter · sample clean · local program")
        await screen.press("m", "home", "enter")
        await screen.sees("2 + 3 milters", "outside client 203.0.113.7")


async def test_a_host_that_filters_no_local_mail_says_so(milters: Milters) -> None:
    with running_lab() as own:
        main = Path(own.host.at("/etc/postfix/main.cf"))
        main.write_text(main.read_text() + "\nnon_smtpd_milters =\n")
        async with console(own.host) as screen:
            await screen.sees("r run")
            await screen.press("p", "end", "enter")
            await screen.until(
                lambda: "asks no milter about mail without" in " ".join(screen.text.split()),
                "the notice",
            )
            await screen.sees("outside client")
            await screen.ask_milter(milters.start().spec)
            await screen.press("p", "end", "enter")
            await screen.sees("alone · sample clean · local program")
            await screen.press("r")
            await screen.sees("would be delivered")


async def test_options_reach_the_test(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("o")
        await screen.sees("chain.test", "as user")
        fields = screen.app.screen.query(Field)
        next(one for one in fields if one.parameter.name == "helo").editor.focus()
        await screen.settled()
        await screen.paste("other.example.net")
        await screen.press("ctrl+r")
        await screen.sees("1 more option")
        await screen.press("r")
        await screen.sees("would be delivered")
        table = screen.one(ChainTable)
        assert table.lane is not None
        arguments = {one.stage.value: one.argument for one in table.lane.exchanges}
        assert arguments["helo"] == "other.example.net"


async def test_an_unreachable_milter_shows_its_finding_and_opens_its_plan(broken: Lab) -> None:
    async with console(broken.host) as screen:
        await screen.press("r")
        await screen.sees("Not decided: milter-manager could not be opened", "f fix")
        assert "permission denied" in screen.text
        assert "let postfix open milter-manager's socket" in screen.text
        await screen.press("f")
        await screen.sees("Let postfix open milter-manager's socket")
        assert isinstance(screen.app.screen, PlanView)


async def test_a_second_run_forgets_the_first(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("s", "down", "enter", "r")
        await screen.sees("Rejected by")
        await screen.press("s", "up", "enter")
        await screen.sees("r sends the message")
        await screen.press("r")
        await screen.sees("would be delivered")
        assert "Rejected" not in screen.text


async def test_sessions_side_by_side_show_the_worst(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        screen.app.open_action("chain.test", {"threads": 3})
        await screen.settled()
        await screen.press("r")
        await screen.sees("3 sessions side by side: 3", "●")


async def test_without_postfix_a_socket_can_be_typed(bare: SystemHost, milters: Milters) -> None:
    milter = milters.start(replies={"mail": "reject"})
    async with console(bare) as screen:
        await screen.sees("postconf: no such program", "type a milter's socket")
        await screen.ask_milter(milter.spec)
        await screen.press("r")
        await screen.sees("Rejected by", "at mail")


async def test_a_defect_in_an_action_is_shown_and_the_app_goes_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(ctx: object, **given: object) -> object:
        raise ValueError("no [/x] here \x1b]0;owned\x07")

    declared = find("chain.test")
    async with console(lab.host) as screen:
        monkeypatch.setitem(DECLARED, "chain.test", declared._replace(function=explode))
        await screen.press("r")
        await screen.sees("a defect of the console: ValueError: no [/x] here \\x1b]0;owned\\x07")
        await screen.sees("please report it")
        monkeypatch.setitem(DECLARED, "chain.test", declared)
        await screen.press("r")
        await screen.sees("would be delivered")


async def test_a_large_message_is_folded_and_scrolls(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("s", "down", "down", "down", "enter", "r")
        await screen.sees("would be delivered")
        await screen.press("t")
        await screen.sees("negotiate")
        await screen.press("end")
        await screen.sees("quit")
        assert screen.one(Lines).scroll_offset.y > 1000


def _longer(wire: Wire) -> None:
    wire.negotiate()
    wire.serve()


async def test_a_name_too_long_for_its_column_gets_a_line(peers: Peers, lab: Lab) -> None:
    peer = peers.start(_longer)
    name = "a-milter-with-quite-a-long-name-of-its-own"
    path = peers.path(name)
    os.symlink(peer.spec.removeprefix("unix:"), path)
    async with console(lab.host) as screen:
        await screen.ask_milter(f"unix:{path}")
        await screen.press("r")
        await screen.sees("would be delivered")
        assert name in screen.text


async def test_it_follows_the_size_of_the_terminal(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("s", "down", "enter", "r")
        await screen.sees("Rejected by milter-manager")
        for width, height in ((60, 30), (80, 24), (200, 60)):
            await screen.pilot.resize_terminal(width, height)
            await screen.sees("Rejected by milter-manager", " total", "q quit")
            assert all(len(line) <= width for line in screen.lines)
            assert sum(line.endswith(" ms") for line in screen.lines) == 5


async def test_the_mouse_does_what_the_keys_do(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.click(" r run", "r run")
        await screen.sees("would be delivered")
        await screen.click(" opendkim", "✓")
        await screen.sees("opendkim at end of message  ✓ accept")
        await screen.click("d diff", "d diff")
        await screen.sees("Before and after the whole chain")


async def test_a_digit_shows_its_pane(lab: Lab) -> None:
    async with console(lab.host) as screen:
        await screen.press("1")
        await screen.sees("MUA ──")
        await screen.press("3")
        await screen.sees("chain of port")
        await screen.pilot.click(offset=(3, 1))
        await screen.sees("MUA ──")
