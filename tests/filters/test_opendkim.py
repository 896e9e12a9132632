"""OpenDKIM, asked as Postfix asks it: what it signs, and that the signature holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.filters.opendkim import SELECTOR, start_signer
from tests.filters.reading import actions_of, chosen, edits, headers_after, steps_of
from tests.milters.asking import ask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.filters.daemons import Daemons
    from tests.filters.opendkim import OpenDkim

RESULTS = "Authentication-Results"


def verified(opendkim: OpenDkim, message: bytes, folder: Path) -> str:
    """Return what the verifier finds in *message*."""
    path = folder / "signed.eml"
    path.write_bytes(message)
    (result,) = headers_after(ask(opendkim.verifier.spec, message=str(path)), RESULTS)
    return result


@pytest.mark.parametrize("profile", ["inside", "authenticated"])
@pytest.mark.parametrize("sample", ["clean", "8bit", "multipart", "large"])
def test_own_mail_is_signed_and_the_signature_holds(
    opendkim: OpenDkim, tmp_path: Path, profile: str, sample: str
) -> None:
    report = ask(opendkim.signer.spec, profile=profile, sample=sample)
    assert report.status == "accept"
    (milter,) = report.milters
    ((kind, name, value),) = edits(milter)
    assert (kind, name) == ("insert header", "DKIM-Signature")
    assert f"d=example.org; s={SELECTOR};" in value
    assert headers_after(report, "DKIM-Signature") == [value]
    assert "dkim=pass" in verified(opendkim, report.message_after, tmp_path)


def test_a_signature_does_not_hold_for_another_body(opendkim: OpenDkim, tmp_path: Path) -> None:
    signed = ask(opendkim.signer.spec, profile="inside").message_after
    forged = signed.replace(b"Nothing is wrong", b"Nothing is right")
    assert forged != signed
    assert "dkim=fail" in verified(opendkim, forged, tmp_path)


def test_mail_from_outside_is_left_alone(opendkim: OpenDkim) -> None:
    report = ask(opendkim.signer.spec, profile="outside", sender="user@example.org")
    assert report.status == "accept"
    (milter,) = report.milters
    assert milter.exchanges[-1].stage.words == "end of headers"
    assert not milter.edits
    assert not headers_after(report, "DKIM-Signature")


def test_mail_of_a_foreign_domain_is_left_alone(opendkim: OpenDkim) -> None:
    report = ask(opendkim.signer.spec, profile="inside", sender="user@example.com")
    assert report.status == "accept"
    assert not report.milters[0].edits


def test_what_it_negotiates_is_told(opendkim: OpenDkim) -> None:
    (milter,) = ask(opendkim.signer.spec, profile="inside").milters
    assert chosen(milter).version == 6
    assert {"add headers", "change headers"} <= actions_of(milter)
    assert {"no helo", "no data", "no unknown commands"} <= steps_of(milter)
    withheld = {exchange.stage.words for exchange in milter.exchanges if exchange.withheld}
    assert withheld == {"helo", "data"}


def test_it_signs_by_the_name_of_the_service(daemons: Daemons) -> None:
    signer = start_signer(daemons, "by-service", "MTA ORIGINATING")
    for name, signed in {"ORIGINATING": True, "another": False}.items():
        report = ask(signer.spec, sender="user@example.org", name=name)
        assert bool(headers_after(report, "DKIM-Signature")) is signed


def test_the_macros_it_asks_for_are_sent_as_often_as_it_asks(daemons: Daemons) -> None:
    signer = start_signer(daemons, "by-macro", "MacroList daemon_name=ORIGINATING")
    report = ask(signer.spec, sender="user@example.org", name="ORIGINATING")
    (milter,) = report.milters
    asked = ("i", "daemon_name", "auth_type", "daemon_name")
    assert chosen(milter).macro_lists == (("end_of_header", asked),)
    sent = next(one.macros for one in milter.exchanges if one.stage.words == "end of headers")
    assert [name for name, _ in sent] == ["i", "daemon_name", "daemon_name"]
    assert headers_after(report, "DKIM-Signature")
    assert not ask(signer.spec, sender="user@example.org", name="another").milters[0].edits


def test_all_recipients_are_told_to_it(opendkim: OpenDkim, tmp_path: Path) -> None:
    recipients = tuple(f"r{number}@example.net" for number in range(3))
    report = ask(opendkim.signer.spec, profile="inside", recipient=recipients)
    (milter,) = report.milters
    told = [asked.argument for asked in milter.exchanges if asked.stage.words == "rcpt"]
    assert told == [f"<{address}>" for address in recipients]
    assert all(recipient.accepted for recipient in report.recipients)
    assert "dkim=pass" in verified(opendkim, report.message_after, tmp_path)
