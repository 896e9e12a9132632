"""Edits that one real libmilter milter makes, and the message that the next one then gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import milter
import pytest

from tests.milters.driving import Driven

if TYPE_CHECKING:
    from actions.milter.chain import Edited, Outcome
    from tests.milters.running import Milters, Running

MESSAGE = b"From: a@example.net\nX-Tag: one\nX-Tag: two\nSubject: s\n\nthe body\n"
BEFORE = [("From", "a@example.net"), ("X-Tag", "one"), ("X-Tag", "two"), ("Subject", "s")]


class Result(NamedTuple):
    """What became of a message that A edited and B saw."""

    outcome: Outcome
    edited: list[Edited]
    headers: list[tuple[str, str]]
    """As B saw them."""
    body: str
    second: Running


def run(milters: Milters, *edits: list[Any], **script: Any) -> Result:
    """Let A make *edits*, and B look."""
    a, b = milters.start_all({"edits": list(edits), **script}, {})
    with Driven(a.spec, b.spec) as driven:
        outcome = driven.everything(MESSAGE)
    seen = b.events()
    headers = [(one.arguments[0], one.arguments[1]) for one in seen if one.event == "header"]
    body = "".join(one.arguments[0] for one in seen if one.event == "body")
    return Result(outcome, driven.edited(), headers, body, b)


def test_without_edits_b_sees_the_message_as_it_came(milters: Milters) -> None:
    result = run(milters)
    assert (result.headers, result.body) == (BEFORE, "the body\r\n")
    assert result.edited == []


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (["addheader", "X-New", "v", -1], [*BEFORE, ("X-New", "v")]),
        (["addheader", "X-New", "v", 1], [("X-New", "v"), *BEFORE]),
        (["addheader", "X-New", "v", 2], [BEFORE[0], ("X-New", "v"), *BEFORE[1:]]),
        (["addheader", "X-New", "v", 99], [*BEFORE, ("X-New", "v")]),
        (["chgheader", "x-tag", 2, "new"], [*BEFORE[:2], ("x-tag", "new"), BEFORE[3]]),
        (["chgheader", "X-Tag", 0, "new"], [BEFORE[0], ("X-Tag", "new"), *BEFORE[2:]]),
        (["chgheader", "X-Tag", 3, "new"], [*BEFORE, ("X-Tag", "new")]),
        (["chgheader", "X-Tag", 1, ""], [BEFORE[0], *BEFORE[2:]]),
        (["chgheader", "X-Tag", 1, None], [BEFORE[0], *BEFORE[2:]]),
        (["addheader", "X-Fold", "one\n\ttwo", -1], [*BEFORE, ("X-Fold", "one\n\ttwo")]),
    ],
)
def test_b_sees_the_edited_headers(
    milters: Milters, edit: list[Any], after: list[tuple[str, str]]
) -> None:
    result = run(milters, edit)
    assert result.headers == after
    visible = [header.name.decode() for header in result.outcome.content.visible]
    assert visible == [name for name, _ in after]


def test_a_header_above_the_mtas_own_is_seen_and_the_mtas_own_is_not(milters: Milters) -> None:
    result = run(milters, ["addheader", "X-Top", "v", 0])
    assert result.headers == [("X-Top", "v"), *BEFORE]
    assert [header.name for header in result.outcome.content.headers[:2]] == [
        b"X-Top",
        b"Received",
    ]


def test_deletions_shift_the_indexes_after_them(milters: Milters) -> None:
    result = run(milters, ["chgheader", "X-Tag", 1, ""], ["chgheader", "X-Tag", 1, ""])
    assert result.headers == [BEFORE[0], BEFORE[3]]


def test_a_milter_that_writes_the_leading_space_itself_gets_its_way(milters: Milters) -> None:
    result = run(milters, ["addheader", "X-New", "\tv", -1], steps=milter.P_HDR_LEADSPC)
    assert result.outcome.content.headers[-1].line == b"X-New:\tv\r\n"
    assert result.headers[-1] == ("X-New", "\tv")


def test_b_sees_the_new_body(milters: Milters) -> None:
    result = run(milters, ["replacebody", "new\r\nbo"], ["replacebody", "dy\r\n"])
    assert result.body == "new\r\nbody\r\n"
    assert result.outcome.content.body == b"new\r\nbody\r\n"


def test_a_large_new_body_goes_to_b_whole(milters: Milters) -> None:
    body = "0123456789abcd\r\n" * 12_500
    assert run(milters, ["replacebody", body]).body == body


def test_a_body_that_is_resumed_after_another_edit_is_451_and_b_gets_nothing(
    milters: Milters,
) -> None:
    result = run(
        milters, ["replacebody", "one"], ["addheader", "X", "v", -1], ["replacebody", "two"]
    )
    assert result.outcome.action == "tempfail"
    assert result.outcome.reply
    assert result.outcome.reply.text.startswith("451 4.3.5 ")
    assert result.second.told()[-1] == "data"


@pytest.mark.parametrize(
    ("edit", "sender", "recipients"),
    [
        (["chgfrom", "<new@example.net>", None], b"new@example.net", [b"b@example.org"]),
        (["chgfrom", "<>", None], b"", [b"b@example.org"]),
        (["chgfrom", "<n@x>", "ENVID=1"], b"n@x", [b"b@example.org"]),
        (["addrcpt", "<c@example.org>", None], None, [b"b@example.org", b"c@example.org"]),
        (["addrcpt", "<c@x>", "NOTIFY=NEVER"], None, [b"b@example.org", b"c@x"]),
        (["addrcpt", "<b@example.org>", None], None, [b"b@example.org", b"b@example.org"]),
        (["delrcpt", "<b@example.org>"], None, []),
        (["delrcpt", "<B@example.org>"], None, [b"b@example.org"]),
    ],
)
def test_the_envelope_is_edited_and_not_announced_again(
    milters: Milters, edit: list[Any], sender: bytes | None, recipients: list[bytes]
) -> None:
    result = run(milters, edit)
    assert result.outcome.envelope.sender == (b"a@example.net" if sender is None else sender)
    assert list(result.outcome.envelope.recipients) == recipients
    assert result.second.told().count("mail") == result.second.told().count("rcpt") == 1
    assert result.headers == BEFORE


def test_what_each_edit_made_of_the_message_is_told(milters: Milters) -> None:
    result = run(milters, ["addheader", "X-New", "v", -1], ["chgfrom", "<n@x>", None])
    (edited,) = result.edited
    assert len(edited.after.headers) == len(edited.before.headers) + 1
    assert (edited.envelope_before.sender, edited.envelope_after.sender) == (
        b"a@example.net",
        b"n@x",
    )


def test_edits_of_two_milters_add_up_in_their_order(milters: Milters) -> None:
    scripts = [{"edits": [["addheader", f"X-{name}", "v", 1]]} for name in "AB"]
    a, b, c = milters.start_all(*scripts, {})
    with Driven(a.spec, b.spec, c.spec) as driven:
        outcome = driven.everything(MESSAGE)
    seen = [one.arguments[0] for one in c.events() if one.event == "header"]
    assert seen[:3] == ["X-B", "X-A", "From"]
    assert [edited.milter for edited in driven.edited()] == [
        opened.milter for opened in driven.opened()[:2]
    ]
    assert len(outcome.content.visible) == 6


def test_edits_with_a_refusal_reach_nobody(milters: Milters) -> None:
    result = run(milters, ["addheader", "X-New", "v", -1], replies={"end": "reject"})
    assert result.outcome.action == "reject"
    assert result.headers == []


def test_progress_is_counted(milters: Milters) -> None:
    a = milters.start(progress=3)
    with Driven(a.spec) as driven:
        driven.everything()
    ((last,)) = [event for event in driven.events if getattr(event, "progress", 0)]
    assert getattr(last, "progress", 0) == 3
