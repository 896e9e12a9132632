"""Mail through the lab: what arrives, what is refused, and what the log says of it."""

from __future__ import annotations

import base64
import re
import smtplib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console.lab.kit import (
    DIAL_UP,
    EICAR,
    GTUBE,
    INSIDE,
    OUTSIDE,
    Answer,
    edited,
    log,
    log_size,
    send,
)

if TYPE_CHECKING:
    from console.lab.lab import Lab

CLAMAV = "/etc/clamav/clamav-milter.conf"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d mx1\.example\.org "


def mails(lab: Lab, user: str) -> list[str]:
    folder = Path(lab.root, "var/mail", user, "Maildir/new")
    return [path.read_text() for path in sorted(folder.iterdir())] if folder.exists() else []


def test_a_mail_arrives_with_what_the_milters_added(lab: Lab) -> None:
    since = log_size(lab)
    code, text = send(lab, recipient="carol@example.org")
    assert code == 250
    queue_id = text.rpartition(" ")[2]
    (mail,) = mails(lab, "carol")
    head = mail.partition("\n\n")[0]
    names = re.findall(r"^(\S+):", head, re.MULTILINE)
    assert names == [
        "Return-Path",
        "X-Original-To",
        "Delivered-To",
        "Received",
        "X-Lab-Signature",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "X-Greylist",
        "X-Virus-Scanned",
        "X-Virus-Status",
        "X-Spam-Status",
    ]
    assert f"with ESMTP id {queue_id}" in head
    assert mail.endswith("\n\nhello\n")

    told = log(lab, "disconnect from mail.example.net", since)
    client = r"mail\.example\.net\[203\.0\.113\.7\]"
    to = rf"{queue_id}: to=<carol@example\.org>, relay=local"
    sent = r"dsn=2\.0\.0, status=sent \(delivered to maildir\)"
    counts = "ehlo=2 mail=1 rcpt=1 data=1 quit=1 commands=6"
    for line in (
        r"postfix/smtpd\[\d+\]: connect from localhost\[127\.0\.0\.1\]",
        rf"postfix/smtpd\[\d+\]: {queue_id}: client={client}",
        rf"postfix/cleanup\[\d+\]: {queue_id}: message-id=<one@example\.net>",
        rf"opendkim\[\d+\]: {queue_id}: X-Lab-Signature field added \(s=lab, d=example\.org\)",
        rf"postfix/qmgr\[\d+\]: {queue_id}: from=<a@\S+>, size=\d+, nrcpt=1 \(queue active\)",
        rf"postfix/local\[\d+\]: {to}, delay=\S+, delays=\S+, {sent}",
        rf"postfix/qmgr\[\d+\]: {queue_id}: removed",
        rf"postfix/smtpd\[\d+\]: disconnect from {client} {counts}",
    ):
        assert re.search(f"^{TIME}{line}$", told, re.MULTILINE), line


def test_gtube_is_refused_by_the_spam_filter(lab: Lab) -> None:
    since = log_size(lab)
    assert send(lab, GTUBE) == (550, "5.7.1 Blocked by SpamAssassin")
    assert (
        "milter-reject: END-OF-MESSAGE from mail.example.net[203.0.113.7]: 5.7.1 Blocked by "
        "SpamAssassin; from=<a@example.net> to=<alice@example.org> proto=ESMTP "
        "helo=<mail.example.net>\n"
    ) in log(lab, "disconnect", since)


def test_eicar_is_refused_by_the_virus_filter_by_its_name(lab: Lab) -> None:
    since = log_size(lab)
    refusal = Answer(550, "5.7.1 Infected by Eicar-Test-Signature")
    assert send(lab, EICAR) == refusal
    assert send(lab, base64.encodebytes(EICAR.encode()).decode()) == refusal
    told = log(lab, "disconnect", since)
    assert "infected by Eicar-Test-Signature" in told
    assert "milter-reject: END-OF-MESSAGE from mail.example.net[203.0.113.7]: 5.7.1 Infe" in told


def test_a_dial_up_client_is_greylisted(lab: Lab) -> None:
    since = log_size(lab)
    code, text = send(lab, client=DIAL_UP)
    assert (code, text[:5]) == (451, "4.7.1")
    assert "please come back in 00:10:00" in text or "please come back in 00:09" in text
    told = log(lab, "disconnect", since)
    assert (
        "NOQUEUE: milter-reject: RCPT from dsl-203-0-113-9.example.net[203.0.113.9]: "
        "451 4.7.1 Greylisting in action"
    ) in told
    assert "rcpt=0/1" in told
    with edited(
        lab, "/etc/milter-greylist/greylist.conf", "greylist 10m", "greylist 1s", "milter-greylist"
    ):
        assert send(lab, client=DIAL_UP).code == 451
        time.sleep(1.05)
        assert send(lab, client=DIAL_UP).code == 250


