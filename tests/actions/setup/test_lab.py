"""Deviations in a lab, whose main.cf and master.cf are edited without postconf."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import Context, Exit
from actions.registry import find
from actions.runner import run_plan
from actions.setup.fix import plan_fix
from actions.setup.survey import check_setup
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.setup.check import Result
    from console.lab.lab import Lab

CASES = (
    ("postfix.milter_protocol", "milter_protocol = 6", "milter_protocol = 3"),
    ("postfix.milter_default_action", "= tempfail", "= accept"),
    (
        "postfix.milter_mail_macros",
        "milter_protocol = 6",
        "milter_protocol = 6\nmilter_mail_macros =\n  {auth_author}\n  # kept\n  {auth_type}",
    ),
    ("postfix.mynetworks", ", 192.0.2.0/24", ", 192.0.0.0/4"),
    ("postfix.duplicate_settings", "recipient_delimiter = +", "recipient_delimiter = +\n" * 2),
    ("postfix.smtpd_milters", "smtpd_milters =\n    {manager},\n", "smtpd_milters =\n"),
    ("postfix.smtpd_milters", ",\n    {opendkim}\nnon_smtpd_milters = {opendkim}", "\n"),
    (
        "postfix.milter_place",
        "    {manager},\n",
        "    unix:{root}/run/elsewhere/milter-manager.sock,\n",
    ),
    ("postfix.milter_twice", "smtpd_milters =", "smtpd_milters =\n    {clamav},"),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in which every unit runs."""
    with running_lab() as running:
        yield running


def wrong(lab: Lab, name: str) -> tuple[Result, ...]:
    report = check_setup(Context(lab.host), (name,))
    return tuple(one for one in report.results if one.verdict != "as wanted")


def filled(lab: Lab, text: str) -> bytes:
    """Return *text* with where the lab's milters listen."""
    places = {
        "clamav": "clamav/clamav-milter.ctl",
        "manager": "milter-manager/milter-manager.sock",
        "opendkim": "opendkim/opendkim.sock",
    }
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", f"unix:{lab.root}/run/{place}")
    return text.replace("{root}", lab.root).encode()


def test_nothing_is_found_in_a_lab_as_it_is(lab: Lab) -> None:
    for name in ("postfix.milter_place", "units", "postfix"):
        found = [one for one in wrong(lab, name) if one.name != "postfix.groups"]
        assert found == []


@pytest.mark.parametrize(
    ("name", "old", "new"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_deviation_is_found_mended_proved_and_undone(
    lab: Lab, name: str, old: str, new: str
) -> None:
    ctx = Context(lab.host)
    path = Path(lab.host.at("/etc/postfix/main.cf"))
    original = path.read_bytes()
    broken = original.replace(filled(lab, old), filled(lab, new), 1)
    assert broken != original
    path.write_bytes(broken)
    try:
        (result,) = wrong(lab, name)
        assert (result.file, result.line > 0) == (str(path), True)
        plan = plan_fix(ctx, (name,))
        assert [change.kind for change in plan.changes] == ["edit", "reload"]
        report = run_plan(ctx, plan)
        assert report.exit_code == Exit.FINE, report.because
        assert not wrong(lab, name)
        undo = find("journal.undo").function(ctx, entry=report.entry)
        assert run_plan(ctx, undo).exit_code == Exit.FINE  # type: ignore[arg-type]
        assert path.read_bytes() == broken
        assert wrong(lab, name) == (result,)
    finally:
        path.write_bytes(original)


def test_a_unit_that_does_not_run_is_started(lab: Lab) -> None:
    ctx = Context(lab.host)
    lab.host.units.operate("stop", "opendkim")
    (result,) = wrong(lab, "units.started")
    assert result.found.endswith("inactive")
    assert result.severe
    report = run_plan(ctx, plan_fix(ctx, ("units.started",)))
    assert report.exit_code == Exit.FINE, report.because
    assert lab.host.units.state("opendkim").activity == "active"


def test_the_lab_has_no_packages_to_miss(lab: Lab) -> None:
    assert not check_setup(Context(lab.host), ("packages", "selinux")).results
