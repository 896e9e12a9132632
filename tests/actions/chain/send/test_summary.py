"""What is said where the delivery was not seen."""

from __future__ import annotations

import pytest

from actions.action import Exit
from actions.chain.send.ask import Asked
from actions.chain.send.follow import Seen
from actions.chain.send.mail import Marked
from actions.chain.send.report import SendReport, Status, worst
from actions.chain.send.sent import Answer, Letter, Sent, Server
from actions.chain.send.summary import summed_up
from actions.chain.send.trace import Ours, Trace
from actions.mailhost.logline import LogLine
from console.render.send import headline

TAKEN = Answer(250, "250 2.0.0 Ok: queued as ABCDEF1")
CLIENT = LogLine("Nov 22 21:03:01", "postfix/smtpd", 1, "ABCDEF1: client=localhost[127.0.0.1]")


def told(sent: Sent, *lines: LogLine, closed: str = "", follow: float = 30.0) -> SendReport:
    trace = Trace(Ours("<m@x>", "s@x", "h", ("r@x",), "", sent.refusals), sent.queue_id)
    trace.add(lines)
    server = Server("192.0.2.1", 25, "none", verify=False, ca="")
    letter = Letter("h", "s@x", ("r@x",), b"")
    asked = Asked(server, letter, Marked(b"", "<m@x>", "m"), "clean", "", 60.0, follow)
    return summed_up(asked, sent, (), trace, Seen(30.0), "/log", closed, 31.0)


@pytest.mark.parametrize(
    ("sent", "lines", "because"),
    [
        (Sent(TAKEN), (), "/log said nothing for 30 s"),
        (Sent(TAKEN, same_host=False), (), "the server is another host, /log says nothing"),
        (Sent(TAKEN), (CLIENT,), "still in the queue after 30 s"),
    ],
)
def test_why_it_was_not_seen(sent: Sent, lines: tuple[LogLine, ...], because: str) -> None:
    report = told(sent, *lines)
    assert (report.status, report.exit_code) == ("accepted", Exit.UNDECIDED)
    assert report.because.endswith(because)
    assert report.next_step
    assert headline(report).startswith("accepted: ")


def test_a_closed_log_is_no_reason_where_nobody_asked() -> None:
    report = told(Sent(TAKEN), follow=0.0)
    assert (report.exit_code, report.because) == (Exit.FINE, "")


def test_content_without_a_reply_may_have_been_taken() -> None:
    report = told(Sent(trouble="message: no reply within 60 s", content_sent=True))
    assert (report.status, report.exit_code) == ("undecided", Exit.UNDECIDED)
    assert "the server may have taken the mail" in report.because


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        (("delivered", "refused", "deferred"), "refused"),
        (("delivered", "accepted"), "accepted"),
        (("held", "deferred"), "held"),
        ((), "undecided"),
    ],
)
def test_the_worst_is_the_verdict(statuses: tuple[Status, ...], found: Status) -> None:
    assert worst(statuses) == found
