"""The script face of starting and stopping services, on a lab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from actions.finding import Health
from actions.services.signatures import SignaturesReport
from console.lab.lab import running_lab
from console.render.hint import Hints
from console.render.signatures import headline, render
from tests.console.test_run import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


def test_a_dry_run_says_what_it_means_for_mail(lab: Lab) -> None:
    told = console(*("run", "services.stop", "clamav-milter", "--lab", lab.root), "--dry-run")
    assert told.returncode == 0
    assert "$ systemctl stop clamav-milter.service" in told.stdout
    assert "while it is down: mail passes unfiltered" in told.stdout
    assert "clamav-milter has stopped, and stays so" in told.stdout
    assert lab.host.units.state("clamav-milter").activity == "active"


def test_who_is_asked_is_shown_in_order(lab: Lab) -> None:
    told = console("run", "services.asked", "--lab", lab.root)
    assert told.returncode == 0
    lines = [line for line in told.stdout.splitlines() if "→" in line]
    assert [line.split()[3].rstrip(":") for line in lines] == [
        *("milter-manager", "milter-greylist", "clamav-milter", "spamass-milter", "opendkim")
    ]


def test_what_is_missing_and_what_should_not_be_there_is_told(lab: Lab) -> None:
    told = console(
        *("run", "services.asked", "--lab", lab.root),
        *("--expect", "rspamd", "--without", "opendkim", "--format", "nagios"),
    )
    assert told.returncode == 2
    assert told.stdout.startswith("CRITICAL - rspamd is not asked; opendkim is asked still")


def test_a_wait_that_is_over_names_what_lacks(lab: Lab) -> None:
    told = console(
        *("run", "services.wait", "--lab", lab.root, "opendkim"),
        *("--state", "stopped", "--within", "0"),
    )
    assert told.returncode == 1
    assert "opendkim is not stopped after" in told.stdout
    assert "it is active" in told.stdout


def test_a_wait_as_json(lab: Lab) -> None:
    told = console("run", "services.wait", "--lab", lab.root, "opendkim", "--json")
    document = json.loads(told.stdout)
    assert (document["schema"], document["because"]) == ("services.wait/1", "")


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (SignaturesReport("PONG", Health.OK, 1.0, 0.5, 3.0), "its signatures are 0.5 days old"),
        (SignaturesReport("PONG", Health.OK, None, None, 3.0), "of an age that nothing tells"),
        (SignaturesReport("PONG", Health.OK, 1.0, 9.0, 3.0), "the signatures are 9 days old"),
        (SignaturesReport("no socket", Health.DOWN, None, None, 3.0), "clamd: no socket"),
    ],
)
def test_signatures_and_their_age(report: SignaturesReport, said: str) -> None:
    assert said in headline(report)
    text = render(report, Hints())
    assert said in text
    assert ("services.freshclam" in text) is bool(report.because)
