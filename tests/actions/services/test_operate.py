"""Services of a lab started, stopped and reloaded by plans: refused, guarded, proved, undone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import FileEdit, UnitOperation
from actions.plan import Plan, Proof
from actions.registry import find
from actions.runner import run_plan
from console.lab.lab import running_lab
from tests.actions.services.driving import MANAGED, activity, applied, planned, restored, undo
from tests.milters.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

OPERATIONS = ("start", "stop", "restart", "reload", "enable", "disable")


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    """The lab of this file; whoever changed it finds it as it was."""
    with restored(shared):
        yield shared


def test_a_milter_is_stopped_and_started_again_by_the_undo(lab: Lab) -> None:
    plan = planned(lab, "stop", service="clamav-milter")
    (stop,) = plan.changes
    assert stop.note == "while it is down: mail passes unfiltered"
    assert activity(lab, "clamav-milter") == "active", "planning changes nothing"
    report = applied(lab, plan)
    assert report.exit_code is Exit.FINE
    assert activity(lab, "clamav-milter") == "inactive"
    undo(lab, report)
    assert activity(lab, "clamav-milter") == "active"


def test_what_postfix_asks_itself_makes_mail_wait(lab: Lab) -> None:
    (stop,) = planned(lab, "stop", service="opendkim.service").changes
    assert stop.note == "while it is down: mail is deferred (451)"


def test_without_postfix_no_mail_comes_in(lab: Lab) -> None:
    (stop,) = planned(lab, "stop", service="postfix").changes
    assert "no mail comes in" in stop.note


def test_a_start_is_proved_by_the_greeting(lab: Lab) -> None:
    lab.host.units.operate("stop", "opendkim")
    report = applied(lab, planned(lab, "start", service="opendkim"))
    assert report.exit_code is Exit.FINE
    assert report.proof is not None
    assert "negotiates; version 6" in str(report.proof.report)
    undo(lab, report)
    assert activity(lab, "opendkim") == "inactive"


def test_start_at_boot_is_set_and_unset(lab: Lab) -> None:
    report = applied(lab, planned(lab, "disable", service="spamass-milter"))
    assert report.exit_code is Exit.FINE
    assert lab.host.units.state("spamass-milter").enabled is False
    assert activity(lab, "spamass-milter") == "active"
    undo(lab, report)
    assert lab.host.units.state("spamass-milter").enabled is True


def test_a_restart_is_another_process(lab: Lab) -> None:
    before = lab.host.units.state("milter-greylist").main_pid
    report = applied(lab, planned(lab, "restart", service="milter-greylist"))
    assert report.exit_code is Exit.FINE
    assert lab.host.units.state("milter-greylist").main_pid not in {0, before}


@pytest.mark.parametrize("operation", ["start", "enable"])
def test_what_is_so_already_needs_no_plan(lab: Lab, operation: str) -> None:
    plan = planned(lab, operation, service="opendkim")
    assert not plan.changes
    assert plan.why.endswith(": nothing to do")


def test_what_can_not_reload_is_to_be_restarted(lab: Lab) -> None:
    with pytest.raises(ActionError, match="can't take up its configuration") as refused:
        planned(lab, "reload", service="opendkim")
    assert "services.restart opendkim" in refused.value.next_step


def test_what_does_not_run_is_to_be_started(lab: Lab) -> None:
    lab.host.units.operate("stop", "postfix")
    with pytest.raises(ActionError, match="postfix does not run") as refused:
        planned(lab, "reload", service="postfix")
    assert "services.start postfix" in refused.value.next_step


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_service_that_is_not_there_is_named_with_those_that_are(lab: Lab, operation: str) -> None:
    with pytest.raises(ActionError, match="'sshd' is no service of this mail host") as refused:
        planned(lab, operation, service="sshd")
    assert refused.value.exit_code is Exit.USAGE
    assert "milter-greylist" in refused.value.next_step


@pytest.mark.parametrize("operation", ["reload", "restart", "start"])
def test_a_broken_configuration_ends_the_plan_before_anything(lab: Lab, operation: str) -> None:
    if operation == "start":
        lab.host.units.operate("stop", "milter-manager")
    before = lab.host.units.state("milter-manager")
    with Path(lab.host.at(MANAGED)).open("a") as file:
        file.write('define_milter("x" do\n')
    with pytest.raises(ActionError, match=r"refuses its configuration: .*syntax error") as refused:
        planned(lab, operation, service="milter-manager")
    assert refused.value.exit_code is Exit.PROBLEM
    assert lab.host.units.state("milter-manager")[:5] == before[:5]


def test_a_configuration_broken_after_the_plan_was_made_is_not_taken_up(lab: Lab) -> None:
    plan = planned(lab, "restart", service="milter-manager")
    before = lab.host.units.state("milter-manager")
    with Path(lab.host.at(MANAGED)).open("a") as file:
        file.write("nonsense\n")
    report = applied(lab, plan)
    assert report.exit_code is Exit.ROLLED_BACK
    assert "refuses its configuration" in report.because
    assert [change.status for change in report.changes] == ["failed", "not done"]
    assert lab.host.units.state("milter-manager").invocation == before.invocation


def without_clamav(lab: Lab) -> bytes:
    """Return the manager's configuration without one of its milters; it parses."""
    text = Path(lab.host.at(MANAGED)).read_text()
    start = text.index('define_milter("clamav-milter")')
    return (text[:start] + text[text.index("\nend\n", start) + 5 :]).encode()


