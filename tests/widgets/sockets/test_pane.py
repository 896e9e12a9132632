"""The sockets pane on the screen: the edges, one of them opened, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import DECLARED
from actions.finding import Health
from actions.registry import find
from actions.sockets.report import SocketsReport
from actions.sockets.ways.offers import NotOffered
from actions.sockets.ways.report import WaysReport
from console.lab.lab import running_lab
from tests.widgets.driving import SIZES, Driven, console
from tests.widgets.sockets.states import WAYS, closed, works
from widgets.cursor import CursorLines
from widgets.lines import Lines
from widgets.look import HostLook
from widgets.sockets.edge import EdgeView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.sockets.report import EdgeState
    from console.lab.lab import Lab

    Show = Callable[[tuple[EdgeState, ...]], None]

EDGES = ("smtpd → milter-manager", "milter-manager → clamav-milter")


def walk(screen: Driven) -> str:
    """Return what stands of the edge in hand."""
    return screen.app.screen.query_one("#walk", Lines).plain


async def open_pane(screen: Driven) -> None:
    await screen.press("5")
    await screen.until(lambda: "edges ·" in screen.text, "the edges")


@pytest.fixture(scope="module")
def shut() -> Iterator[Lab]:
    """A lab with a socket that Postfix can't open, for tests that mend nothing."""
    with running_lab(["socket-unwritable"]) as running:
        yield running


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """What is seen is what the test says: such hosts are not in the lab."""

    def shown(states: tuple[EdgeState, ...]) -> None:
        report = SocketsReport(states, ("sockets of opendmarc: not seen [/x]",))
        latest = HostLook.latest

        def told(self: HostLook, name: str) -> object:
            return report if name == "sockets.check" else latest(self, name)

        def ways(ctx: object, *, edge: str, milter: str = "") -> WaysReport:
            del ctx, milter
            state = next(one for one in states if one.edge.name == edge)
            is_ok = not state.cause
            declined = NotOffered("membership", "the group is not the daemon's own")
            return WaysReport(state, () if is_ok else WAYS, () if is_ok else (declined,))

        monkeypatch.setattr(HostLook, "latest", told)
        action = find("sockets.ways")._replace(function=ways)
        monkeypatch.setitem(DECLARED, "sockets.ways", action)

    return shown


@pytest.mark.parametrize("size", SIZES)
async def test_every_edge_is_told_with_its_state(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size) as screen:
        await open_pane(screen)
        await screen.sees("all open to their clients", *EDGES, "as postfix")
        assert all(len(line) <= size[0] for line in screen.lines)
        await screen.until(lambda: "negotiated" in walk(screen), "the proof")


