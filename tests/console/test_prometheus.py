"""`--format prometheus` on the command line: what is measured, and what is refused beforehand."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.lab.lab import running_lab
from console.run import run


def test_a_report_that_checks_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with running_lab() as lab:
        code = run(["sockets.check", "--format", "prometheus"], lab.host)
    families = {
        family.name: family.samples
        for family in text_string_to_metric_families(capsys.readouterr().out)
    }
    assert code == 0
    counts = {one.labels["state"]: one.value for one in families["milter_console_findings"]}
    assert counts == {"ok": 6.0, "degraded": 0.0, "down": 0.0, "unknown": 0.0}


@pytest.mark.parametrize(
    "words",
    [
        ("chain.send", "--recipient", "nobody@example.org"),
        ("sockets.fix", "--milter", "unix:/x"),
    ],
)
def test_what_measures_nothing_is_refused_before_it_is_done(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--format", "prometheus"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "checks nothing that could be measured" in said.err
    assert "services.status" in said.err
