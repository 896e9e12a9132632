"""The diff of a message: what milters changed, and nothing else."""

from __future__ import annotations

from actions.chain.difference import (
    COMPARED,
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
