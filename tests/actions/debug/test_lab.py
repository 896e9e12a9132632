"""Debug modes in the lab: on, told, off by themselves or by a plan, and nothing left."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import TimerSet, from_record
from actions.changes.timer import timer_called
from actions.debug.off import plan_off
from actions.debug.on import plan_on
from actions.debug.status import look_at_modes
from actions.finding import Health
from actions.journal.store import Journal
from actions.journal.undoing import plan_undo
from actions.plan import Plan, Standing
from actions.runner import run_plan
from console.lab.lab import running_lab
from console.render.debug import headline, render
from console.render.hint import Hints
from tests.milters.running import eventually
from tests.unit_ports import NoTimers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.debug.report import DebugReport
    from console.lab.lab import Lab

MASTER = "/etc/postfix/master.cf"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab(()) as lab:
        yield lab


def status(lab: Lab, *names: str, expect: str = "off") -> DebugReport:
    return look_at_modes(Context(lab.host), names, expect)


def switch_on(lab: Lab, service: str, duration: str = "15m", peer: str = "") -> str:
    """Switch a debug mode on; return the journal's entry."""
    plan = plan_on(Context(lab.host), service, duration, peer, "")
    report = run_plan(Context(lab.host), plan)
    assert report.exit_code == Exit.FINE, report
    return report.entry


def listing(lab: Lab) -> dict[str, bytes]:
    """Return each file of settings in the lab."""
    found = {}
    for top in ("/etc", "/run/systemd"):
        for folder, _, files in os.walk(lab.host.at(top)):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
    return found


def test_nothing_is_on_in_a_lab_that_has_just_started(lab: Lab) -> None:
    report = status(lab)
    assert {one.word for one in report.states} == {"off"}
    assert report.findings == ()
    assert report.exit_code == Exit.FINE
    assert headline(report) == "no debug mode is on"
    assert "milter-manager" in {one.service for one in report.states}


def test_an_entry_whose_time_can_not_be_read_keeps_nobody_from_looking(lab: Lab) -> None:
    entry = switch_on(lab, "opendkim")
    path = f"{Journal(lab.host.state_folder).folder}/{entry}/record.json"
    with open(path, encoding="utf-8") as file:
        record = file.read()
    try:
        for duration in ("soon", "48h"):
            assert '"15m"' in record
            with open(path, "w", encoding="utf-8") as file:
                file.write(record.replace('"15m"', f'"{duration}"'))
            (state,) = status(lab, "opendkim").states
            assert (state.word, state.by) == ("on", "")
            assert state.until is not None
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(record)
        run_plan(Context(lab.host), plan_off(Context(lab.host), "opendkim"))


def test_what_was_interrupted_is_told_with_what_settles_it(lab: Lab) -> None:
    ctx, journal = Context(lab.host), Journal(lab.host.state_folder)
    plan = plan_on(ctx, "clamav-milter", "15m", "", "")
    entry = journal.begin(plan, "root", "mail").id
    try:
        for change, done in enumerate(plan.changes[:-1]):
            journal.note(entry, "intent", change=change)
            done.apply(lab.host, f"{entry}-{change}")
            journal.note(entry, "done", change=change)
        (note,) = status(lab, "clamav-milter").notes
        assert f"{plan.title}: interrupted; console run journal.undo --entry {entry} " in note
        assert note in status(lab).notes
        assert status(lab, "opendkim").notes == ()
    finally:
        report = run_plan(ctx, plan_undo(ctx, entry, partly=False))
        assert report.exit_code == Exit.FINE, report
    assert status(lab).notes == ()


def test_it_is_on_is_told_and_ends_by_itself(lab: Lab) -> None:
    before = listing(lab)
    switch_on(lab, "milter-manager", "5s")
    report = status(lab, "milter-manager")
    (state,) = report.states
    assert (state.word, state.on, report.exit_code) == ("on", True, Exit.PROBLEM)
    assert state.since is not None
    assert state.until is not None
    assert 0 < state.until - state.since < 8
    (finding,) = report.findings
    assert (finding.name, finding.health) == ("debug.milter-manager", Health.DEGRADED)
    assert finding.remedy is not None
    assert finding.remedy.action == "debug.off"
    text = render(report, Hints())
    assert "console run debug.off milter-manager" in text
    assert "ends by itself at" in text
    eventually(lambda: status(lab).exit_code == Exit.FINE)
    assert listing(lab) == before


