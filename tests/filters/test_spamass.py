"""spamass-milter before a real spamd: what becomes of spam, and without the scanner."""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from actions.chain.samples import GTUBE
from tests.filters.reading import actions_of, edits, headers_after, steps_of
from tests.filters.spamassassin import start_spamass_milter, start_spamd
from tests.milters.asking import ask

if TYPE_CHECKING:
    from tests.filters.daemons import Daemon, Daemons


@pytest.mark.parametrize("sample", ["clean", "8bit", "multipart", "large", "many-recipients"])
def test_clean_mail_passes(spamass_milter: Daemon, sample: str) -> None:
    report = ask(spamass_milter.spec, sample=sample)
    assert report.status == "pass"
    told = {name: value for _, name, value in edits(report.milters[0])}
    if sample == "large":  # spamc leaves more than 500 KB alone
        assert not told
        return
    assert told["X-Spam-Status"].startswith("No, score=")
    assert headers_after(report, "X-Spam-Status") == [told["X-Spam-Status"]]


def test_spam_is_rejected_with_the_reply_of_the_milter(spamass_milter: Daemon) -> None:
    report = ask(spamass_milter.spec, sample="gtube")
    assert report.status == "reject"
    assert report.decided_by == spamass_milter.name
    assert report.decided_at is not None
    assert report.decided_at.words == "end of message"
    assert report.reply == "550 5.7.1 Blocked by SpamAssassin"


def test_reply_of_its_own_setting_is_told(daemons: Daemons, spamd: Daemon) -> None:
    """It does not double the percent sign, as libmilter wants it; Postfix then drops it."""
    options = ("-r", "15", "-C", "5.7.0", "-R", "We want no 100% spam")
    milter = start_spamass_milter(daemons, spamd, "wordy", *options)
    report = ask(milter.spec, sample="gtube")
    assert report.reply == "550 5.7.0 We want no 100 spam"


def test_spam_is_marked_where_it_may_not_reject(daemons: Daemons, spamd: Daemon) -> None:
    milter = start_spamass_milter(daemons, spamd, "marking")
    report = ask(milter.spec, sample="gtube", header=("Subject: Buy this",))
    assert report.status == "pass"
    told = edits(report.milters[0])
    assert ("change header", "Subject", "[SPAM] Buy this") in told
    assert headers_after(report, "Subject") == ["[SPAM] Buy this"]
    assert headers_after(report, "X-Spam-Flag") == ["YES"]
    (status,) = headers_after(report, "X-Spam-Status")
    assert "GTUBE" in status
    assert "replace body" in {kind for kind, _, _ in told}
    report_of_it, why, _, original = message_from_bytes(report.message_after).walk()
    assert report_of_it.get_content_type() == "multipart/mixed"
    assert b"GTUBE" in why.get_payload(decode=True)
    assert original["Subject"] == "Buy this"
    assert GTUBE in original.get_payload(decode=True)


def test_spam_is_sent_to_a_bucket(daemons: Daemons, spamd: Daemon) -> None:
    milter = start_spamass_milter(daemons, spamd, "bucket", "-b", "spam@example.org")
    recipients = ("one@example.org", "two@example.org")
    report = ask(milter.spec, sample="gtube", recipient=recipients)
    assert report.status == "pass"
    told = edits(report.milters[0])
    assert ("delete recipient", "<one@example.org>", "") in told
    assert ("delete recipient", "<two@example.org>", "") in told
    assert ("add recipient", "spam@example.org", "") in told
    assert headers_after(report, "X-Spam-Orig-To") == ["<one@example.org>", "<two@example.org>"]


def test_headers_that_claim_a_result_do_not_stay(spamass_milter: Daemon) -> None:
    forged = ("X-Spam-Flag: NO", "X-Spam-Status: No, believe me")
    report = ask(spamass_milter.spec, header=forged)
    assert headers_after(report, "X-Spam-Flag") == []
    (status,) = headers_after(report, "X-Spam-Status")
    assert status.startswith("No, score=")


def test_an_address_that_is_not_checked(daemons: Daemons, spamd: Daemon) -> None:
    milter = start_spamass_milter(daemons, spamd, "sparing", "-r", "15", "-i", "192.168.0.0/16")
    assert ask(milter.spec, sample="gtube", profile="inside").status == "accept"
    assert ask(milter.spec, sample="gtube", profile="outside").status == "reject"


def test_a_user_who_is_not_checked(daemons: Daemons, spamd: Daemon) -> None:
    milter = start_spamass_milter(daemons, spamd, "trusting", "-r", "15", "-I")
    assert ask(milter.spec, sample="gtube", profile="authenticated").status == "accept"
    assert ask(milter.spec, sample="gtube", profile="outside").status == "reject"


def test_what_it_negotiates_is_told(spamass_milter: Daemon) -> None:
    (milter,) = ask(spamass_milter.spec).milters
    assert actions_of(milter) == {"add headers", "change body", "change headers"}
    assert steps_of(milter) == {"no unknown commands", "no data"}


def test_without_the_scanner_spam_passes_unmarked(daemons: Daemons) -> None:
    """What it does then is to let all pass: the absence of its headers is the only sign."""
    scanner = start_spamd(daemons, "spamd-ended")
    scanner.wait()
    milter = start_spamass_milter(daemons, scanner, "unguarded", "-r", "15")
    assert ask(milter.spec, sample="gtube").status == "reject"
    scanner.end()
    report = ask(milter.spec, sample="gtube")
    assert report.status == "pass"
    assert not report.milters[0].edits
    assert not report.milters[0].trouble
