"""clamav-milter before a real clamd: what becomes of a virus, and without the scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.filters.clamav import VIRUS, start_clamav_milter, start_clamd
from tests.filters.reading import actions_of, edits, headers_after, steps_of
from tests.milters.asking import ask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.filters.daemons import Daemon, Daemons

FOUND = f"{VIRUS}.UNOFFICIAL"
"""The signature's name, as clamd tells one that is not of its makers."""


@pytest.mark.parametrize("sample", ["clean", "8bit", "multipart", "large", "many-recipients"])
def test_clean_mail_passes(clamav_milter: Daemon, sample: str) -> None:
    report = ask(clamav_milter.spec, sample=sample)
    assert report.status == "accept"
    (milter,) = report.milters
    (_, scanned, by), status = edits(milter)
    assert scanned == "X-Virus-Scanned"
    assert by.startswith("clamav-milter ")
    assert by.endswith(" at filter.test")
    assert status == ("add header", "X-Virus-Status", "Clean")
    assert headers_after(report, "X-Virus-Status") == ["Clean"]


def test_a_virus_is_rejected_with_the_reply_of_the_milter(clamav_milter: Daemon) -> None:
    report = ask(clamav_milter.spec, sample="eicar")
    assert report.status == "reject"
    assert report.decided_by == clamav_milter.name
    assert report.decided_at is not None
    assert report.decided_at.words == "end of message"
    assert report.reply == f"550 5.7.1 {FOUND} found here"
    assert ("add header", "X-Virus-Status", f"Infected ({FOUND})") in edits(report.milters[0])


def test_a_virus_in_an_attachment_is_found(clamav_milter: Daemon, tmp_path: Path) -> None:
    from email.message import EmailMessage

    from actions.chain.samples import EICAR

    message = EmailMessage()
    message["From"], message["To"] = "sender@example.net", "recipient@example.org"
    message.set_content("See the attachment.")
    message.add_attachment(EICAR, maintype="application", subtype="x-test", filename="a.com")
    path = tmp_path / "attachment.eml"
    path.write_bytes(message.as_bytes())
    assert EICAR not in path.read_bytes()
    assert ask(clamav_milter.spec, message=str(path)).status == "reject"


def test_a_virus_is_quarantined_with_the_reason(holding_clamav_milter: Daemon) -> None:
    report = ask(holding_clamav_milter.spec, sample="eicar")
    assert report.status == "quarantine"
    assert report.decided_by == holding_clamav_milter.name
    assert report.because == "quarantined by clamav-milter"
    assert report.reply == ""
    assert ("quarantine", "", report.because) in edits(report.milters[0])
    assert headers_after(report, "X-Virus-Status") == [f"Infected ({FOUND})"]


@pytest.mark.parametrize("action", ["Blackhole", "Defer", "Accept"])
def test_other_ways_to_treat_a_virus(daemons: Daemons, clamd: Daemon, action: str) -> None:
    milter = start_clamav_milter(daemons, clamd, action, f"OnInfected {action}\n")
    report = ask(milter.spec, sample="eicar")
    expected = {"Blackhole": "discard", "Defer": "temporary-failure", "Accept": "accept"}
    assert report.status == expected[action]


def test_headers_that_are_there_already_are_replaced(clamav_milter: Daemon) -> None:
    report = ask(clamav_milter.spec, header=("X-Virus-Status: Clean, believe me",))
    told = edits(report.milters[0])
    assert told[0] == ("delete header", "X-Virus-Status", "")
    assert told[-1] == ("add header", "X-Virus-Status", "Clean")
    assert headers_after(report, "X-Virus-Status") == ["Clean"]


def test_headers_that_are_there_already_stay_below_inserted_ones(
    holding_clamav_milter: Daemon,
) -> None:
    report = ask(holding_clamav_milter.spec, header=("X-Virus-Status: Clean, believe me",))
    assert ("insert header", "X-Virus-Status", "Clean") in edits(report.milters[0])
    assert headers_after(report, "X-Virus-Status") == ["Clean", "Clean, believe me"]


def test_what_it_negotiates_is_told(clamav_milter: Daemon, holding_clamav_milter: Daemon) -> None:
    rejecting, holding = ask(clamav_milter.spec, holding_clamav_milter.spec).milters
    assert actions_of(rejecting) >= {"add headers", "change headers"}
    assert actions_of(holding) == {"add headers", "quarantine"}
    assert {"no helo", "no data", "no end of headers"} <= steps_of(rejecting)


def test_without_the_scanner_mail_is_put_off(daemons: Daemons) -> None:
    scanner = start_clamd_again(daemons)
    milter = start_clamav_milter(daemons, scanner, "alone", "OnInfected Reject\n")
    assert ask(milter.spec, sample="eicar").status == "reject"
    scanner.end()
    report = ask(milter.spec, sample="eicar")
    assert report.status == "temporary-failure"
    assert report.decided_by == "alone"
    assert report.decided_at is not None
    assert report.decided_at.words == "header"
    assert report.reply == "451 4.7.1 Service unavailable - try again later"


def test_a_header_too_long_for_libmilter_is_named(clamav_milter: Daemon) -> None:
    report = ask(clamav_milter.spec, header=(f"X-Long: {'x' * 70_000}",))
    assert report.status == "undecided"
    (milter,) = report.milters
    assert milter.trouble is not None
    assert milter.trouble.kind == "closed"
    assert any("over 65535 bytes" in note for note in report.notes)
    assert ask(clamav_milter.spec).status == "accept"


def start_clamd_again(daemons: Daemons) -> Daemon:
    """Start a scanner of one test's own, which it may end."""
    scanner = start_clamd(daemons, "clamd-alone")
    scanner.wait()
    return scanner
