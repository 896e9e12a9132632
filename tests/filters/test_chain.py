"""Several real filters in a row: what one makes of a message is what the next one gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.milter.chain import Edited
from tests.filters.reading import headers_after
from tests.filters.spamassassin import start_spamass_milter
from tests.milters.asking import ask

if TYPE_CHECKING:
    from tests.filters.daemons import Daemon, Daemons
    from tests.filters.opendkim import OpenDkim

Specs = tuple[str, str, str]


@pytest.fixture
def chain(opendkim: OpenDkim, clamav_milter: Daemon, spamass_milter: Daemon) -> Specs:
    """A scanner for viruses, one for spam, and the signer of what they let through."""
    return clamav_milter.spec, spamass_milter.spec, opendkim.signer.spec


def test_the_second_milter_gets_what_the_first_one_made(opendkim: OpenDkim) -> None:
    report = ask(opendkim.signer.spec, opendkim.verifier.spec, profile="inside")
    assert report.status == "accept"
    (result,) = headers_after(report, "Authentication-Results")
    assert "dkim=pass" in result
    (seen,) = (
        exchange.argument
        for exchange in report.milters[1].exchanges
        if exchange.argument == "DKIM-Signature"
    )
    assert seen


@pytest.mark.parametrize("profile", ["inside", "authenticated"])
def test_clean_mail_goes_through_all(chain: Specs, opendkim: OpenDkim, profile: str) -> None:
    edited: list[str] = []

    def tell(event: object) -> None:
        if isinstance(event, Edited):
            edited.append(event.milter)

    report = ask(*chain, opendkim.verifier.spec, profile=profile, tell=tell)
    assert report.status == "pass"
    assert edited == ["clamav-milter", "spamass-milter", "opendkim", "verifier"]
    assert headers_after(report, "X-Virus-Status") == ["Clean"]
    assert len(headers_after(report, "X-Spam-Status")) == 1
    (result,) = headers_after(report, "Authentication-Results")
    assert "dkim=pass" in result


def test_a_signature_breaks_where_a_later_milter_marks_the_spam(
    daemons: Daemons, spamd: Daemon, opendkim: OpenDkim
) -> None:
    marking = start_spamass_milter(daemons, spamd, "late")
    specs = (opendkim.signer.spec, marking.spec, opendkim.verifier.spec)
    for sample, result in {"clean": "dkim=pass", "gtube": "dkim=fail"}.items():
        report = ask(*specs, profile="inside", sample=sample)
        (found,) = headers_after(report, "Authentication-Results")
        assert result in found


def test_spam_is_refused_before_it_is_signed(chain: Specs) -> None:
    report = ask(*chain, sample="gtube", profile="inside")
    assert report.status == "reject"
    assert report.decided_by == "spamass-milter"
    assert report.reply == "550 5.7.1 Blocked by SpamAssassin"
    scanner, _, signer = report.milters
    assert scanner.verdict == "accept"
    assert not signer.edits
    asked = [exchange.stage.words for exchange in signer.exchanges if not exchange.withheld]
    assert asked == ["connect", "mail", "rcpt"]


def test_a_virus_is_refused_before_spam_is_looked_for(chain: Specs) -> None:
    report = ask(*chain, sample="eicar")
    assert report.status == "reject"
    assert report.decided_by == "clamav-milter"
    assert not report.milters[1].edits


def test_a_quarantined_mail_goes_no_further(
    opendkim: OpenDkim, holding_clamav_milter: Daemon
) -> None:
    specs = (holding_clamav_milter.spec, opendkim.signer.spec)
    report = ask(*specs, sample="eicar", profile="inside")
    assert report.status == "quarantine"
    assert report.decided_by == holding_clamav_milter.name
    assert not headers_after(report, "DKIM-Signature")


def test_many_recipients_go_to_all(chain: Specs) -> None:
    report = ask(*chain, sample="many-recipients", profile="inside")
    assert report.status == "pass"
    for milter in report.milters:
        told = [asked for asked in milter.exchanges if asked.stage.words == "rcpt"]
        assert len(told) == 50
    assert len(headers_after(report, "DKIM-Signature")) == 1


def test_sessions_side_by_side(chain: Specs) -> None:
    report = ask(*chain, profile="inside", threads=8)
    assert {session.status for session in report.sessions} == {"pass"}
    assert len(report.sessions) == 8
