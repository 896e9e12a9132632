"""A real mail through a real mail host, followed to its mailbox."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.system.rig.machine import OPERATOR, SUDOER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

RECIPIENT = "alice@example.test"
ACCOUNT, PASSWORD = "alice", "correct horse"
SEND = ("console", "run", "chain.send", "--recipient", RECIPIENT, "--json")


@pytest.fixture
def mailhost(borrowed: Machine) -> Iterator[Machine]:
    """A host whose mailbox is empty before and after."""
    yield borrowed
    borrowed.run(["rm", "-f", f"/var/mail/{ACCOUNT}"]).checked()


@pytest.fixture(scope="module")
def without_files(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A host that logs to its journal only."""
    with booted("debian/healthy") as machine:
        machine.systemctl("disable", "--now", "rsyslog.service", "syslog.socket")
        machine.sh("rm /var/log/mail.log /var/log/syslog")
        yield machine


@pytest.fixture
def journal(without_files: Machine) -> Iterator[Machine]:
    """The same with an empty mailbox."""
    yield without_files
    without_files.run(["rm", "-f", f"/var/mail/{ACCOUNT}"]).checked()


@pytest.mark.parametrize("sudo", [False, True])
def test_a_mail_is_followed_through_the_log(mailhost: Machine, sudo: bool) -> None:
    """Root sees all; so does who becomes root by sudo."""
    ended = mailhost.run(["sudo", "-n", *SEND], user=SUDOER) if sudo else mailhost.run(SEND)
    told = ended.json()
    assert (ended.returncode, told["status"]) == (0, "delivered")
    assert told["followed"]["log"] == "/var/log/mail.log"
    assert "private/dovecot-lmtp" in told["recipients"][0]["relay"]
    mail = mailhost.read(f"/var/mail/{ACCOUNT}")
    assert told["message_id"] in mail
    assert re.search(r"^X-Virus-Status: Clean$", mail, re.MULTILINE)


def test_where_no_file_is_the_log_the_journal_is_followed(journal: Machine) -> None:
    ended = journal.run(SEND)
    told = ended.json()
    assert (ended.returncode, told["status"]) == (0, "delivered")
    assert "journal" in told["followed"]["log"]
    programs = {entry["line"]["program"] for entry in told["story"]}
    assert {"postfix/smtpd", "postfix/cleanup", "postfix/qmgr", "postfix/lmtp"} <= programs
    assert told["message_id"] in journal.read(f"/var/mail/{ACCOUNT}")


def test_a_rejected_mail_names_the_milter_that_did_it(mailhost: Machine) -> None:
    ended = mailhost.run([*SEND, "--sample", "eicar"])
    told = ended.json()
    assert (ended.returncode, told["status"]) == (1, "refused")
    assert told["reply"].startswith("550 5.7.1")
    assert not mailhost.exists(f"/var/mail/{ACCOUNT}")


@pytest.mark.parametrize("log", ["mailhost", "journal"])
def test_who_may_not_read_the_log_is_told_so(request: pytest.FixtureRequest, log: str) -> None:
    machine: Machine = request.getfixturevalue(log)
    ended = machine.run(SEND, user=OPERATOR)
    told = ended.json()
    assert (ended.returncode, told["status"]) == (6, "accepted")
    assert re.search("may not be read|insufficient permissions", told["followed"]["because"])
    machine.wait_for(lambda: machine.exists(f"/var/mail/{ACCOUNT}"), "the delivery")


def test_a_member_of_adm_follows_it_without_root(mailhost: Machine) -> None:
    mailhost.sh("usermod --append --groups adm operator1")
    assert mailhost.run(SEND, user=OPERATOR).json()["status"] == "delivered"
    mailhost.sh("gpasswd --delete operator1 adm")


def test_a_mail_is_submitted_with_a_password(mailhost: Machine) -> None:
    ended = mailhost.run([*SEND, "--user", ACCOUNT, "--password-fd", "0"], input=f"{PASSWORD}\n")
    told = ended.json()
    assert (told["status"], told["port"]) == ("delivered", 587), ended
    assert told["tls"]


def test_a_wrong_password_is_refused(mailhost: Machine) -> None:
    ended = mailhost.run([*SEND, "--user", ACCOUNT, "--password-fd", "0"], input="wrong\n")
    assert ended.returncode != 0
    assert ended.json()["status"] != "delivered"
    assert not mailhost.exists(f"/var/mail/{ACCOUNT}")


def test_dovecot_lets_the_account_in(healthy: Machine) -> None:
    script = """
import imaplib, poplib, sys
for port in (110, 143):
    if port == 110:
        box = poplib.POP3("127.0.0.1")
        box.user("alice"), box.pass_(sys.argv[1]), box.quit()
    else:
        imaplib.IMAP4("127.0.0.1").login("alice", sys.argv[1])
"""
    healthy.python(script, PASSWORD).checked()
    assert healthy.python(script, "wrong").returncode == 1
