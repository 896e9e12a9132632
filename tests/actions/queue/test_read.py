"""Lines of ``postqueue -j``, as Postfix 3.1 to 3.10 and odd queues write them."""

from __future__ import annotations

import pytest

from actions.host.queue import Queued, Recipient, is_queue_id, read_message

OLD = (
    '{"queue_name": "deferred", "queue_id": "3B1A05F2C1", "arrival_time": 1483228800, '
    '"message_size": 311, "sender": "a@example.org", "recipients": [{"address": '
    '"b@example.net", "delay_reason": "connect to mx[192.0.2.1]:25: Connection timed out"}]}'
)
"""Postfix 3.1 to 3.4: without forced_expire."""

NEW = (
    '{"queue_name": "hold", "queue_id": "4cZz1R0bq8z2Kn", "arrival_time": 1795390926, '
    '"message_size": 336, "forced_expire": true, "sender": "MAILER-DAEMON", '
    '"recipients": [{"address": "hold@example.org"}], "to_come": {"a": [1]}}'
)
"""Since 3.5, with a long queue id, a bounce, and a member that is not known yet."""


def test_old_and_new_forms() -> None:
    reason = "connect to mx[192.0.2.1]:25: Connection timed out"
    recipients = (Recipient("b@example.net", reason),)
    assert read_message(OLD) == Queued(
        "3B1A05F2C1", "deferred", 1483228800, 311, "a@example.org", recipients
    )
    new = read_message(NEW)
    assert (new.queue_id, new.sender, new.forced_expire) == ("4cZz1R0bq8z2Kn", "", True)
    assert new.recipients == (Recipient("hold@example.org", ""),)


def test_text_of_strangers_stays_as_it_is() -> None:
    line = OLD.replace("a@example.org", '\\"\\u001b[31m x\\"@é.example')
    assert read_message(line).sender == '"\x1b[31m x"@é.example'


def test_a_message_without_recipients() -> None:
    line = '{"queue_name": "active", "queue_id": "3B1A05F2C1", "arrival_time": 1, "recipients": []}'
    assert read_message(line) == Queued("3B1A05F2C1", "active", 1, 0, "", ())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Mail queue is empty",
        "[]",
        "null",
        "{}",
        OLD[:-5],
        OLD.replace("3B1A05F2C1", "-d"),
        OLD.replace("3B1A05F2C1", "ALL"),
        OLD.replace("3B1A05F2C1", "../../x"),
        OLD.replace('"3B1A05F2C1"', "7"),
        OLD.replace("1483228800", '"soon"'),
        OLD.replace('[{"address"', '[{"adress"'),
    ],
)
def test_what_is_no_message(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        read_message(line)


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        ("3B1A05F2C1", True),
        ("4cZz1R0bq8z2Kn", True),
        ("ALL", False),
        ("", False),
        ("-", False),
        ("-d", False),
        ("A B C D E", False),
        ("3B1A05F2C1\n", False),
        ("../../etc/passwd", False),
        ("NOQUEUE", True),
    ],
)
def test_queue_ids(word: str, is_one: bool) -> None:
    assert is_queue_id(word) is is_one
