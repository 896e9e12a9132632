"""The ``-v`` of smtpd in master.cf: put in and taken out, all else kept."""

from __future__ import annotations

import pytest

from actions.action import ActionError
from actions.debug.smtpd import peer, verbose_in, with_verbose, without_any, without_verbose
from actions.host.master import read_master

MASTER = """\
# service type  private unpriv  chroot  wakeup  maxproc command + args
smtp      inet  n       -       y       -       -       smtpd
#smtps     inet  n       -       y       -       -       smtpd -v
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  # a comment amid it
  -o smtpd_milters=
  -o { smtpd_client_restrictions = permit_mynetworks, -v, reject }
10025     inet  n       -       n       -       -
  smtpd -o content_filter=
pickup    unix  n       -       y       60      1       pickup -v
"""
SERVICES = {one.name: one for one in read_master(MASTER, chroot=False)}


@pytest.mark.parametrize("name", ["smtp", "submission", "10025"])
def test_one_word_is_put_in_and_taken_out_again(name: str) -> None:
    service = SERVICES[name]
    loud = with_verbose(MASTER, service)
    assert verbose_in(MASTER) == ()
    assert verbose_in(loud) == (f"{name}/inet",)
    changed = [
        (old, new)
        for old, new in zip(MASTER.split("\n"), loud.split("\n"), strict=True)
        if old != new
    ]
    assert [new.replace("smtpd -v", "smtpd") for _, new in changed] == [changed[0][0]]
    assert without_verbose(loud, service) == MASTER


def test_each_that_somebody_put_in_is_taken_out_and_no_other_programs() -> None:
    text = MASTER.replace("smtpd\n", "smtpd -vv\n").replace("smtpd_milters=", "smtpd_milters= -v")
    assert without_any(text) == MASTER
    assert "pickup -v" in without_any(text)


def test_a_service_that_master_cf_does_not_have_is_refused() -> None:
    with pytest.raises(ActionError, match="no line"):
        with_verbose("", SERVICES["smtp"])


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        (".example.com", ".example.com"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:db8::/32", "[2001:db8::]/32"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_clients_are_written_as_postfix_reads_them(given: str, written: str) -> None:
    assert peer(given) == written


@pytest.mark.parametrize("given", ["", "a b", "$mynetworks", "x, y", "a\nb"])
def test_what_is_no_client_is_refused(given: str) -> None:
    with pytest.raises(ActionError, match="no client"):
        peer(given)
