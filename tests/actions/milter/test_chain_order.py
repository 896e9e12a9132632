"""Two real libmilter milters in a chain: what the second is told after each reply of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import milter
import pytest

from actions.milter.codec import SmtpReply
from actions.milter.protocol import Stage
from tests.milters.driving import EVERYTHING, MESSAGE, Driven
from tests.milters.running import eventually

if TYPE_CHECKING:
    from tests.milters.running import Milters, Running

REJECTED = SmtpReply(550, ("5.7.1 Command rejected",))
TEMPFAILED = SmtpReply(451, ("4.7.1 Service unavailable - try again later",))
BEFORE_CONTENT = EVERYTHING[:5]


def two(milters: Milters, **replies: object) -> tuple[Running, Running]:
    """Start A, which gives *replies*, and B, which continues through everything."""
    first, second = milters.start_all({"replies": replies}, {})
    return first, second


def up_to(event: str) -> list[str]:
    """Return what a milter has been told when it answers its first *event*."""
    return EVERYTHING[: EVERYTHING.index(event) + 1]


@pytest.mark.parametrize("event", ["connect", "helo"])
def test_after_accept_of_the_connection_a_is_out_and_b_sees_everything(
    milters: Milters, event: str
) -> None:
    a, b = two(milters, **{event: "accept"})
    with Driven(a.spec, b.spec) as driven:
        assert driven.greet() is None
        # Postfix closes the socket at once, and the session goes on.
        eventually(lambda: any(seen.event == "close" for seen in a.seen()))
        assert (driven.mail(), driven.rcpt(), driven.chain.data()) == (None, None, None)
        assert driven.content().action == "deliver"
        driven.mail()
    assert a.names() == up_to(event)
    assert b.names() == [*EVERYTHING, "mail", "abort"]


@pytest.mark.parametrize("event", ["mail", "rcpt", "data", "header", "eoh", "body", "end"])
def test_after_accept_of_the_message_a_is_out_for_it_and_b_sees_everything(
    milters: Milters, event: str
) -> None:
    a, b = two(milters, **{event: ["accept", "continue"]})
    with Driven(a.spec, b.spec) as driven:
        assert driven.everything().action == "deliver"
        assert driven.mail() is None
    assert a.told() == [*up_to(event), "mail"]
    assert b.names() == [*EVERYTHING, "mail", "abort"]


@pytest.mark.parametrize(
    ("reply", "smtp"),
    [
        ("reject", REJECTED),
        ("tempfail", TEMPFAILED),
        (["550", "5.7.9", "go away"], SmtpReply(550, ("5.7.9 go away",))),
        (
            ["421", "4.3.2", "later", "much later"],
            SmtpReply(421, ("4.3.2 later", "4.3.2 much later")),
        ),
    ],
)
class TestRefusal:
    def test_at_connect_b_is_not_even_connected(
        self, milters: Milters, reply: object, smtp: SmtpReply
    ) -> None:
        a, b = two(milters, connect=reply)
        with Driven(a.spec, b.spec) as driven:
            assert driven.greet() == smtp
            assert driven.mail() == smtp
            assert len(driven.opened()) == 1
        assert a.names() == ["connect"]
        assert b.seen() == []

    def test_at_helo_b_sees_the_connection_only_and_mail_gets_the_reply(
        self, milters: Milters, reply: object, smtp: SmtpReply
    ) -> None:
        a, b = two(milters, helo=reply)
        with Driven(a.spec, b.spec) as driven:
            assert driven.greet() == smtp
            assert driven.mail() == smtp
            assert driven.mail() == smtp
        assert a.names() == ["connect", "helo"]
        assert b.names() == ["connect"]

    def test_at_mail_b_never_hears_of_the_message(
        self, milters: Milters, reply: object, smtp: SmtpReply
    ) -> None:
        a, b = two(milters, mail=[reply, "continue"])
        with Driven(a.spec, b.spec) as driven:
            driven.greet()
            assert driven.mail() == smtp
            driven.chain.abort()
            assert driven.mail() is None
        assert a.names() == ["connect", "helo", "mail", "mail", "abort"]
        assert b.names() == ["connect", "helo", "mail", "abort"]

    def test_at_rcpt_b_never_hears_of_that_recipient_but_an_earlier_one_does(
        self, milters: Milters, reply: object, smtp: SmtpReply
    ) -> None:
        earlier = milters.start()
        a, b = two(milters, rcpt=["continue", reply, "continue"])
        with Driven(earlier.spec, a.spec, b.spec) as driven:
            driven.greet()
            driven.mail()
            replies = [driven.rcpt(f"{name}@example.org") for name in "xyz"]
            outcome = (driven.chain.data(), driven.content())[1]
        assert replies == [None, smtp, None]
        assert outcome.action == "deliver"
        assert outcome.envelope.recipients == (b"x@example.org", b"z@example.org")
        assert self.recipients(earlier) == ["x", "y", "z"]
        assert self.recipients(a) == ["x", "y", "z"]
        assert self.recipients(b) == ["x", "z"]

    @staticmethod
    def recipients(running: Running) -> list[str]:
        given = (seen.arguments[0] for seen in running.events() if seen.event == "rcpt")
        return [recipient.strip("<>").partition("@")[0] for recipient in given]

    def test_at_data_b_is_aborted(self, milters: Milters, reply: object, smtp: SmtpReply) -> None:
        a, b = two(milters, data=reply)
        with Driven(a.spec, b.spec) as driven:
            driven.greet()
            driven.mail()
            driven.rcpt()
            assert driven.chain.data() == smtp
            driven.chain.abort()
        assert a.told() == BEFORE_CONTENT
        assert b.names() == [*BEFORE_CONTENT[:4], "abort"]

    @pytest.mark.parametrize("event", ["header", "eoh", "body", "end"])
    def test_in_the_content_b_is_only_aborted(
        self, milters: Milters, reply: object, smtp: SmtpReply, event: str
    ) -> None:
        a, b = two(milters, **{event: reply})
        with Driven(a.spec, b.spec) as driven:
            outcome = driven.everything()
        assert outcome.action == ("reject" if smtp.code >= 500 else "tempfail")
        assert outcome.reply == smtp
        assert outcome.decided_by == driven.opened()[0].milter
        assert a.told() == up_to(event)
        assert b.names() == [*BEFORE_CONTENT, "abort"]


@pytest.mark.parametrize("event", ["mail", "rcpt", "data", "header", "eoh", "body", "end"])
def test_after_discard_the_client_hears_250_and_b_nothing_more(
    milters: Milters, event: str
) -> None:
    a, b = two(milters, **{event: "discard"})
    with Driven(a.spec, b.spec) as driven:
        outcome = driven.everything()
    assert (outcome.action, outcome.reply) == ("discard", None)
    assert outcome.decided_by == driven.opened()[0].milter
    assert a.told() == up_to(event)
    assert b.told() == [name for name in up_to(event)[:-1] if name in BEFORE_CONTENT]


def test_after_quarantine_the_client_hears_250_and_b_gets_no_content(milters: Milters) -> None:
    edits = [["addheader", "X-A", "v"], ["quarantine", "looks odd"]]
    a, b = milters.start_all({"edits": edits}, {})
    with Driven(a.spec, b.spec) as driven:
        outcome = driven.everything()
    assert (outcome.action, outcome.reply) == ("quarantine", None)
    assert outcome.quarantine_reason == "looks odd"
    assert outcome.decided_by == driven.opened()[0].milter
    assert outcome.content.headers[-1].name == b"X-A"
    assert b.names() == [*BEFORE_CONTENT, "abort"]


def test_a_refusal_outweighs_a_quarantine(milters: Milters) -> None:
    a = milters.start(edits=[["quarantine", "odd"]], replies={"end": "reject"})
    with Driven(a.spec) as driven:
        assert driven.everything().action == "reject"


@pytest.mark.parametrize("event", ["rcpt", "header", "body"])
def test_after_skip_a_gets_no_more_of_that_event_and_b_all(milters: Milters, event: str) -> None:
    a, b = milters.start_all({"replies": {event: "skip"}, "steps": milter.P_SKIP}, {})
    with Driven(a.spec, b.spec) as driven:
        driven.greet()
        driven.mail()
        driven.rcpt("x@example.org")
        driven.rcpt("y@example.org")
        driven.chain.data()
        outcome = driven.content(MESSAGE + b"x" * 70_000)
    assert outcome.action == "deliver"
    assert a.names().count(event) == 1
    for other in {"rcpt", "header", "body"} - {event}:
        assert a.names().count(other) == 2
    assert [b.names().count(name) for name in ("rcpt", "header", "body")] == [2, 2, 2]
    withheld = {one.withheld for one in driven.exchanges(Stage(event)) if one.withheld}
    assert withheld == {"skipped at the milter's wish"}


def test_a_session_takes_several_messages(milters: Milters) -> None:
    a, b = two(milters, end=["reject", "accept", "discard"])
    with Driven(a.spec, b.spec) as driven:
        actions = [driven.everything().action]
        for _ in range(2):
            driven.mail()
            driven.rcpt()
            driven.chain.data()
            actions.append(driven.content().action)
    assert actions == ["reject", "deliver", "discard"]
    assert a.names().count("end") == 3
    assert b.names().count("end") == 1
    assert {seen.session for seen in (*a.seen(), *b.seen())} == {1}