@pytest.mark.parametrize("operation", ["reload", "restart"])
def test_a_milter_left_out_of_the_configuration_is_told_before(lab: Lab, operation: str) -> None:
    Path(lab.host.at(MANAGED)).write_bytes(without_clamav(lab))
    with pytest.raises(ActionError, match="clamav-milter runs and starts at boot") as refused:
        planned(lab, operation, service="milter-manager")
    assert "services.drop clamav-milter" in refused.value.next_step
    meant = planned(lab, operation, service="milter-manager", unasked=("clamav-milter",))
    assert applied(lab, meant).exit_code is Exit.FINE


def test_a_milter_that_vanishes_between_plan_and_reload_stops_it(lab: Lab) -> None:
    plan = planned(lab, "reload", service="milter-manager")
    Path(lab.host.at(MANAGED)).write_bytes(without_clamav(lab))
    report = applied(lab, plan)
    assert report.exit_code is Exit.ROLLED_BACK
    assert "milter-manager would ask clamav-milter no more" in report.because
    assert [change.status for change in report.changes] == ["failed", "not done"]


def test_a_child_that_vanishes_with_a_reload_is_brought_back(lab: Lab) -> None:
    """An edit that loses a child, as a plan of any capability may have one."""
    before = Path(lab.host.at(MANAGED)).read_bytes()
    expected = ("milter-greylist", "clamav-milter", "spamass-milter")
    plan = Plan(
        "Edit milter-manager's configuration",
        "services.reload",
        {"service": "milter-manager"},
        "",
        (
            FileEdit.planned(lab.host, lab.host.at(MANAGED), without_clamav(lab)),
            UnitOperation.planned(lab.host, "reload", "milter-manager.service"),
        ),
        Proof("all are asked", "services.asked", {"expect": expected}),
    )
    report = applied(lab, plan)
    assert report.exit_code is Exit.ROLLED_BACK
    assert "clamav-milter is not asked" in report.because
    assert Path(lab.host.at(MANAGED)).read_bytes() == before
    told = find("services.asked").function(Context(lab.host), expect=expected)
    assert told.exit_code == Exit.FINE  # type: ignore[attr-defined]


def test_a_service_that_does_not_start_is_rolled_back_with_the_reason(lab: Lab) -> None:
    conf = Path(lab.host.at("/etc/opendkim.conf"))
    before = conf.read_bytes()
    lab.host.units.operate("stop", "opendkim")
    conf.write_bytes(b"Frobnicate yes\n")
    try:
        report = applied(lab, planned(lab, "start", service="opendkim"))
    finally:
        conf.write_bytes(before)
    assert report.exit_code is Exit.ROLLED_BACK
    assert "Socket is missing" in report.because
    assert activity(lab, "opendkim") != "active"


def test_a_service_that_dies_when_it_is_proved_is_not_called_started(lab: Lab) -> None:
    lab.host.units.operate("stop", "opendkim")
    plan = planned(lab, "start", service="opendkim")

    def kill_it(event: object) -> None:
        if type(event).__name__ == "Proving":
            os.kill(lab.host.units.state("opendkim").main_pid, signal.SIGKILL)
            eventually(lambda: activity(lab, "opendkim") == "failed")

    report = run_plan(Context(lab.host, kill_it), plan)
    assert report.exit_code is Exit.ROLLED_BACK
    assert "opendkim runs and answers: it is failed: main process killed" in report.because


def test_waiting_ends_when_it_is_so_and_when_the_time_is_over(lab: Lab) -> None:
    wait = find("services.wait").function
    ctx = Context(lab.host)
    assert wait(ctx, service="opendkim", state="running").exit_code == Exit.FINE  # type: ignore[attr-defined]
    late: Any = wait(ctx, service="opendkim", state="stopped", within=0.3)
    assert late.exit_code == Exit.PROBLEM
    assert late.because == "it is active"