@pytest.mark.parametrize("service", ["spamass-milter", "clamav-milter", "postfix"])
def test_what_is_switched_off_leaves_every_file_as_it_was(lab: Lab, service: str) -> None:
    before = listing(lab)
    switch_on(lab, service)
    assert status(lab, service, expect="on").exit_code == Exit.FINE
    report = run_plan(Context(lab.host), plan_off(Context(lab.host), service))
    assert report.exit_code == Exit.FINE, report
    assert status(lab).exit_code == Exit.FINE
    assert lab.host.timers.all() == ()
    assert listing(lab) == before
    assert plan_off(Context(lab.host), service).changes == ()


def test_a_port_that_takes_passwords_is_named_or_left_out(lab: Lab) -> None:
    path = lab.host.at(MASTER)
    with open(path, encoding="utf-8") as file:
        kept = file.read()
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write("submission inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes\n")
        plain = plan_on(Context(lab.host), "postfix", "15m", "", "")
        assert "passwords" not in plain.why
        assert "passwords" not in plan_on(Context(lab.host), "opendkim", "15m", "", "").why
        assert "submission inet n - n - - smtpd -v" not in added(plain)
        named = plan_on(Context(lab.host), "postfix", "15m", "", "submission")
        assert "passwords" in named.why
        assert "submission inet n - n - - smtpd -v " in added(named)
        assert "passwords" in plan_on(Context(lab.host), "postfix", "15m", "192.0.2.1", "").why
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(kept)


def added(plan: Plan) -> str:
    """Return the lines that the plan adds to files."""
    return "\n".join(line.text for one in plan.changes for line in one.lines() if line.sign == "+")


def test_switched_on_again_it_takes_as_long_from_then_on(lab: Lab) -> None:
    before = listing(lab)
    switch_on(lab, "opendkim", "15m")
    first = status(lab, "opendkim").states[0].until
    plan = plan_on(Context(lab.host), "opendkim", "1h", "", "")
    assert [change.kind for change in plan.changes] == ["timer"]
    run_plan(Context(lab.host), plan)
    second = status(lab, "opendkim").states[0].until
    assert first is not None
    assert second is not None
    assert 40 * 60 < second - first < 50 * 60
    run_plan(Context(lab.host), plan_off(Context(lab.host), "opendkim"))
    assert listing(lab) == before


