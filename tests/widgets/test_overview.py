"""The overview on the screen: the picture, what is wrong, and what its keys open."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from actions.finding import Finding, Health, Remedy
from actions.overview.report import CHAIN, Acknowledged, OverviewReport
from console.lab.lab import running_lab
from tests.actions.overview.hosts import mail_host
from tests.widgets.driving import SIZES, Driven, console
from widgets.look import HostLook
from widgets.overview.sight import Sight

if TYPE_CHECKING:
    from console.lab.lab import Lab
    from widgets.look import Wish

NAMES = (
    "postfix",
    "milter-manager",
    "milter-greylist",
    "clamav-milter",
    "spamass-milter",
    "opendkim",
)

FIRST = {
    "milter-dead": ("✗ clamav-milter is down", "Start clamav-milter"),
    "milter-hangs": (
        "✗ clamav-milter is down: accepts, but does not answer",
        "Restart clamav-milter",
    ),
    "not-a-milter": ("✗ opendkim is down: the peer is no milter", "Restart opendkim"),
    "socket-unwritable": (
        "✗ smtpd → milter-manager: permission denied",
        "Let postfix open milter-manager's socket",
    ),
}
"""By a lab's fault: what is told first, and the plan that mends it."""


def below(screen: Driven) -> str:
    """Return what stands under the picture, from the first finding on."""
    found = re.search(r"^ [✗◐?●] .*", screen.text, re.MULTILINE | re.DOTALL)
    return found[0].strip() if found else ""


async def looked(screen: Driven) -> None:
    """Wait until all looks have ended."""
    await screen.until(
        lambda: screen.app.host_look.ended > 0 and not screen.app.host_look.is_under_way,
        "the end of the looks",
    )


