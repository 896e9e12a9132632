"""The queue as text, on narrow and wide terminals."""

from __future__ import annotations

import pytest

from actions.amounts import amount, short, span
from actions.finding import Finding, Health
from actions.host.queue import Recipient
from actions.queue.report import (
    DomainCount,
    Message,
    MessageReport,
    Place,
    QueueReport,
    ReasonGroup,
    StateCount,
    WhereReport,
)
from console.render import columns, queue
from console.render.hint import Hints
from console.render.message import headline as message_headline
from console.render.message import render as render_message
from console.render.report import rendered
from console.render.where import render as render_where

NOW = 1_795_390_926.0
REASON = "connect to mx1.example.net[192.0.2.1]:25: Connection timed out"
LONG = (
    "host mx.example.com[203.0.113.5] said: 450 4.2.0 <bob@example.com>: Recipient address "
    "rejected: Greylisted, see http://postgrey.example/help.html (in reply to RCPT TO command)"
)

MESSAGES = (
    Message(
        "A4EFD20C350",
        "deferred",
        int(NOW - 183_600),
        45_678_901,
        "newsletter-with-a-long-name@lists.example.org",
        (Recipient("bob@example.com", LONG), Recipient("eve@example.com", LONG)),
        NOW + 270,
        forced_expire=False,
    ),
    Message(
        "4cZz1R0bq8z2Kn", "deferred", int(NOW - 90), 330, "", (Recipient("a@b.example", REASON),),
        NOW - 5, forced_expire=True,
    ),
    Message(
        "A681420C2FD", "hold", int(NOW), 999, "\x1b[31mevil@example.org",
        (Recipient("hold@example.org", ""),), None, forced_expire=False,
    ),
)  # fmt: skip

REPORT = QueueReport(
    now=NOW,
    states=(
        StateCount("incoming", 0, 0, None),
        StateCount("active", 3, 12_000, int(NOW - 4)),
        StateCount("deferred", 1230, 45_200_000, int(NOW - 183_600)),
        StateCount("hold", 1, 999, int(NOW)),
        StateCount("maildrop", None, 0, None),
        StateCount("corrupt", None, 0, None),
    ),
    matched=1234,
    size=45_213_000,
    oldest=int(NOW - 183_600),
    reasons=(
        ReasonGroup(
            "connect to *:25: Connection timed out",
            812,
            1012,
            (DomainCount("example.com", 700), DomainCount("foo.example", 100)),
            12,
            int(NOW - 183_600),
            REASON,
        ),
        ReasonGroup("host * said", 1, 1, (DomainCount("example.com", 1),), 0, int(NOW), LONG),
    ),
    other_reasons=3,
    next_retry=NOW + 270,
    messages=MESSAGES,
    findings=(
        Finding(Health.DEGRADED, "1230 messages are deferred", "the queue", "more than 500"),
        Finding(Health.DOWN, "Postfix takes no mail: 3.0 MB are free for the queue", "/q", "why"),
    ),
    unseen=("the next attempts, and what is in maildrop and corrupt, can't be seen without root",),
)