def test_only_inside_clients_may_relay_and_nothing_leaves_the_lab(lab: Lab) -> None:
    since = log_size(lab)
    assert send(lab, recipient="x@elsewhere.example") == (
        554,
        "5.7.1 <x@elsewhere.example>: Relay access denied",
    )
    assert send(lab, client=INSIDE, recipient="x@elsewhere.example").code == 250
    told = log(lab, "disconnect from pc.example.org", since)
    assert "NOQUEUE: reject: RCPT from mail.example.net[203.0.113.7]: 554 5.7.1 <x@" in told
    assert "dsn=4.3.2, status=deferred (deferred transport)" in told
    assert len(list(Path(lab.root, "var/spool/postfix/deferred").iterdir())) == 1


def test_an_impossible_mailbox_is_refused(lab: Lab) -> None:
    assert send(lab, recipient="../../etc@example.org").code == 550
    assert send(lab, recipient="alice+list@example.org").code == 250
    assert mails(lab, "alice")[-1].count("alice+list@example.org") == 4


def test_a_quarantined_mail_is_held(lab: Lab) -> None:
    since = log_size(lab)
    with edited(lab, CLAMAV, "OnInfected Reject", "OnInfected Quarantine", "clamav-milter"):
        code, text = send(lab, EICAR)
    assert code == 250
    held = Path(lab.root, "var/spool/postfix/hold", text.rpartition(" ")[2])
    assert EICAR in held.read_text()
    verdict = "milter-hold: END-OF-MESSAGE from mail.example.net[203.0.113.7]: milter triggers HOLD"
    assert verdict in log(lab, "disconnect", since)


def test_a_discarded_mail_is_accepted_and_gone(lab: Lab) -> None:
    since = log_size(lab)
    before = mails(lab, "dave")
    with edited(lab, CLAMAV, "OnInfected Reject", "OnInfected Blackhole", "clamav-milter"):
        assert send(lab, EICAR, recipient="dave@example.org").code == 250
    assert mails(lab, "dave") == before
    assert "milter triggers DISCARD action" in log(lab, "disconnect", since)


def test_a_milter_that_is_down_costs_what_milter_default_action_says(lab: Lab) -> None:
    lab.host.units.operate("stop", "opendkim")
    try:
        assert send(lab) == (451, "4.7.1 Service unavailable - try again later")
        with edited(lab, "/etc/postfix/main.cf", "action = tempfail", "action = accept", "postfix"):
            assert send(lab, recipient="grace@example.org").code == 250
    finally:
        lab.host.units.operate("start", "opendkim")
    (mail,) = mails(lab, "grace")
    assert "X-Lab-Signature" not in mail


def test_several_mails_in_one_session_and_a_reset_between(lab: Lab) -> None:
    since = log_size(lab)
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        for subject in ("one", "two"):
            message = f"Subject: {subject}\r\n\r\nx\r\n"
            assert smtp.sendmail("", ["erin@example.org", "postmaster"], message) == {}
        smtp.mail("a@example.net")
        smtp.rcpt("erin@example.org")
        smtp.rset()
    assert [mail.partition("Subject: ")[2][:3] for mail in mails(lab, "erin")] == ["one", "two"]
    assert len(mails(lab, "postmaster")) == 2
    assert "rset=" not in log(lab, "disconnect", since)
    assert list(Path(lab.root, "var/spool/postfix/incoming").iterdir()) == []


def test_a_client_that_leaves_in_the_middle_leaves_nothing(lab: Lab) -> None:
    since = log_size(lab)
    smtp = smtplib.SMTP("127.0.0.1", lab.smtp_port)
    smtp.ehlo("x")
    smtp.mail("a@example.net")
    smtp.rcpt("alice@example.org")
    smtp.close()
    told = log(lab, "disconnect from localhost[127.0.0.1] ehlo=1 mail=1 rcpt=1 commands=3", since)
    assert "lost connection after RCPT from localhost[127.0.0.1]" in told
    assert list(Path(lab.root, "var/spool/postfix/incoming").iterdir()) == []


def test_what_strangers_type_can_not_break_a_log_line(lab: Lab) -> None:
    since = log_size(lab)
    send(lab, headers="Message-ID: <\x1b]0;x\x07\r\n 2026 mx1 fake[1]: line>\r\n")
    told = log(lab, "disconnect", since)
    assert "\x1b" not in told
    assert "message-id=<#033]0;x#007" in told
    assert all(re.match(TIME, line) for line in told.splitlines())


def test_large_and_8_bit_mails_pass(lab: Lab) -> None:
    line = "grüße " * 12 + "\r\n"
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        content = b"Subject: big\r\n\r\n" + line.encode() * 5000
        smtp.sendmail("a@example.net", ["frank@example.org"], content, ["BODY=8BITMIME"])
    assert mails(lab, "frank")[-1].count("grüße") == 60_000


def test_only_loopback_may_speak_for_others_and_only_what_is_known(lab: Lab) -> None:
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        smtp.ehlo("x")
        assert smtp.has_extn("xclient")
        assert smtp.docmd("XCLIENT", "HAT=red")[0] == 501
        assert smtp.docmd("XCLIENT", "NAME=[UNAVAILABLE] ADDR=203.0.113.50 LOGIN=bob")[0] == 220
        smtp.ehlo("y")
        smtp.mail("a@example.net")
        assert smtp.rcpt("x@elsewhere.example")[0] == 250, "bob has logged in"


def test_outside_means_a_public_documentation_address() -> None:
    assert OUTSIDE.address.startswith("203.0.113.")