async def test_the_one_that_is_closed_is_under_the_cursor_with_its_walk(shut: Lab) -> None:
    async with console(shut.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.sees("1 down", "✗ smtpd → milter-manager", "others have ---")
        await screen.sees("What mends it", "lasting · setting")
        assert "Permission denied" in walk(screen)
        await screen.press("f")
        await screen.sees("Enter apply", "SOCKET_GROUP")


@pytest.mark.parametrize("size", SIZES)
async def test_opened_it_shows_the_ways_and_the_plan_of_each(
    shut: Lab, size: tuple[int, int]
) -> None:
    async with console(shut.host, size) as screen:
        await open_pane(screen)
        await screen.press("enter")
        await screen.sees("What mends it", "recommended")
        assert isinstance(screen.app.screen, EdgeView)
        assert all(len(line) <= size[0] for line in screen.lines)
        ways = screen.one(CursorLines)
        await screen.until(lambda: ways.has_focus, "the cursor on the ways")
        await screen.press("end")
        await screen.sees("temporary")
        await screen.press("enter")
        await screen.sees("Enter apply")
        await screen.press("escape")
        await screen.sees("What mends it")
        assert screen.app.screen.query_one("#ways", CursorLines).cursor > 0


async def test_when_it_is_mended_the_opened_edge_and_the_list_say_so(broken: Lab) -> None:
    async with console(broken.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.press("enter")
        await screen.sees("What mends it")
        await screen.press("enter")
        await screen.sees("Enter apply")
        await screen.press("enter")
        await screen.sees("Applied and proved")
        await screen.press("escape")
        await screen.sees("● ok", "negotiated")
        await screen.press("escape")
        await screen.sees("all open to their clients")


async def test_a_milter_is_tested_in_the_chain_pane(lab: Lab) -> None:
    async with console(lab.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.sees(EDGES[1])
        await screen.press("t")
        await screen.sees("would be delivered")
        assert "milter-manager" in screen.text


async def test_the_look_at_an_edge_opens_here_wherever_it_is_asked_for(shut: Lab) -> None:
    async with console(shut.host, (120, 40), pane="1") as screen:
        screen.app.open_action("sockets.check", {"edge": ("smtpd:milter-manager",)})
        await screen.sees("What mends it", "others have ---")
        assert isinstance(screen.app.screen, EdgeView)
        screen.app.open_action("sockets.check")
        await screen.sees("1 down")
        await screen.press("y")
        await screen.sees("console run sockets.check")


async def test_from_a_finding_of_the_overview_one_key_leads_to_the_walk(shut: Lab) -> None:
    async with console(shut.host, (120, 40), pane="1") as screen:
        await screen.sees("✗ smtpd → milter-manager")
        await screen.press("enter")
        await screen.sees("w walk the path")
        await screen.press("w")
        await screen.sees("What mends it", "others have ---")
        await screen.press("escape", "1")
        await screen.sees("MUA ──", "t test the chain")


async def test_the_fix_of_a_socket_by_its_specification_is_a_plan_at_once(shut: Lab) -> None:
    spec = f"unix:{shut.host.at('/run/milter-manager/milter-manager.sock')}"
    async with console(shut.host, (120, 40)) as screen:
        screen.app.open_action("sockets.fix", {"milter": spec})
        await screen.sees("Enter apply", "SOCKET_GROUP")


async def test_the_command_of_an_opened_edge_is_told(shut: Lab) -> None:
    async with console(shut.host, (120, 40)) as screen:
        await open_pane(screen)
        await screen.press("enter", "y")
        await screen.sees("console run sockets.ways", "smtpd:milter-manager")


@pytest.mark.parametrize("size", SIZES)
async def test_many_edges_and_what_could_not_be_seen(
    lab: Lab, show: Show, size: tuple[int, int]
) -> None:
    names = [f"smtpd@{number}:milter-{number}" for number in range(20)]
    show((*map(works, names), closed("cleanup:last"), works("lmtp:dovecot")))
    async with console(lab.host, size) as screen:
        await open_pane(screen)
        await screen.sees("22 edges · ✗ 1 down", "✗ cleanup → last")
        assert all(len(line) <= size[0] for line in screen.lines)
        await screen.until(lambda: "the daemon's own setting" in walk(screen), "the ways")
        assert "sockets of opendmarc: not seen [/x]" in walk(screen)
        await screen.sees("0660  w ✗")
        await screen.press("end")
        await screen.sees("lmtp → dovecot")
        await screen.until(lambda: "set in    main.cf" in walk(screen), "another edge")
        assert "f fix" not in screen.text
        await screen.press("up", "enter")
        declined = "membership is not offered: the group is not the daemon's own"
        await screen.until(lambda: declined in walk(screen), "what is not offered")


async def test_what_comes_from_outside_is_data(lab: Lab, show: Show) -> None:
    evil = "\x1b]0;owned\x07[/x][red]"
    state = closed(f"smtpd:{evil}")
    step = state.steps[-1]._replace(path=f"/run/{evil}", owner=evil, note=evil)
    state = state._replace(
        steps=(*state.steps[:-1], step),
        log_line=evil,
        edge=state.edge._replace(spec=evil, source=evil, refused=evil, user=evil),
    )
    show((state,))
    async with console(lab.host, (120, 40)) as screen:
        await screen.press("5")
        await screen.sees("\\x1b]0;owned\\x07[/x][red]")
        await screen.press("enter")
        await screen.sees("What mends it")
        for strip in screen.app.screen._compositor.render_strips():
            assert all(segment.text.isprintable() for segment in strip)


async def test_where_no_way_is_known_or_nothing_was_proved_it_is_said(
    lab: Lab, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = closed("smtpd:lost", cause="denied")
    unseen = closed("smtpd:unseen", cause="unseen", health=Health.UNKNOWN)
    unseen = unseen._replace(finding=unseen.finding._replace(remedy=None, needs_root=True))
    show((lost, unseen))

    def ways(ctx: object, *, edge: str, milter: str = "") -> WaysReport:
        del ctx, milter
        return WaysReport(lost if edge.endswith("lost") else unseen, ())

    action = find("sockets.ways")._replace(function=ways)
    monkeypatch.setitem(DECLARED, "sockets.ways", action)
    async with console(lab.host) as screen:
        await open_pane(screen)
        await screen.sees("✗ 1 down · ? 1 unknown")
        await screen.until(lambda: "f fix" not in screen.text, "no plan where none would do")
        await screen.press("enter")
        await screen.sees("No way is known")
        assert "Enter plan it" not in screen.text
        await screen.press("escape", "down", "enter")
        await screen.sees("As root it would be proved")


async def test_a_failed_look_at_one_edge_is_told_and_can_be_done_again(
    shut: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(ctx: object, **given: object) -> object:
        raise ValueError("no [/x] here")

    declared = find("sockets.ways")
    async with console(shut.host, (120, 40)) as screen:
        await open_pane(screen)
        monkeypatch.setitem(DECLARED, "sockets.ways", declared._replace(function=explode))
        await screen.press("enter")
        await screen.sees("a defect of the console: ValueError: no [/x] here", "r look again")
        monkeypatch.setitem(DECLARED, "sockets.ways", declared)
        await screen.press("r")
        await screen.sees("What mends it")
