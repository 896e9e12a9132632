"""The diff of a message: what milters changed, and nothing else."""

from __future__ import annotations

from actions.chain.difference import (
    COMPARED,
    LONGEST,
    alone,
    body_lines,
    changed,
    compared,
    near_differences,
    whole,
)
from actions.milter.chain import Edited
from actions.milter.message import Content, Envelope, Header


def an_edit(milter: str, before: Content, after: Content, *recipients: bytes) -> Edited:
    envelope = Envelope(b"a@example.net", (b"b@example.org",))
    return Edited(milter, before, after, envelope, envelope._replace(recipients=recipients))


FIRST = Content((Header(b"From", b" a@example.net"),), b"one\r\ntwo\r\n")
SECOND = Content((*FIRST.headers, Header(b"X-A", b" yes,\n\tfolded \x1b[31m")), FIRST.body)
THIRD = Content(SECOND.headers, b"one\r\nthree\r\n")


def test_only_what_is_near_a_difference_is_shown() -> None:
    old = [str(number) for number in range(40)]
    new = [*old[:20], "new", *old[20:]]
    shown = [f"{line.sign}{line.text}" for line in near_differences(list(compared(old, new)))]
    assert shown == [" …", " 17", " 18", " 19", "+new", " 20", " 21", " 22", " …"]


def test_the_whole_is_from_the_first_milter_to_the_last() -> None:
    edits = [
        an_edit("a", FIRST, SECOND, b"b@example.org"),
        an_edit("b", SECOND, THIRD, b"b@example.org", b"c@example.org"),
    ]
    told = whole(edits)
    assert [line.text for line in changed(told.headers)] == ["X-A: yes,", "\tfolded \\x1b[31m"]
    assert [f"{line.sign}{line.text}" for line in told.body] == [" one", "-two", "+three"]
    assert (told.bytes_before, told.bytes_after, told.not_compared) == (10, 12, 0)


def test_each_milters_part_is_told_alone() -> None:
    told = alone(an_edit("b", SECOND, THIRD, b"b@example.org", b"c@example.org"))
    assert told.milter == "b"
    assert not changed(told.headers)
    assert [line.text for line in changed(told.envelope)] == ["RCPT TO:<c@example.org>"]
    assert not alone(an_edit("a", FIRST, SECOND)).body


def test_lines_that_were_not_compared_are_counted() -> None:
    long = FIRST._replace(body=b"x\r\n" * (COMPARED + 7))
    assert alone(an_edit("a", long, FIRST)).not_compared == 7
    assert body_lines(long.body, 2) == (["x", "x"], COMPARED + 7)
    assert body_lines(b"x\r\n" * 2, 2) == (["x", "x"], 2)
    assert body_lines(b"x\ny\nz", 2) == (["x", "y"], 3)
    assert body_lines(b"\r\n\r\n", 5) == (["", ""], 2)


def test_a_body_of_any_size_is_shown_in_part() -> None:
    large = FIRST._replace(body=b"ab\r\n" * 1_000_000)
    told = alone(an_edit("a", FIRST, large))
    assert told.not_compared == 1_000_000 - COMPARED
    assert len(told.body) <= 2 + COMPARED
    line = alone(an_edit("a", FIRST, FIRST._replace(body=b"x" * 5_000_000))).body[-1]
    assert line.text == "x" * LONGEST + "… (4,999,000 more bytes)"


def test_lines_that_repeat_are_compared_at_once() -> None:
    before = FIRST._replace(body=b"a\r\n" * COMPARED)
    told = alone(an_edit("a", before, FIRST._replace(body=b"a\r\nb\r\n" * (COMPARED // 2))))
    assert {line.sign for line in told.body} >= {"+", "-"}
