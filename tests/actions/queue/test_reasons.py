"""Reasons of delay folded to groups."""

from __future__ import annotations

import pytest

from actions.host.queue import Queued, Recipient
from actions.queue.reasons import DOMAINS, GROUPS, UNKNOWN, Reasons, generalised

TIMED_OUT = "connect to *:25: Connection timed out"
GREYLISTED = (
    "host * said: 450 4.2.0 * Recipient address rejected: Greylisted, see * "
    "(in reply to RCPT TO command)"
)


@pytest.mark.parametrize(
    ("reason", "group"),
    [
        ("connect to mx1.example.net[192.0.2.1]:25: Connection timed out", TIMED_OUT),
        ("connect to mx2.example.net[2001:db8::2]:25: Connection timed out", TIMED_OUT),
        (
            (
                "delivery temporarily suspended: connect to mx1.example.net[192.0.2.1]:25: "
                "Connection timed out"
            ),
            TIMED_OUT,
        ),
        (
            (
                "host mx.example.com[203.0.113.5] said: 450 4.2.0 <bob@example.com>: Recipient "
                "address rejected: Greylisted, see http://postgrey.example/help/example.com.html1 "
                "(in reply to RCPT TO command)"
            ),
            GREYLISTED.replace("450 4.2.0 *", "450 4.2.0 *:"),
        ),
        (
            (
                "host mx[192.0.2.1] said: 451-4.7.650 The mail server [192.0.2.7] has been limited "
                "451 4.7.650 (S775) [AM6EUR05FT047] (in reply to MAIL FROM command)"
            ),
            (
                "host * said: 451-4.7.650 The mail server * has been limited 451 4.7.650 * * "
                "(in reply to MAIL FROM command)"
            ),
        ),
        (
            (
                "Host or domain name not found. Name service error for name=example.invalid "
                "type=MX: Host not found, try again"
            ),
            (
                "Host or domain name not found. Name service error for name=* "
                "type=MX: Host not found, try again"
            ),
        ),
        ("mail transport unavailable", "mail transport unavailable"),
        ("try again in 299 seconds", "try again in * seconds"),
        ("", ""),
    ],
)
def test_what_differs_is_folded(reason: str, group: str) -> None:
    assert generalised(reason) == group
    assert generalised(group) == group


def queued(number: int, *recipients: tuple[str, str], state: str = "deferred") -> Queued:
    told = tuple(Recipient(*one) for one in recipients)
    return Queued(f"A{number:09}", state, 1000 - number, 1, "a@example.org", told)


def test_groups_count_messages_recipients_and_domains() -> None:
    reasons = Reasons()
    slow = "connect to mx{}.example.net[192.0.2.1]:25: Connection timed out"
    reasons.take(queued(1, ("a@One.example", slow.format(1)), ("b@two.example", slow.format(2))))
    reasons.take(queued(2, ("c@one.example", slow.format(3)), ("d@two.example", "full")))
    reasons.take(queued(3, ("e@one.example", "")))
    reasons.take(queued(4, ("f@one.example", "full"), state="hold"))
    groups, others = reasons.groups()
    assert others == 0
    assert [(one.reason, one.messages, one.recipients) for one in groups] == [
        (TIMED_OUT, 2, 3),
        ("full", 1, 1),
        (UNKNOWN, 1, 1),
    ]
    first = groups[0]
    assert first.domains == (("one.example", 2), ("two.example", 1))
    assert (first.oldest, first.example) == (998, slow.format(3))


def test_many_groups_and_domains_are_not_all_told() -> None:
    reasons = Reasons()
    for number in range(GROUPS + 5):
        word = "x" * number
        reasons.take(queued(number, (f"a@{number}.example", f"{word} is full")))
    for number in range(DOMAINS + 3):
        reasons.take(queued(number, (f"a@{number}.example", "slow")))
    groups, others = reasons.groups()
    assert (len(groups), others) == (GROUPS, 6)
    assert groups[0].reason == "slow"
    assert (len(groups[0].domains), groups[0].other_domains) == (DOMAINS, 3)
