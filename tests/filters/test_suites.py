"""The suites that come with the program, against the real filters that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.actions.chain.scenario.suites import run_files

if TYPE_CHECKING:
    from actions.chain.scenario.report import ScenarioReport
    from tests.filters.daemons import Daemon


def told(report: ScenarioReport) -> list[tuple[str, object]]:
    """Return the scenarios that did not pass, each with why."""
    assert report.passed
    return [
        (one.name, one.differences or one.because)
        for suite in report.suites
        for one in suite.scenarios
        if one.status != "passed"
    ]


def test_clamav_milter_that_rejects(clamav_milter: Daemon) -> None:
    given = (f"clamav-milter={clamav_milter.spec}",)
    assert told(run_files("clamav-milter", milter=given)) == []


def test_clamav_milter_that_holds(holding_clamav_milter: Daemon) -> None:
    given = (f"clamav-milter={holding_clamav_milter.spec}",)
    assert told(run_files("clamav-milter", milter=given)) == []


def test_spamass_milter(spamass_milter: Daemon) -> None:
    given = (f"spamass-milter={spamass_milter.spec}",)
    assert told(run_files("spamass-milter", milter=given)) == []


def test_a_filter_that_does_not_do_it_is_found_out(
    clamav_milter: Daemon, spamass_milter: Daemon
) -> None:
    swapped = (f"clamav-milter={spamass_milter.spec}", f"spamass-milter={clamav_milter.spec}")
    failed = [
        name for name, _ in told(run_files("clamav-milter", "spamass-milter", milter=swapped))
    ]
    assert "the EICAR test file is kept out" in failed
    assert "GTUBE is refused" in failed
