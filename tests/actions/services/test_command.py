"""`console run services.status` on a lab: its options, its formats and its exit codes."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.lab.lab import running_lab
from console.run import run
from tests.milters.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

NAMES = {
    "postfix",
    "milter-manager",
    "milter-greylist",
    "clamav-milter",
    "spamass-milter",
    "opendkim",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A healthy lab."""
    with running_lab() as running:
        yield running


def status(lab: Lab, *words: str) -> int:
    return run(["services.status", *words], lab.host)


def test_a_healthy_lab_exits_0_in_every_format(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(lab) == 0
    assert "6 services ok" in capsys.readouterr().out
    assert status(lab, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["service"]["name"] for one in told["services"]} == NAMES
    assert told["schema"] == "services.status/1"
    assert status(lab, "--format", "nagios") == 0
    assert capsys.readouterr().out.startswith("OK - 6 services ok | services=6 ok=6 ")
    assert status(lab, "--format", "prometheus") == 0
    families = {
        family.name: family for family in text_string_to_metric_families(capsys.readouterr().out)
    }
    up = families["milter_console_service_up"].samples
    assert {sample.labels["service"] for sample in up} == NAMES
    assert {sample.value for sample in up} == {1.0}


def test_only_what_is_named_is_looked_at_with_what_it_needs(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(lab, "--service", "milter-manager", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["service"]["name"] for one in told["services"]} == NAMES - {"postfix", "opendkim"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--service", "nonsense"), "its services are: "),
        (("--timeout", "0"), "--timeout is a number of seconds"),
        (("--login", "alice"), "--password-fd"),
    ],
)
def test_wrong_options_are_told(
    lab: Lab, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(lab, *words) == 2
    assert told in capsys.readouterr().err


def test_a_dead_milter_exits_1_and_is_critical(capsys: pytest.CaptureFixture[str]) -> None:
    with running_lab() as lab:
        os.kill(lab.host.units.state("opendkim").main_pid, signal.SIGKILL)
        eventually(lambda: lab.host.units.state("opendkim").activity == "failed")
        assert status(lab, "--format", "nagios") == 2
        line = capsys.readouterr().out
        assert line.startswith("CRITICAL - 1 down, 1 degraded of 6 services; opendkim down (failed")
        assert status(lab) == 1
        told = capsys.readouterr().out
        assert "✗ opendkim" in told
        assert "◐ postfix" in told