async def shown(screen: Driven, report: OverviewReport) -> None:
    """Show *report* in place of what was seen."""
    await looked(screen)
    screen.app.host_look.report = report
    screen.app.post_message(HostLook.News())
    await screen.settled()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look is done after the first: the test shows reports of its own."""

    def begin(self: HostLook, wish: Wish) -> None:
        if not self.ended:
            original(self, wish)

    original = HostLook.begin
    monkeypatch.setattr(HostLook, "begin", begin)


@pytest.mark.parametrize("size", SIZES)
async def test_every_service_is_in_the_picture(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size, pane="1") as screen:
        await looked(screen)
        for name in NAMES:
            await screen.sees(f"● {name}")
        await screen.sees("MUA ──", "queue  empty", "local ──▶")
        assert all(len(line) <= size[0] for line in screen.lines)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
async def test_a_whole_mail_host_fits_the_screen(lab: Lab, size: tuple[int, int]) -> None:
    async with console(lab.host, size, pane="1") as screen:
        await shown(screen, mail_host(clamd=(Health.DEGRADED, "its signatures are 9 days old")))
        await screen.sees("◐ clamd", "● dovecot", "● mariadb", "IMAP 143/993", "3 deferred")
        await screen.sees("◐ clamd is degraded: its signatures are 9 days old")
        assert screen.one(Sight).max_scroll_y == 0, screen.text


@pytest.mark.parametrize("fault", FIRST)
async def test_a_fault_is_told_first_and_its_plan_makes_it_go_away(fault: str) -> None:
    told, title = FIRST[fault]
    with running_lab([fault]) as lab:
        async with console(lab.host, (120, 40), pane="1") as screen:
            await screen.until(lambda: below(screen).startswith(told), told)
            await screen.press("f")
            await screen.sees(title)
            await screen.until(lambda: "Enter apply" in screen.text, "the plan")
            await screen.press("enter")
            await screen.sees("Applied and proved")
            await screen.press("escape")
            await screen.until(lambda: told not in screen.text, "the end of the finding")
            await looked(screen)
            assert told not in screen.text


async def test_an_error_in_the_configuration_of_the_manager_is_told_first() -> None:
    with running_lab(["manager-conf-broken"]) as lab:
        async with console(lab.host, (120, 40), pane="1") as screen:
            await looked(screen)
            await screen.until(
                lambda: below(screen).startswith("✗ milter-manager's configuration has an error")
            )
            await screen.sees("a reload would drop every child", "its milters are not known")


async def test_what_dies_is_seen_within_a_second(broken: Lab) -> None:
    async with console(broken.host, (120, 40), pane="1") as screen:
        await looked(screen)
        await screen.sees("● clamav-milter")
        await screen.until(lambda: screen.app.host_look._watch is not None, "the watch")
        os.kill(broken.host.units.state("clamav-milter").main_pid, signal.SIGKILL)
        killed = time.monotonic()
        await screen.sees("✗ clamav-milter")
        assert time.monotonic() - killed < 1.0 + 0.5  # for a machine that is busy with tests
        broken.host.units.operate("start", "clamav-milter")
        await screen.sees("● clamav-milter")


async def test_nothing_looks_while_another_pane_is_shown(lab: Lab) -> None:
    async with console(lab.host, pane="1") as screen:
        await looked(screen)
        await screen.until(lambda: screen.app.host_look._watch is not None, "the watch")
        await screen.press("3")
        await screen.until(lambda: screen.app.host_look._watch is None, "the end of the watch")
        await screen.press("1")
        await screen.until(lambda: screen.app.host_look._watch is not None, "the watch again")


async def test_names_are_there_before_the_looks_have_ended(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actions.overview import looks

    held = [one for one in looks.CHECKS if one.name == CHAIN]
    never = looks.Check("services.status", 30.0, given=(("no such", "argument"),))
    monkeypatch.setattr(looks, "CHECKS", (*held, never._replace(seconds=0.0)))
    async with console(lab.host, pane="1") as screen:
        await screen.sees("· milter-manager", "· clamav-milter", "? not seen: the services")


async def test_enter_explains_with_the_looks(broken: Lab) -> None:
    async with console(broken.host, (120, 40), pane="1") as screen:
        await looked(screen)
        await screen.press("enter")
        await screen.sees("sockets.smtpd:milter-manager", "why", "needs w", "mend it")
        await screen.sees("The same trouble, seen elsewhere", "milter-manager is down")
        await screen.press("f")
        await screen.sees("Let postfix open milter-manager's socket")
        await screen.until(lambda: "Enter apply" in screen.text, "the plan")
        await screen.press("escape")
        await screen.sees("smtpd → milter-manager: permission denied", "t test the chain")


@pytest.mark.usefixtures("still")
async def test_where_nothing_is_wrong_it_says_what_was_looked_at(lab: Lab) -> None:
    async with console(lab.host, pane="1") as screen:
        await looked(screen)
        report = screen.app.host_look.report
        assert report
        await shown(screen, report._replace(findings=(), folded=()))
        await screen.sees(
            "● Nothing wrong", "looked at the milter chains, the services", "● nothing wrong"
        )
        assert "f fix" not in screen.text
        assert "acknowledge" not in screen.text
        await screen.press("enter")
        await screen.sees("What was looked at", "services.status")


async def test_t_tests_the_chain(lab: Lab) -> None:
    async with console(lab.host, pane="1") as screen:
        await screen.press("t")
        await screen.sees("would be delivered")
        await screen.press("1")
        await screen.sees("MUA ──")


async def test_keys_before_the_first_look_are_not_lost(lab: Lab) -> None:
    async with console(lab.host, pane="3") as screen:
        await screen.press("r")
        await screen.sees("would be delivered")


async def test_a_finding_is_acknowledged_with_a_day_and_a_reason(broken: Lab) -> None:
    async with console(broken.host, (120, 40), pane="1") as screen:
        await looked(screen)
        await screen.press("a")
        await screen.sees("overview.ack", "sockets.smtpd:milter-manager", "reason needed")
        await screen.press("tab", "tab", *"later", "ctrl+r")
        await screen.sees("Acknowledge sockets.smtpd:milter-manager", "Enter apply")
        await screen.press("enter")
        await screen.sees("● Applied")
        await screen.press("escape")
        await screen.sees("– smtpd → milter-manager: permission denied", ": later")


@pytest.mark.usefixtures("still")
async def test_the_cursor_stays_on_the_finding_that_was_chosen(lab: Lab) -> None:
    def found(*names: str) -> OverviewReport:
        remedy = Remedy("sockets.fix", (("milter", "unix:/x"),), "mend it")
        findings = (
            Finding(Health.DOWN, f"what of {name}", "", f"why of {name}", remedy, name)
            for name in names
        )
        return OverviewReport(tuple(findings))

    async with console(lab.host, pane="1") as screen:
        await shown(screen, found("a.a", "b.b"))
        sight = screen.one(Sight)
        await shown(screen, found("c.c", "a.a", "b.b"))
        assert sight.current
        assert sight.current.name == "c.c", "nobody chose: the worst is under the cursor"
        await screen.press("down", "down")
        assert sight.current.name == "b.b"
        await shown(screen, found("d.d", "c.c", "a.a", "b.b"))
        assert sight.current.name == "b.b"
        await shown(screen, found("a.a"))
        assert sight.current.name == "a.a"
        await shown(screen, found())
        assert sight.current is None


@pytest.mark.usefixtures("still")
async def test_text_from_outside_is_data(lab: Lab) -> None:
    evil = "\x1b]0;title\x07[red]x[/red]"
    finding = Finding(Health.DOWN, evil, evil, evil, Remedy("sockets.fix", (), evil), "a.b")
    known = Acknowledged(finding._replace(name="c.d"), "2999-01-01", evil)
    async with console(lab.host, (120, 40), pane="1") as screen:
        await shown(screen, mail_host()._replace(findings=(finding,), acknowledged=(known,)))
        await screen.sees("\\x1b]0;title\\x07[red]x[/red]")
        await screen.press("enter")
        await screen.sees("\\x1b]0;title\\x07[red]x[/red]")
        assert "\x1b" not in screen.text


@pytest.mark.usefixtures("still")
async def test_what_is_acknowledged_is_not_called_nothing(lab: Lab) -> None:
    known = Acknowledged(Finding(Health.DOWN, "it is down", "", name="a.b"), "2999-01-01", "moving")
    async with console(lab.host, pane="1") as screen:
        await shown(screen, OverviewReport((), (known,)))
        await screen.sees("● nothing else wrong", "it is down", "● Nothing else wrong")
