"""The suites that come with the program pass on the lab, and say what a fault breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.chain.scenario.file import shipped_names
from console.lab.lab import running_lab
from tests.actions.chain.scenario.suites import run_files

if TYPE_CHECKING:
    from pathlib import Path

    from console.lab.lab import Lab


def test_every_shipped_suite_passes(lab: Lab) -> None:
    report = run_files(*shipped_names(), ctx=Context(lab.host))
    told = [
        (one.name, one.differences or one.because)
        for suite in report.suites
        for one in suite.scenarios
        if one.status != "passed"
    ]
    assert told == []
    assert report.exit_code == 0
    assert report.passed > 20


def test_milters_behind_the_manager_are_found_by_their_names(lab: Lab) -> None:
    report = run_files("clamav-milter", "milter-manager", ctx=Context(lab.host))
    (clamav,), (manager,) = (suite.milters for suite in report.suites)
    assert (clamav.name, clamav.behind) == ("clamav-milter", "milter-manager")
    assert (manager.name, manager.behind) == ("milter-manager", "")


@pytest.mark.parametrize(
    ("fault", "suite", "code"),
    [
        ("milter-dead", "clamav-milter", 6),
        ("rejects-everything", "spamass-milter", 1),
        ("milter-dead", "milter-manager", 1),
    ],
)
def test_a_fault_is_found(place: Path, fault: str, suite: str, code: int) -> None:
    with running_lab([fault]) as broken:
        report = run_files(suite, ctx=Context(broken.host))
    assert report.exit_code == code
