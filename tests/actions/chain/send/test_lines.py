"""What Postfix's lines say, and which of them are about our mail. The lines are real ones."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.chain.send.fate import Ends
from actions.chain.send.lines import Judged, Refusal, milter_trouble, read_fact
from actions.chain.send.trace import Ours, Trace
from actions.mailhost.logline import LogLine

MESSAGE_ID = "<1795381382.ca72abcf5557@mx.test.example>"


def said(daemon: str, text: str, pid: int = 1) -> LogLine:
    return LogLine("Nov 22 21:03:01", f"postfix/{daemon}", pid, text)


def judged(text: str) -> Judged:
    found = read_fact(said("smtpd", text)).judged
    assert found is not None
    return found


SENT = (
    "5938720CB52: to=<alice@example.org>, orig_to=<both@example.org>, relay=virtual, delay=0.01, "
    "delays=0.01/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)"
)
DEFERRED = (
    "3bYxyzTVmzzQ9: to=<x@closed.example>, relay=none, delay=1.2e+02, delays=0/0.01/0/0, "
    "dsn=4.4.1, status=deferred (connect to 127.0.0.1[127.0.0.1]:46559: Connection refused)"
)
RELAYED = (
    "7E0CA20CC71: to=<alice@example.org>, relay=127.0.0.1[127.0.0.1]:35951, conn_use=2, "
    "delay=0.03, delays=0/0/0.03/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 8572A20CC91)"
)


class TestDelivery:
    @pytest.mark.parametrize(
        ("text", "to", "orig_to", "relay", "status", "words"),
        [
            (
                *(SENT, "alice@example.org", "both@example.org", "virtual", "sent"),
                "delivered to maildir",
            ),
            (
                *(DEFERRED, "x@closed.example", "", "none", "deferred"),
                "connect to 127.0.0.1[127.0.0.1]:46559: Connection refused",
            ),
            (
                *(RELAYED, "alice@example.org", "", "127.0.0.1[127.0.0.1]:35951", "sent"),
                "250 2.0.0 Ok: queued as 8572A20CC91",
            ),
        ],
    )
    def test_every_part(
        self, text: str, to: str, orig_to: str, relay: str, status: str, words: str
    ) -> None:
        delivery = read_fact(said("smtp", text)).delivery
        assert delivery is not None
        assert (delivery.to, delivery.orig_to, delivery.relay) == (to, orig_to, relay)
        assert (delivery.status, delivery.words) == (status, words)

    @pytest.mark.parametrize(
        ("words", "queue_id"),
        [
            ("250 2.0.0 Ok: queued as 8572A20CC91", "8572A20CC91"),
            (
                "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4bYxyzTVmz",
                "4bYxyzTVmz",
            ),
            ("forwarded as 8572A20CC91", "8572A20CC91"),
            ("delivered to maildir", ""),
        ],
    )
    def test_the_next_queue_id(self, words: str, queue_id: str) -> None:
        text = (
            f"ABCDEF1: to=<a@b>, relay=x, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent ({words})"
        )
        delivery = read_fact(said("smtp", text)).delivery
        assert delivery is not None
        assert delivery.next_id == queue_id


class TestJudged:
    def test_a_restriction(self) -> None:
        found = judged(
            "NOQUEUE: reject: RCPT from localhost[127.0.0.1]: 554 5.7.1 <r@example.org>: Recipient "
            "address rejected: no mail for this one; from=<root@mx> to=<r@example.org> "
            "proto=ESMTP helo=<mx>"
        )
        assert found == Judged(
            "restriction",
            "reject",
            "RCPT",
            "554 5.7.1 <r@example.org>: Recipient address rejected: no mail for this one",
            "root@mx",
            "r@example.org",
            "mx",
            "127.0.0.1",
        )

    def test_a_milter_at_connect(self) -> None:
        found = judged(
            "NOQUEUE: milter-reject: CONNECT from localhost[127.0.0.1]: 550 5.7.1 not at this "
            "stage; proto=SMTP"
        )
        assert found[:4] == ("milter", "reject", "CONNECT", "550 5.7.1 not at this stage")
        assert found[4:] == (None, None, None, "127.0.0.1")

    def test_a_milter_at_the_end(self) -> None:
        found = judged(
            "5938720CB52: milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 spam of "
            "the test; from=<a@b> to=<c@d> proto=ESMTP helo=<mx>"
        )
        assert found[:4] == ("milter", "reject", "END-OF-MESSAGE", "5.7.1 spam of the test")

    def test_a_content_check(self) -> None:
        found = judged(
            "5938720CB52: reject: header Subject: forbidden from localhost[127.0.0.1]; "
            "from=<a@b> to=<c@d> proto=ESMTP helo=<mx>: 5.7.1 this subject is not wanted"
        )
        assert found == Judged(
            *("content check", "reject", "header", "5.7.1 this subject is not wanted"),
            *("a@b", "c@d", "mx", "127.0.0.1"),
        )

    def test_postscreen_puts_commas(self) -> None:
        found = judged(
            "NOQUEUE: reject: RCPT from [192.0.2.7]:44056: 450 4.3.2 Service currently "
            "unavailable; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<mx>"
        )
        assert found[3:7] == ("450 4.3.2 Service currently unavailable", "a@b", "c@d", "mx")
        assert found.client == "192.0.2.7"

    def test_a_login_stands_behind(self) -> None:
        found = judged(
            "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 no; from=<a@b> to=<c@d> "
            "proto=ESMTP helo=<mx> sasl_username=<me>"
        )
        assert found[4:] == ("a@b", "c@d", "mx", "192.0.2.7")

    @pytest.mark.parametrize(
        "text",
        [
            "warning: milter inet:127.0.0.1:1: can't read SMFIC_BODYEOB reply packet header",
            "NOQUEUE: client=localhost[127.0.0.1]",
            "connect from localhost[127.0.0.1]",
        ],
    )
    def test_what_is_no_verdict(self, text: str) -> None:
        assert read_fact(said("smtpd", text)).judged is None


def ours(*refusals: Refusal) -> Ours:
    return Ours(MESSAGE_ID, "root@mx", "mx", ("r@example.org",), "127.0.0.1", refusals)


def texts(trace: Trace) -> list[str]:
    return [fact.line.text for fact in trace.story]


class TestTrace:
    def test_what_was_logged_before_the_id_was_known(self) -> None:
        trace = Trace(ours(), "")
        trace.add([said("smtpd", "ABCDEF1: client=localhost[127.0.0.1]")])
        assert texts(trace) == []
        told = trace.add([said("cleanup", f"ABCDEF1: message-id={MESSAGE_ID}", 2)])
        assert len(told) == len(texts(trace)) == 2
        assert trace.ids == ["ABCDEF1"]

    def test_another_mail_under_the_same_id_is_not_ours(self) -> None:
        trace = Trace(ours(), "ABCDEF1")
        trace.add([said("qmgr", "ABCDEF1: removed")])
        trace.add([said("smtpd", "ABCDEF1: client=elsewhere[192.0.2.1]")])
        assert texts(trace) == ["ABCDEF1: removed"]

    def test_a_remote_queue_id_is_not_looked_for_here(self) -> None:
        sent = (
            "ABCDEF1: to=<a@b>, relay=mx.b[192.0.2.9]:25, delay=0, delays=0/0/0/0, dsn=2.0.0, "
            "status=sent (250 2.0.0 Ok: queued as ABCDEF2)"
        )
        trace = Trace(ours(), "ABCDEF1")
        trace.add([said("smtp", sent), said("smtpd", "ABCDEF2: client=elsewhere[192.0.2.1]")])
        assert texts(trace) == [sent]

    def test_the_same_refusal_from_another_address(self) -> None:
        line = (
            "NOQUEUE: reject: RCPT from x[{}]: 554 5.7.1 no; from=<root@mx> to=<r@example.org> "
            "proto=ESMTP helo=<mx>"
        )
        trace = Trace(ours(Refusal("r@example.org", "554 5.7.1 no", at_connect=False)), "")
        trace.add([said("smtpd", line.format("192.0.2.66"))])
        assert texts(trace) == []
        trace.add([said("smtpd", line.format("127.0.0.1"))])
        assert texts(trace) == [line.format("127.0.0.1")]

    def test_the_same_refusal_of_somebody_else(self) -> None:
        line = (
            "NOQUEUE: reject: RCPT from x[127.0.0.1]: 554 5.7.1 no; from=<{0}> to=<{1}> "
            "proto=ESMTP helo=<{2}>"
        )
        mine = line.format("root@mx", "r@example.org", "mx")
        trace = Trace(ours(Refusal("r@example.org", "554 5.7.1 no", at_connect=False)), "")
        trace.add(
            [
                said("smtpd", line.format("other@mx", "r@example.org", "mx")),
                said("smtpd", line.format("root@mx", "s@example.org", "mx")),
                said("smtpd", line.format("root@mx", "r@example.org", "my")),
                said("smtpd", mine.replace("5.7.1 no", "5.7.2 never")),
                said("smtpd", mine),
            ]
        )
        assert texts(trace) == [mine]

    def test_warnings_of_our_session_only(self) -> None:
        warning = "warning: milter unix:/x: can't read SMFIC_MAIL reply packet header: timed out"
        begin, end = "connect from localhost[127.0.0.1]", "disconnect from localhost[127.0.0.1]"
        trace = Trace(ours(), "ABCDEF1")
        for line in (
            said("smtpd", begin, 5),
            said("smtpd", "warning: before", 5),
            said("smtpd", end, 5),
            said("smtpd", begin, 5),
            said("smtpd", warning, 5),
            said("smtpd", "warning: of another process", 6),
            said("smtpd", "ABCDEF1: client=localhost[127.0.0.1]", 5),
            said("smtpd", "warning: later", 5),
            said("smtpd", end, 5),
            said("smtpd", "warning: after", 5),
        ):
            trace.add([line])
        assert texts(trace) == [warning, "ABCDEF1: client=localhost[127.0.0.1]", "warning: later"]


def ends(*lines: str) -> Ends:
    return Ends(read_fact(said("smtp", line)) for line in lines)


def attempt(
    queue_id: str,
    to: str,
    status: str,
    words: str = "x",
    orig_to: str = "",
    relay: str = "127.0.0.1[127.0.0.1]:10025",
) -> str:
    given = f" orig_to=<{orig_to}>," if orig_to else ""
    return (
        f"{queue_id}: to=<{to}>,{given} relay={relay}, delay=0, delays=0/0/0/0, dsn=2.0.0, "
        f"status={status} ({words})"
    )


class TestEnds:
    def test_the_last_attempt_counts(self) -> None:
        both = ends(attempt("ABCDEF1", "a@b", "deferred"), attempt("ABCDEF1", "a@b", "sent"))
        assert both.fate("A@B", "ABCDEF1").status == "delivered"

    def test_an_alias_is_as_good_as_its_worst(self) -> None:
        both = ends(
            attempt("ABCDEF1", "a@b", "sent", orig_to="all@b"),
            attempt("ABCDEF1", "c@b", "deferred", orig_to="all@b"),
        )
        assert both.fate("all@b", "ABCDEF1").status == "deferred"

    def test_one_that_was_not_tried_yet_is_only_accepted(self) -> None:
        one = ends(attempt("ABCDEF1", "a@b", "sent"))
        assert one.fate("c@b", "ABCDEF1").status == "accepted"
        assert not one.over("ABCDEF1")

    def test_over_when_the_last_hop_is(self) -> None:
        first = (
            attempt("ABCDEF1", "a@b", "sent", "250 Ok: queued as ABCDEF2"),
            "ABCDEF1: removed",
        )
        hop = (*first, "ABCDEF2: client=localhost[127.0.0.1]")
        assert not ends(*hop).over("ABCDEF1")
        assert ends(*hop).fate("a@b", "ABCDEF1").status == "accepted"
        done = (*hop, attempt("ABCDEF2", "a@b", "bounced"), "ABCDEF2: removed")
        assert ends(*done).over("ABCDEF1")
        assert ends(*done).fate("a@b", "ABCDEF1").status == "bounced"

    def test_over_at_once_where_the_next_hop_is_elsewhere(self) -> None:
        gone = ends(
            attempt("ABCDEF1", "a@b", "sent", "250 Ok: queued as ABCDEF2"), "ABCDEF1: removed"
        )
        assert gone.over("ABCDEF1")
        assert gone.fate("a@b", "ABCDEF1").status == "delivered"

    def test_hops_that_go_round_in_a_circle_end(self) -> None:
        circle = ends(
            *(attempt("ABCDEF1", "a@b", "sent", "queued as ABCDEF2"), "ABCDEF1: removed"),
            *(attempt("ABCDEF2", "a@b", "sent", "queued as ABCDEF1"), "ABCDEF2: removed"),
        )
        assert circle.over("ABCDEF1")
        assert circle.fate("a@b", "ABCDEF1").status == "delivered"

    def test_many_recipients_in_a_circle_take_no_time(self) -> None:
        ids = [f"ABCDEF{number:02}" for number in range(20)]
        lines = [
            attempt(one, f"{name}@b", "sent", f"queued as {other}")
            for one in ids
            for name in "abcdef"
            for other in ids
        ]
        circle = ends(*lines, *(f"{one}: removed" for one in ids))
        started = time.thread_time()
        assert circle.over(ids[0])
        assert circle.fate("a@b", ids[0]).status == "delivered"
        assert time.thread_time() - started < 1

    def test_another_hosts_queue_id_is_not_ours(self) -> None:
        far = ends(
            attempt("ABCDEF1", "a@b", "sent", "250 queued as ABCDEF2", relay="mx[192.0.2.1]:25"),
            *("ABCDEF1: removed", attempt("ABCDEF2", "a@b", "bounced")),
        )
        assert far.over("ABCDEF1")
        assert far.fate("a@b", "ABCDEF1").status == "delivered"

    def test_a_bounce_is_not_undone_by_a_later_line(self) -> None:
        both = ends(attempt("ABCDEF1", "a@b", "bounced"), attempt("ABCDEF1", "a@b", "sent"))
        assert both.fate("a@b", "ABCDEF1").status == "bounced"
        assert len(both.contradictions()) == 1

    def test_a_held_mail_that_was_released_goes_on(self) -> None:
        hold = (
            "ABCDEF1: milter-hold: END-OF-MESSAGE from x[192.0.2.7]: milter triggers HOLD action; "
            "from=<a@b> to=<c@d> proto=ESMTP helo=<mx>"
        )
        assert ends(hold).fate("c@d", "ABCDEF1").status == "held"
        released = ends(hold, "ABCDEF1: from=<a@b>, size=1, nrcpt=1 (queue active)")
        assert released.fate("c@d", "ABCDEF1").status == "accepted"

    def test_expired_is_returned(self) -> None:
        gone = ends(attempt("ABCDEF1", "a@b", "expired"))
        assert gone.fate("a@b", "ABCDEF1").status == "bounced"


HOSTILE = (
    'ABCDEF12: to=<"u+a>, relay=x, delay=-, dsn=1, status=x ("@closed.example>, relay=none, '
    "delay=0.1, delays=0/0/0/0, dsn=4.4.1, status=deferred (no)"
)
WORDS = (
    *("ABCDEF12: ", "NOQUEUE: ", "to=<", "orig_to=<", ">, ", "relay=x, ", "delay=", "1.5", "-"),
    *("delays=0/0/0/0, ", "dsn=2.0.0, ", "status=sent ", "(", ")", '"', "\\", "; from=<", "> "),
    *("proto=ESMTP ", "helo=<x>", ": ", "reject: ", "milter-reject: ", "RCPT from ", "header "),
    *("x[127.0.0.1]", "warning: ", "milter unix:/x", "e+", "99999999999", "²", "\n", " ", "a@b"),
)


class TestStrangers:
    def test_an_address_that_plays_the_line(self) -> None:
        fact = read_fact(said("smtp", HOSTILE))
        assert fact.delivery is not None
        assert (fact.delivery.delay, fact.delivery.status) == (0.1, "deferred")
        assert fact.delivery.to.endswith('"@closed.example')

    def test_a_remote_reply_that_plays_the_line(self) -> None:
        fact = read_fact(
            said("smtp", f"{DEFERRED[:-1]}>, relay=x, delay=1, dsn=2.0.0, status=sent (x)")
        )
        assert fact.delivery is not None
        assert fact.delivery.status == "deferred"

    @pytest.mark.parametrize("number", ["-", "1.2.3", "e+1", "9" * 400, "1e999", "²"])
    def test_what_is_no_number(self, number: str) -> None:
        line = SENT.replace("delay=0.01", f"delay={number}")
        assert read_fact(said("virtual", line)).kind == "other"

    def test_an_envelope_in_what_is_quoted_is_not_the_mails(self) -> None:
        found = judged(
            "ABCDEF12: reject: header Subject: x from y[192.0.2.9]; from=<e@f> to=<g@h> "
            "proto=ESMTP helo=<evil>: no from localhost[127.0.0.1]; from=<a@b> to=<c@d> "
            "proto=ESMTP helo=<mx>: 5.7.1 not wanted"
        )
        assert found[3:] == ("5.7.1 not wanted", "a@b", "c@d", "mx", "127.0.0.1")

    def test_only_postfix_tells_of_deliveries(self) -> None:
        for program in ("logger", "opendkim", "x/smtp"):
            assert read_fact(LogLine("", program, 1, SENT)).kind == "other"
        assert read_fact(LogLine("", "postfix-out/smtp", 1, SENT)).kind == "delivery"
        assert read_fact(LogLine("", "mta/smtp", 1, SENT), "mta").kind == "delivery"

    @given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=30))
    def test_no_line_is_too_odd(self, words: list[str]) -> None:
        text = "".join(words)
        read_fact(said("smtpd", text))
        read_fact(said("smtpd", f"ABCDEF12: reject: RCPT{text}"))
        read_fact(said("smtp", f"ABCDEF12: to=<{text}"))
        milter_trouble(text)

    @pytest.mark.parametrize(
        "piece",
        [
            "a>, relay=b, delay=1, ",
            "; from=<a> to=<b>",
            "; from=<a",
            " from x[1]",
            '"\\',
            ": x",
            "(",
        ],
    )
    @pytest.mark.parametrize("head", ["to=<", "to=<a>, relay=", "reject: RCPT", "reject: header a"])
    def test_no_line_takes_long(self, head: str, piece: str) -> None:
        line = said("smtp", f"ABCDEF12: {head}{piece * (4096 // len(piece))}")
        started = time.thread_time()
        read_fact(line)
        assert time.thread_time() - started < 0.3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "warning: connect to Milter service unix:/run/x.sock: Permission denied",
            ("unix:/run/x.sock", "Permission denied", False),
        ),
        (
            "warning: milter inet:[::1]:8891: can't read SMFIC_MAIL reply packet header: timed out",
            ("inet:[::1]:8891", "can't read SMFIC_MAIL reply packet header: timed out", True),
        ),
        ("warning: milter-manager: something", None),
        ("connect to Milter service unix:/x: no", None),
    ],
)
def test_which_milter_a_warning_names(text: str, found: object) -> None:
    assert milter_trouble(text) == found
