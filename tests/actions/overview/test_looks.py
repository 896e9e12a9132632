"""The looks beside each other: one that fails, hangs or is not there does nothing to the rest."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from actions import registry
from actions.action import DECLARED, ActionError, Cancelled, Context, Exit, report
from actions.finding import Finding, Health
from actions.host.errors import HostError, NotPermitted
from actions.overview import looks
from actions.overview.check import Overview, check_all
from actions.overview.looks import Check
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.host.ports import Host
    from actions.overview.report import OverviewReport


class Told(Record):
    """What a look of these tests tells."""

    findings: tuple[Finding, ...]


class Actions:
    """Lets the registry find report actions made by a test, and the overview ask them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._checks: tuple[Check, ...] = ()
        monkeypatch.setitem(sys.modules, "overview_tests", ModuleType("overview_tests"))

    def add(self, name: str, body: Callable[[Context], object], seconds: float = 10.0) -> None:
        def look(ctx: Context) -> object:
            """Look."""
            return body(ctx)

        report(name)(look)
        self._patch.setitem(DECLARED, name, DECLARED[name])
        self._patch.setitem(registry.MODULES, name, "overview_tests")
        self._checks = (*self._checks, Check(name, seconds))
        self._patch.setattr(looks, "CHECKS", self._checks)


@pytest.fixture
def actions(monkeypatch: pytest.MonkeyPatch) -> Actions:
    return Actions(monkeypatch)


def down(name: str) -> Told:
    return Told((Finding(Health.DOWN, f"{name} is down", "here", name=name),))


def checked(host: Host, *ack: str, since_last: bool = False) -> OverviewReport:
    return check_all(Context(host), ack, since_last=since_last)


def failing(error: BaseException) -> Callable[[Context], object]:
    def fail(_: Context) -> object:
        raise error

    return fail


def test_one_that_fails_is_unknown_with_its_reason_and_the_others_are_told(
    actions: Actions, bare: Host
) -> None:
    actions.add("one.fails", failing(ActionError("no way", Exit.UNDECIDED, "try harder")))
    actions.add("two.breaks", failing(ZeroDivisionError("by zero")))
    actions.add("three.gone", failing(OSError(2, "No such file", "/x")))
    actions.add("four.works", lambda _: down("four.x"))
    told = checked(bare)
    assert [one.name for one in told.findings] == [
        "four.x",
        "overview.one",
        "overview.two",
        "overview.three",
    ]
    assert {one.health for one in told.findings[1:]} == {Health.UNKNOWN}
    assert told.findings[1].why == "no way; try harder"
    assert "a defect of the console: ZeroDivisionError" in told.findings[2].why
    assert told.exit_code == Exit.PROBLEM


def test_only_what_could_not_be_seen_is_undecided(actions: Actions, bare: Host) -> None:
    actions.add("one.fails", failing(ActionError("no way", Exit.UNDECIDED)))
    assert checked(bare).exit_code == Exit.UNDECIDED


def test_what_makes_no_sense_here_is_no_trouble(actions: Actions, bare: Host) -> None:
    actions.add("one.senseless", failing(ActionError("no milter is asked", Exit.USAGE)))
    told = checked(bare)
    assert told.findings == ()
    assert [(one.name, one.trouble) for one in told.looks] == [("one.senseless", "")]


@pytest.mark.parametrize(
    "error", [NotPermitted("closed"), ActionError("closed", Exit.NOT_PERMITTED)]
)
def test_what_this_user_may_not_see_is_told_so(
    actions: Actions, bare: Host, error: Exception
) -> None:
    actions.add("one.closed", failing(error))
    actions.add("two.fails", failing(HostError("run as root it fails too")))
    needs_root = {one.name: one.needs_root for one in checked(bare).findings}
    assert needs_root == {"overview.one": True, "overview.two": False}