def test_what_somebody_else_left_on_is_told_and_taken_out(lab: Lab) -> None:
    path = lab.host.at("/etc/clamav/clamav-milter.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("LogVerbose false", "LogVerbose true") + "# more\n")
    # A file is later than a process only by more than its clock is exact.
    os.utime(path, (time.time() + 5, time.time() + 5))
    (state,) = status(lab, "clamav-milter").states
    assert (state.word, state.on, state.until, state.by) == ("pending", False, None, "")
    assert plan_on(Context(lab.host), "clamav-milter", "15m", "", "").changes == ()
    run_plan(Context(lab.host), plan_off(Context(lab.host), "clamav-milter"))
    assert status(lab).exit_code == Exit.FINE
    with open(path, encoding="utf-8") as file:
        assert file.read() == text.replace("LogVerbose false", "LogVerbose no") + "# more\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_a_file_that_somebody_edits_meanwhile_keeps_what_he_wrote(lab: Lab) -> None:
    before = listing(lab)
    switch_on(lab, "clamav-milter")
    path = lab.host.at("/etc/clamav/clamav-milter.conf")
    with open(path, "a", encoding="utf-8") as file:
        file.write("# somebody was here\n")
    with pytest.raises(ActionError, match="edited since") as caught:
        plan_on(Context(lab.host), "clamav-milter", "1h", "", "")
    assert "debug.off" in caught.value.next_step
    run_plan(Context(lab.host), plan_off(Context(lab.host), "clamav-milter"))
    assert status(lab).exit_code == Exit.FINE
    after = listing(lab)
    assert after.pop(path) == before.pop(path) + b"# somebody was here\n"
    assert after == before


def test_what_makes_no_sense_is_refused_with_the_way_out(lab: Lab) -> None:
    cases = (
        (("nonsense", "15m", "", ""), "no service"),
        (("opendkim", "soon", "", ""), "no time"),
        (("opendkim", "1s", "", ""), "not between"),
        (("opendkim", "48h", "", ""), "not between"),
        (("opendkim", "15m", "192.0.2.1", ""), "for postfix alone"),
        (("postfix", "15m", "192.0.2.1", "smtp"), "one of both"),
        (("postfix", "15m", "", "nonsense"), "serves no"),
    )
    for arguments, words in cases:
        with pytest.raises(ActionError, match=words) as caught:
            plan_on(Context(lab.host), *arguments)
        assert caught.value.exit_code == Exit.USAGE
    with pytest.raises(ActionError) as caught:
        look_at_modes(Context(lab.host), ("nonsense",), "off")
    assert "milter-manager" in caught.value.next_step


def test_without_anybody_who_would_end_it_nothing_is_switched_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in: the lab always has its supervisor.
    monkeypatch.setattr(lab.host, "timers", NoTimers())
    with pytest.raises(ActionError, match="switch it off again") as caught:
        plan_on(Context(lab.host), "milter-manager", "15m", "", "")
    assert "by hand, run it with --verbose" in caught.value.next_step
    # Looking and switching off need no timer.
    assert status(lab).exit_code == Exit.FINE
    assert plan_off(Context(lab.host), "milter-manager").changes == ()


def test_a_stopped_service_is_not_started_by_it(lab: Lab) -> None:
    lab.host.units.operate("stop", "opendkim.service")
    try:
        (state,) = status(lab, "opendkim").states
        assert (state.word, state.on) == ("off", False)
        with pytest.raises(ActionError, match="does not run") as caught:
            plan_on(Context(lab.host), "opendkim", "15m", "", "")
        assert "services.start" in caught.value.next_step
    finally:
        lab.host.units.operate("start", "opendkim.service")


def test_a_timer_stands_where_it_is_set_and_is_put_back(lab: Lab) -> None:
    host = lab.host
    commands = (("touch", host.at("/run/x y")),)
    change = TimerSet.planned(host, "milter-console-test", commands, 600, lasting=True)
    assert from_record(change.record()) == change
    assert change.stands(host) is Standing.BEFORE
    change.apply(host, "t")
    assert change.stands(host) is Standing.AFTER
    first = timer_called(host, "milter-console-test")
    assert first is not None
    assert abs(first.at - time.time() - 600) < 5
    # Another in its place, and back.
    later = TimerSet.planned(host, "milter-console-test", commands, 1200, lasting=True)
    assert later.before == first
    assert later.stands(host) is Standing.BEFORE
    later.apply(host, "t")
    assert later.stands(host) is Standing.AFTER
    back = later.inverse()
    assert from_record(back.record()) == back
    assert back.stands(host) is Standing.BEFORE
    back.apply(host, "t")
    assert back.stands(host) is Standing.AFTER
    again = timer_called(host, "milter-console-test")
    assert again is not None
    assert abs(again.at - first.at) < 1.5
    # Forgotten, and back.
    gone = TimerSet.forgotten(host, "milter-console-test")
    gone.apply(host, "t")
    assert gone.stands(host) is Standing.AFTER
    assert change.inverse().stands(host) is Standing.AFTER
    assert gone.inverse().stands(host) is Standing.BEFORE
    gone.inverse().apply(host, "t")
    change.inverse().apply(host, "t")
    assert host.timers.all() == ()


def test_a_timer_of_somebody_else_is_not_taken_for_it(lab: Lab) -> None:
    host = lab.host
    own = TimerSet.planned(host, "milter-console-test", (("true",),), 600, lasting=False)
    other = TimerSet.planned(host, "milter-console-test", (("false",),), 600, lasting=False)
    other.apply(host, "t")
    assert own.stands(host) is Standing.OTHER
    assert own.inverse().stands(host) is Standing.OTHER
    host.timers.remove("milter-console-test")


def test_a_run_in_the_foreground_is_told_as_one(lab: Lab) -> None:
    over = threading.Event()

    def run() -> None:
        lab.host.units.run_instead(
            "opendkim.service",
            ("/usr/sbin/opendkim", "-l", "-W", "-f"),
            lambda _line, _when: None,
            over.is_set,
            60.0,
        )

    running = threading.Thread(target=run)
    running.start()
    try:
        eventually(lambda: status(lab, "opendkim").states[0].word == "live")
        (finding,) = status(lab, "opendkim").findings
        assert finding.remedy is None
        assert "nothing ends it" not in finding.why
        with pytest.raises(ActionError, match="runs in the foreground"):
            plan_off(Context(lab.host), "opendkim")
    finally:
        over.set()
        running.join(60)
    assert [one.word for one in status(lab, "opendkim").states] == ["off"]