@pytest.fixture(params=[80, 200])
def columns_there(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    there: int = request.param
    for module in (columns, queue):
        monkeypatch.setattr(module, "width", lambda: there)
    return there


def test_it_fits_and_says_all(columns_there: int) -> None:
    text = queue.render(REPORT, Hints())
    assert max(map(len, text.split("\n"))) <= columns_there
    assert "\x1b" not in text
    for told in (
        "1234 messages · 45.2 MB",
        "oldest 2 d 3 h",
        "next attempt in 4 min 30 s",
        "◐ 1230 messages are deferred",
        "✗ Postfix takes no mail",
        "maildrop             ?",
        "1012  connect to *:25: Connection timed out",
        "example.com 700 · foo.example 100 · 12 more",
        "… and 3 further reasons",
        "2 d",
        "45.7 MB",
        "→ bob@example.com +1: host mx.example.com[203.0.113.5] said: 450",
        "4cZz1R0bq8z2Kn  expires",
        "now  <>",
        r"\x1b[31mevil@example.org",
        "… and 1231 newer ones: --limit 1234 lists all",
        "read one: console run queue.show A4EFD20C350",
        "? the next attempts",
    ):
        assert told in text, told


def test_an_empty_queue() -> None:
    states = tuple(StateCount(one.state, 0, 0, None) for one in REPORT.states)
    empty = QueueReport(NOW, states, 0, 0, None, (), 0, None, (), ())
    assert "the queue is empty" in queue.render(empty, Hints())
    assert rendered(empty, "nagios", Hints()) == (
        "OK - queue: empty | incoming=0 active=0 deferred=0 hold=0 maildrop=0 corrupt=0",
        0,
    )


def test_one_line_for_monitoring() -> None:
    line, code = rendered(REPORT, "nagios", Hints())
    assert code == 2
    assert line == (
        "CRITICAL - 1230 messages are deferred; Postfix takes no mail: 3.0 MB are free for the "
        "queue: 3 active, 1230 deferred, 1 hold, oldest 2 d 3 h"
        " | incoming=0 active=3 deferred=1230 hold=1 oldest=183600s"
    )
    mild = REPORT._replace(findings=REPORT.findings[:1])
    assert rendered(mild, "nagios", Hints())[0].startswith("WARNING - 1230 messages")
    page, _ = rendered(REPORT, "prometheus", Hints())
    assert 'milter_console_queue_messages{queue="deferred"} 1230' in page
    assert 'queue="maildrop"' not in page


def test_a_message(columns_there: int) -> None:
    report = MessageReport(
        MESSAGES[0],
        NOW,
        (("sender", "x"), ("named_attribute", "log_client_name=mx\x1b[2J"), ("create_time", "y")),
        (("Subject", "one\n\ttwo\x07"), ("", "no header")),
        "text\x1b]0;x\x07\nmore",
        body_cut=True,
    )
    text = render_message(report, Hints())
    assert "\x1b" not in text
    assert "\x07" not in text
    for told in (
        "A4EFD20C350  deferred",
        "next try   in 4 min 30 s",
        "bob@example.com",
        r"log_client_name        mx\x1b[2J",
        r"Subject: one",
        r"     two\x07",
        r"   text\x1b]0;x\x07",
        "… and more, not shown",
        "keep it: console run queue.hold A4EFD20C350",
    ):
        assert told in text, told
    held = report._replace(message=MESSAGES[2], body=None)
    assert "let it go on: console run queue.release" in render_message(held, Hints())
    assert "text" not in render_message(held, Hints())
    assert message_headline(report).startswith("A4EFD20C350 is in deferred for 2 d 3 h")


def test_places() -> None:
    places = (Place("A1B2C3D4E5", "hold"), Place("F1B2C3D4E5", ""))
    text = render_where(WhereReport(places, "gone"), Hints())
    assert "✗ A1B2C3D4E5       hold" in text
    assert "● F1B2C3D4E5       not in the queue" in text
    line, code = rendered(WhereReport(places, "gone"), "nagios", Hints())
    assert (line, code) == (
        "CRITICAL - A1B2C3D4E5 is in hold: 1 hold, 1 not in the queue",
        2,
    )


@pytest.mark.parametrize(
    ("seconds", "words", "one_unit"),
    [
        (0.4, "0 s", ""),
        (59, "59 s", "59 s"),
        (61, "1 min 1 s", "61 s"),
        (270, "4 min 30 s", "4 min"),
        (3600, "1 h", "60 min"),
        (7261, "2 h 1 min", "2 h"),
        (183_600, "2 d 3 h", "2 d"),
        (86_400 * 9 + 59, "9 d", "9 d"),
        (-5, "0 s", ""),
    ],
)
def test_times(seconds: float, words: str, one_unit: str) -> None:
    assert span(seconds) == words
    assert short(seconds) == one_unit


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (45e9, "45.0 GB")],
)
def test_sizes(size: float, words: str) -> None:
    assert amount(size) == words