def test_one_that_hangs_is_given_up_and_told_to_end(actions: Actions, bare: Host) -> None:
    given_up, ended = threading.Event(), threading.Event()
    was_told: list[bool] = []

    def hangs(ctx: Context) -> object:
        given_up.wait(10)
        was_told.append(ctx.cancel.is_set())
        ended.set()
        raise Cancelled

    actions.add("one.hangs", hangs, seconds=0.3)
    actions.add("two.works", lambda _: down("two.x"))
    told = checked(bare)
    assert not ended.is_set(), "nobody waits for it"
    given_up.set()
    assert [one.name for one in told.findings] == ["two.x", "overview.one"]
    assert "did not end within" in told.findings[1].why
    assert ended.wait(5)
    assert was_told == [True]


def test_they_go_on_beside_each_other(actions: Actions, bare: Host) -> None:
    together = threading.Barrier(3)

    def meet(_: Context) -> object:
        together.wait(5)  # raises where the others do not come
        return Told(())

    for name in ("one.a", "two.b", "three.c"):
        actions.add(name, meet)
    assert checked(bare).findings == ()


def test_what_is_known_is_told_as_each_ends(actions: Actions, bare: Host) -> None:
    first_told = threading.Event()
    actions.add("one.quick", lambda _: down("one.x"))
    actions.add("two.slow", lambda _: Told(()) if first_told.wait(5) else down("two.late"))
    known: list[OverviewReport] = []

    def tell(event: object) -> None:
        known.append(event)  # type: ignore[arg-type]
        if known[-1].findings:
            first_told.set()

    told = check_all(Context(bare, tell), (), since_last=False)
    assert [one.under_way for one in known] == [("one.quick", "two.slow"), ("two.slow",)]
    assert [one.name for one in known[1].findings] == ["one.x"]
    assert told.under_way == ()


def test_the_operator_can_cancel(actions: Actions, bare: Host) -> None:
    flag = threading.Event()

    def is_cancelled(ctx: Context) -> object:
        flag.set()
        ctx.check()
        return down("one.x")

    actions.add("one.waits", is_cancelled)
    with pytest.raises(Cancelled):
        check_all(Context(bare, cancel=flag), (), since_last=False)


def test_a_look_that_is_not_registered_is_left_out(actions: Actions, bare: Host) -> None:
    actions.add("one.there", lambda _: Told(()))
    names = [check.name for check in looks.CHECKS]
    looks_before = (*looks.CHECKS, Check("no.such", 1.0))
    actions._patch.setattr(looks, "CHECKS", looks_before)
    assert [one.name for one in checked(bare).looks] == names


def test_acknowledged_findings_are_shown_and_not_counted(actions: Actions, bare: Host) -> None:
    actions.add("one.x", lambda _: down("one.x"))
    told = checked(bare, "one.x@2999-01-01")
    assert told.findings == ()
    assert [one.finding.name for one in told.acknowledged] == ["one.x"]
    assert told.exit_code == Exit.FINE
    old = checked(bare, "one.x@2001-01-01")
    assert [one.name for one in old.findings] == ["one.x"]
    assert [one.name for one in old.expired] == ["one.x"]
    assert old.exit_code == Exit.PROBLEM


def test_since_last_counts_only_what_is_new_or_worse(actions: Actions, bare: Host) -> None:
    states = [down("one.x"), down("one.x"), Told(())]
    actions.add("one.x", lambda _: states.pop(0))
    first = checked(bare, since_last=True)
    assert first.exit_code == Exit.PROBLEM
    assert first.since_last
    assert [one.kind for one in first.since_last.changes] == ["new"]
    second = checked(bare, since_last=True)
    assert second.exit_code == Exit.FINE
    assert second.since_last
    assert second.since_last.changes == ()
    third = checked(bare, since_last=True)
    assert third.since_last
    assert [one.kind for one in third.since_last.changes] == ["gone"]
    assert third.exit_code == Exit.FINE


def test_a_second_look_replaces_the_first(actions: Actions, bare: Host) -> None:
    states = [down("one.x"), Told(())]
    actions.add("one.x", lambda _: states.pop(0))
    known = Overview(bare)
    assert known.looked(Context(bare), looks.CHECKS).findings
    assert not known.looked(Context(bare), looks.CHECKS).findings
