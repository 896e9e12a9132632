"""Every kind of expectation against a real milter, met and missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.running import Milters, Running

REJECTS: dict[str, Any] = {"replies": {"end": ["550", "5.7.1", "Go away"]}}
EDITS: dict[str, Any] = {
    "edits": [
        ["addheader", "X-Added", "one", -1],
        ["addheader", "X-Put", "first", 0],
        ["chgheader", "Subject", 1, "[SPAM] changed"],
        ["chgheader", "MIME-Version", 1, ""],
        ["replacebody", "another body\r\n"],
        ["chgfrom", "bounce@example.net", ""],
        ["addrcpt", "copy@example.org", ""],
        ["delrcpt", "recipient@example.org"],
    ]
}
REFUSES_ONE: dict[str, Any] = {"replies": {"rcpt": ["continue", ["450", "4.2.0", "Later"]]}}
TWO = 'recipients = ["a@example.org", "b@example.org"]'

OUTCOME = [
    ('verdict = "reject"', 'verdict = "delivered"', "verdict"),
    ('verdict = ["discard", "reject"]', 'verdict = ["pass", "accept"]', "verdict"),
    ('stage = "end"', 'stage = ["rcpt", "data"]', "stage"),
    ('reply = "550 5.7.1 Go away"', 'reply = "550 5.7.1 Go"', "reply"),
    ("reply.code = 550", "reply.code = 551", "reply.code"),
    ('reply.status = "5.7.1"', 'reply.status = "5.7.2"', "reply.status"),
    ('reply.text = "Go away"', 'reply.text = "Go"', "reply.text"),
    ('reply.text.contains = "away"', 'reply.text.contains = "Away"', "reply.text"),
    ('reply.matches = "^550 .* away$"', 'reply.matches = "^551"', "reply.matches"),
    ('message.body = "unchanged"', 'message.body = "changed"', "message.body"),
    ("quarantine = false", "quarantine = true", "quarantine"),
    ('milters.a.verdict = "reject"', 'milters.a.verdict = "pass"', "milters.a.verdict"),
    ("milters.a.asked = true", "milters.a.asked = false", "milters.a.asked"),
    ('milters.a.asked = ["end", "rcpt"]', 'milters.a.asked = "unknown"', "milters.a.asked"),
    ('milters.a.skipped = "unknown"', 'milters.a.skipped = ["body"]', "milters.a.skipped"),
    ("milters.a.no_edits = true", 'milters.a.adds = "X-Added"', "milters.a.adds.X-Added"),
    ('within = "20s"', 'within = "0.001ms"', "within"),
    ("milters.a.within = 20", "milters.a.within = 1e-6", "milters.a.within"),
]

EDITED = [
    ('adds = "X-Added"', 'adds = "X-Other"', "adds.X-Other"),
    ('adds = ["X-Added", "X-Put"]', 'adds = ["X-Added", "Subject"]', "adds.Subject"),
    ('adds.X-Added = "one"', 'adds.X-Added = "on"', "adds.X-Added"),
    ('adds.x-added.contains = "n"', 'adds.X-Added.contains = "t"', "adds.X-Added"),
    ('adds.X-Added.matches = "^o.e$"', 'adds.X-Added.matches = "^e"', "adds.X-Added"),
    ("adds.X-Other = false", "adds.X-Added = false", "adds.X-Added"),
    ('inserts.X-Put = "first"', "inserts.X-Added = true", "inserts.X-Added"),
    ('changes.Subject.contains = "SPAM"', 'changes = "From"', "changes.From"),
    ('deletes = "MIME-Version"', 'deletes = "Date"', "deletes.Date"),
    ('body = "changed"', 'body = "unchanged"', "body"),
    ('body.contains = "another"', 'body.contains = "the test"', "body"),
    ('body = { matches = "^another body$" }', 'body = { is = "another" }', "body"),
    ('sender = "bounce@example.net"', 'sender = "sender@example.net"', "sender"),
    ("sender = true", "sender = false", "sender"),
    (
        'recipients_added = "copy@example.org"',
        'recipients_added = ["other@example.org"]',
        "recipients_added",
    ),
    (
        'recipients_deleted = "recipient@example.org"',
        'recipients_deleted = "copy@example.org"',
        "recipients_deleted",
    ),
    ("quarantine = false", "quarantine = true", "quarantine"),
    ('verdict = "pass"', "no_edits = true", "no_edits"),
]

FINAL = [
    ('headers.Subject = "[SPAM] changed"', 'headers.Subject = "changed"', "headers.Subject"),
    ("headers.MIME-Version = false", "headers.MIME-Version = true", "headers.MIME-Version"),
    ("headers.Date = true", "headers.Date = false", "headers.Date"),
    ('headers = ["X-Added", "From"]', 'headers = "X-Missing"', "headers.X-Missing"),
    ('body.contains = "another"', 'body.contains = "other than"', "body"),
    ('body = "changed"', 'body = "unchanged"', "body"),
    ('sender = "<bounce@example.net>"', 'sender = "x@example.net"', "sender"),
    ('recipients = "copy@example.org"', 'recipients = ["recipient@example.org"]', "recipients"),
]

RECIPIENTS = [
    ('"a@example.org" = "accepted"', '"a@example.org" = "refused"', '"a@example.org"'),
    ('"b@example.org" = "refused"', '"b@example.org" = "accepted"', '"b@example.org"'),
    (
        '"b@example.org" = { accepted = false, by = "a" }',
        '"c@example.org" = "refused"',
        '"c@example.org"',
    ),
    (
        '"b@example.org".reply = "450 4.2.0 Later"',
        '"b@example.org".reply.code = 451',
        '"b@example.org".reply.code',
    ),
    (
        '"b@example.org".reply.text = "Later"',
        '"b@example.org".reply.status = "4.2.1"',
        '"b@example.org".reply.status',
    ),
]


@pytest.fixture(scope="module")
def rejecting(lasting: Milters) -> Running:
    return lasting.start(**REJECTS)


@pytest.fixture(scope="module")
def editing(lasting: Milters) -> Running:
    return lasting.start(**EDITS)


@pytest.mark.parametrize(("met", "missed", "key"), OUTCOME)
def test_of_what_becomes_of_the_message(
    suites: Suites, rejecting: Running, met: str, missed: str, key: str
) -> None:
    assert suites.keys(met, rejecting) == []
    assert suites.keys(missed, rejecting) == [f"expect.{key}"]


@pytest.mark.parametrize(("met", "missed", "key"), EDITED)
def test_of_what_a_milter_changes(
    suites: Suites, editing: Running, met: str, missed: str, key: str
) -> None:
    assert suites.keys(f"milters.a.{met}", editing) == []
    assert suites.keys(f"milters.a.{missed}", editing) == [f"expect.milters.a.{key}"]


@pytest.mark.parametrize(("met", "missed", "key"), FINAL)
def test_of_the_message_as_the_chain_leaves_it(
    suites: Suites, editing: Running, met: str, missed: str, key: str
) -> None:
    assert suites.keys(f"message.{met}", editing) == []
    assert suites.keys(f"message.{missed}", editing) == [f"expect.message.{key}"]


@pytest.mark.parametrize(("met", "missed", "key"), RECIPIENTS)
def test_of_each_recipient(
    suites: Suites, milters: Milters, met: str, missed: str, key: str
) -> None:
    refusing = milters.start(**REFUSES_ONE)
    assert suites.keys(f"recipients.{met}", refusing, head=TWO) == []
    keys = suites.keys(f"recipients.{missed}", refusing, head=TWO)
    assert keys == [f"expect.recipients.{key}"]


@pytest.mark.parametrize(
    ("met", "missed", "key"),
    [
        ('quarantine = "looks bad"', "quarantine = false", "quarantine"),
        ('quarantine.contains = "bad"', 'quarantine = "bad"', "quarantine"),
        ('verdict = "quarantine"', 'verdict = "delivered"', "verdict"),
        ("milters.a.quarantine = true", "milters.a.quarantine = false", "milters.a.quarantine"),
        (
            'milters.a.quarantine = "looks bad"',
            'milters.a.quarantine = "bad"',
            "milters.a.quarantine",
        ),
        # What is held does not go to the milters that follow.
        ('milters.b.skipped = "header"', 'milters.b.asked = "header"', "milters.b.asked"),
    ],
)
def test_of_a_quarantine(suites: Suites, milters: Milters, met: str, missed: str, key: str) -> None:
    holding, other = milters.start_all({"edits": [["quarantine", "looks bad"]]}, {})
    assert suites.keys(met, holding, other) == []
    assert suites.keys(missed, holding, other) == [f"expect.{key}"]


def test_of_a_milter_that_is_not_reached(suites: Suites, milters: Milters) -> None:
    first, second = milters.start_all({"replies": {"connect": "reject"}}, {})
    met = 'milters.b.asked = false\nmilters.a.asked = "connect"\nby = "a"\nstage = "connect"'
    assert suites.keys(met, first, second) == []
    assert suites.keys('milters.b.verdict = "pass"', first, second) == ["expect.milters.b.verdict"]
    assert suites.keys('message.headers = "From"', first, second) == ["expect.message"]


def test_of_who_decides(suites: Suites, milters: Milters) -> None:
    passing, rejecting = milters.start_all({}, REJECTS)
    assert suites.keys('by = "b"', passing, rejecting) == []
    assert suites.keys('by = ["a", "b"]', passing, rejecting) == []
    assert suites.keys('by = "a"', passing, rejecting) == ["expect.by"]
    assert suites.keys('by = "a"', passing) == ["expect.by"]


def test_a_difference_tells_what_came(suites: Suites, rejecting: Running) -> None:
    text = '[[scenario]]\nname = "one"\nexpect = { verdict = "delivered", within = 20 }'
    (difference,) = suites.one(text, rejecting).differences
    assert difference.expected == "pass or accept"
    assert difference.came == "reject by a at end of message: 550 5.7.1 Go away"


def test_an_expectation_of_the_defaults_is_found_there(suites: Suites, rejecting: Running) -> None:
    text = """
        [defaults]
        expect = { verdict = "delivered", stage = "mail" }
        [[scenario]]
        name = "one"
        expect.stage = "rcpt"
    """
    keys = [one.key for one in suites.one(text, rejecting).differences]
    assert keys == ["defaults.expect.verdict", "expect.stage"]


def test_folds_of_a_header_do_not_matter(suites: Suites, milters: Milters) -> None:
    folding = milters.start(edits=[["addheader", "X-Long", "one\n\ttwo", -1]])
    assert suites.keys('milters.a.adds.X-Long = "one two"', folding) == []
    assert suites.keys('message.headers.X-Long = "one two"', folding) == []
