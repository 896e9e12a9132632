"""The frame: isolated checks, findings with remedies, plans of several checks, names."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Cancelled, Context, Exit
from actions.changes import FileEdit, UnitOperation
from actions.finding import Health
from actions.host.errors import HostError, NotPermitted
from actions.host.kept import Kept
from actions.setup.catalogue import all_checks, matching
from actions.setup.check import Result
from actions.setup.fix import in_order
from actions.setup.found import Found, FoundCheck
from actions.setup.report import report_of
from actions.setup.survey import check_setup, results_of
from console.completion import candidates
from console.render.hint import Hints
from console.render.setup import headline, render
from tests.actions.setup.injected import injected_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINE = Result("a.fine", "as wanted", "/etc/a", 1, "6", "6")


def a_check(error: Exception | None) -> FoundCheck:
    def find(_ctx: Context, _name: str) -> Iterator[Found]:
        yield Found(FINE)
        if error:
            raise error

    return FoundCheck("a.check", "all is well", find)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (HostError("the disk is gone"), "the disk is gone"),
        (NotPermitted("only root may look"), "only root"),
        (PermissionError(13, "Permission denied", "/etc/shadow"), "Permission denied"),
        (ZeroDivisionError("of a check"), "a defect of this check: ZeroDivisionError: of a check"),
    ],
)
def test_a_check_that_fails_is_unknown_with_its_reason(
    tmp_path: Path, error: Exception, words: str
) -> None:
    found = results_of(a_check(error), Context(injected_host(tmp_path)))
    assert found[0] == FINE, "what was found before counts"
    assert (found[1].name, found[1].verdict) == ("a.check", "unknown")
    assert words in found[1].why


def test_a_run_that_is_cancelled_ends(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        results_of(a_check(Cancelled()), Context(injected_host(tmp_path)))


def test_a_report_tells_what_needs_doing_by_what_action() -> None:
    deviation = Result("a.b", "deviates", "/etc/a", 7, "2", "6", "it is old", severe=True)
    by_hand = Result("a.c", "deviates", "/etc/a", 0, "", "", "so it is", unfixable="think")
    choice = Result("a.d", "choice", "/etc/a", 8, "accept", "tempfail", "mail passes")
    report = report_of((FINE, deviation, by_hand, choice))
    assert report.exit_code == Exit.PROBLEM
    first, second = report.findings
    assert (first.name, first.health, first.where) == ("setup.a.b", Health.DOWN, "/etc/a:7")
    assert first.remedy
    assert (first.remedy.action, first.remedy.arguments) == ("setup.fix", (("name", "a.b"),))
    assert (second.health, second.remedy) == (Health.DEGRADED, None)
    assert "think" in second.why

    text = render(report, Hints())
    assert "/etc/a:7" in text
    assert "mend it: console run setup.fix a.b" in text
    assert "by hand: think" in text
    assert headline(report) == "2 deviate (a.b, a.c), 1 to choose, 1 as wanted"


def test_what_is_unknown_for_one_reason_is_told_once() -> None:
    unknown = [Result(f"a.{n}", "unknown", why="no postconf here") for n in range(4)]
    report = report_of(tuple(unknown))
    assert report.exit_code == Exit.UNDECIDED
    assert len(report.findings) == 1
    assert "and 3 more" in report.findings[0].what
    assert render(report, Hints()).count("no postconf here") == 1
    assert report_of((FINE,)).exit_code == Exit.FINE


def test_every_check_has_a_name_of_its_own_and_says_what_should_be() -> None:
    checks = all_checks()
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z-]+\.[a-z_-]+", name) for name in names)
    assert all(check.title and not check.title.endswith(".") for check in checks)


def test_checks_are_named_in_full_or_by_their_beginning() -> None:
    checks = all_checks()
    chosen = matching(checks, ("units", "postfix.mynetworks"))
    assert [check.name for check in chosen] == [
        "postfix.mynetworks",
        "units.enabled",
        "units.started",
    ]
    with pytest.raises(KeyError):
        matching(checks, ("postfix.my",))


def test_an_unknown_check_is_refused_with_those_that_come_close(tmp_path: Path) -> None:
    with pytest.raises(ActionError) as caught:
        check_setup(Context(injected_host(tmp_path)), ("postfix.my",))
    assert caught.value.exit_code == Exit.USAGE
    assert "postfix.mynetworks" in caught.value.next_step


def test_edits_of_one_file_are_one_and_what_takes_them_up_comes_last() -> None:
    before, between, after = (Kept(text, 0o644, 0, 0) for text in (b"a", b"b", b"c"))
    unit = partial(UnitOperation, activity="active")
    first = FileEdit("/etc/a", before, between)
    second = FileEdit("/etc/a", between, after)
    reload, restart = unit("reload", "postfix.service"), unit("restart", "clamav-milter.service")
    enable = unit("enable", "spamd.service")
    ordered = in_order((first, reload, enable, second, restart, reload, restart))
    assert ordered == (FileEdit("/etc/a", before, after), enable, restart, reload)


def test_a_restart_makes_a_reload_of_the_same_unit_needless() -> None:
    reload = UnitOperation("reload", "milter-manager.service", "active")
    restart = UnitOperation("restart", "milter-manager.service", "active")
    assert in_order((reload, restart)) == (restart,)
    assert in_order((restart, reload)) == (restart,)


def test_the_names_of_checks_are_completed() -> None:
    assert candidates(["run", "setup.fix", "postfix.mynet"]) == ["postfix.mynetworks"]
    assert candidates(["run", "setup.check", "--only", "units.e"]) == ["units.enabled"]


def test_a_remedy_by_place_is_a_command_that_can_be_typed() -> None:
    hints = Hints("/tmp/lab")
    command = hints.command("setup.fix", (("name", "postfix.relay"),))
    assert command == "console run setup.fix postfix.relay --lab /tmp/lab"
