"""The overview as text: at 80 columns, for cron, and for monitoring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from actions.columns import cells
from actions.finding import Finding, Health, Remedy
from actions.overview.report import (
    RIGHTS,
    Acknowledged,
    Acknowledgement,
    Change,
    Folded,
    OverviewReport,
    SinceLast,
)
from console.lab.lab import running_lab
from console.render import columns
from console.render.hint import Hints
from console.render.overview import headline, render
from console.render.report import rendered
from console.run import run
from tests.actions.overview.hosts import mail_host
from widgets.overview.explain import finding_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

DOWN = Finding(
    Health.DOWN,
    "smtpd → filter: permission denied",
    "unix:/run/filter.sock",
    "needs w, others have ---",
    Remedy("sockets.fix", (("edge", "smtpd:filter"),), "open it"),
    "sockets.smtpd:filter",
)
ODD = Finding(Health.DEGRADED, "clamd is degraded: old", "clamd.service", name="services.clamd")


@pytest.fixture(scope="module")
def closed() -> Iterator[Lab]:
    with running_lab(["socket-unwritable"]) as lab:
        yield lab


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setattr(columns, "width", lambda: 80)
    monkeypatch.setattr("console.render.overview.width", lambda: 80)


def test_what_could_not_be_seen_is_not_told_twice() -> None:
    what = "2 things could not be seen with this user's rights"
    rights = Finding(Health.UNKNOWN, what, "", "services.x, setup.y; run it as root", name=RIGHTS)
    unseen = rights._replace(what="x is unknown", name="services.x")
    report = mail_host()._replace(
        findings=(rights,), folded=(Folded(RIGHTS, unseen), Folded(RIGHTS, ODD))
    )
    text = render(report, Hints())
    assert "services.x, setup.y" in text
    assert "x is unknown" not in text
    assert f"also: {ODD.what}" in text, "that was seen"
    assert "x is unknown" in rendered(report, "json", Hints())[0]
    assert "x is unknown" not in "".join(str(row) for row in finding_rows(rights, report))


def test_all_is_told_within_80_columns() -> None:
    report = mail_host()._replace(
        findings=(DOWN, ODD),
        folded=(Folded(DOWN.name, ODD._replace(what="filter is down: " + "because " * 20)),),
        acknowledged=(Acknowledged(ODD, "2999-01-01", "it waits " * 20),),
        expired=(Acknowledgement(DOWN.name, "2001-01-01"),),
        unmatched=(Acknowledgement("services.typo", "2999-01-01"),),
        notes=("a note " * 30,),
    )
    text = render(report, Hints())
    commands = [line for line in text.splitlines() if "mend it:" in line]
    assert all(cells(line) <= 80 for line in text.splitlines() if line not in commands)
    assert commands == ["   mend it: console run sockets.fix smtpd:filter"]
    for told in (
        "✗ smtpd → filter: permission denied",
        "sockets.smtpd:filter",
        "also: filter is down",
        "acknowledged until 2001-01-01: it counts again",
        "acknowledged until 2999-01-01: it waits",
        "not found now: services.typo",
        "note: a note",
        "1 problem · 1 warning · 1 acknowledged",
        "● dovecot",
    ):
        assert told in text


def test_nothing_wrong_is_said() -> None:
    assert "nothing wrong found" in render(mail_host(), Hints())
    assert headline(mail_host()) == "nothing wrong found"


def test_only_changes_are_told_and_nothing_where_nothing_changed() -> None:
    changes = (
        Change("worse", DOWN.name, "degraded", DOWN, DOWN.what),
        Change("gone", "setup.x", "down", None, "x was wrong"),
    )
    report = mail_host()._replace(findings=(DOWN, ODD), since_last=SinceLast(1.0, changes))
    text = render(report, Hints())
    assert "worse (was degraded): smtpd → filter: permission denied" in text
    assert "gone: x was wrong" in text
    assert "clamd is degraded" not in text
    assert "MUA" not in text
    assert report.exit_code == 1
    quiet = report._replace(since_last=SinceLast(1.0, ()))
    assert render(quiet, Hints()) == "", "cron sends a mail for every word"
    assert quiet.exit_code == 0


def test_monitoring_is_told_in_its_words() -> None:
    report = OverviewReport((ODD,))
    line, code = rendered(report, "nagios", Hints())
    assert (code, line.partition(" - ")[0]) == (1, "WARNING")
    assert rendered(report._replace(findings=(DOWN,)), "nagios", Hints())[1] == 2
    unknown = ODD._replace(health=Health.UNKNOWN)
    assert rendered(report._replace(findings=(unknown,)), "nagios", Hints())[1] == 3
    assert rendered(OverviewReport(()), "nagios", Hints())[0].startswith("OK - nothing wrong")


def test_the_command_tells_a_lab_s_fault_as_json(
    closed: Lab, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run(["overview.check", f"--lab={closed.root}", "--json"])
    document = json.loads(capfd.readouterr().out)
    assert code == document["exit_code"] == 1
    assert document["schema"] == "overview.check/1"
    first = document["findings"][0]
    assert first["name"] == "sockets.smtpd:milter-manager"
    assert first["remedy"]["action"] == "sockets.fix"
    assert {one["service"]["name"] for one in document["services"]} >= {"postfix", "opendkim"}
    assert document["chains"][0]["milters"][0]["name"] == "milter-manager"


def test_it_is_quiet_for_cron_the_second_time(
    closed: Lab, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["overview.check", f"--lab={closed.root}", "--since-last"]
    assert run(words) == 1
    assert "new: smtpd → milter-manager" in capfd.readouterr().out
    assert run(words) == 0
    assert capfd.readouterr().out == ""
    acknowledged = [*words, "--ack=sockets.smtpd:milter-manager@2999-12-31"]
    assert run(acknowledged) == 0
    assert capfd.readouterr().out == "", "what is acknowledged is not gone"
    assert run(words) == 1
    assert "new: smtpd → milter-manager" in capfd.readouterr().out
