"""A milter's edits, carried out as Postfix carries them out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.milter.codec import Edit, EditKind
from actions.milter.message import (
    Content,
    Envelope,
    Header,
    InterruptedBody,
    bare_address,
    edit_message,
    parse_message,
)
from actions.milter.protocol import BODY_CHUNK

RECEIVED = Header(b"Received", b" by this MTA", hidden=True)
MESSAGE = parse_message(b"From: a@b\nX-Tag: one\nSubject: s\nX-TAG: two\nx-tag: three\n\nbody\n")
CONTENT = MESSAGE._replace(headers=(RECEIVED, *MESSAGE.headers))
ENVELOPE = Envelope(b"from@example.net", (b"a@example.org", b"b@example.org"))


def edited(*edits: Edit, leading_space: bool = False) -> Content:
    return edit_message(CONTENT, ENVELOPE, edits, leading_space=leading_space)[0]


def names(content: Content) -> str:
    return " ".join(header.name.decode() for header in content.headers)


def tags(content: Content) -> list[bytes]:
    return [header.rest[1:] for header in content.headers if header.name.lower() == b"x-tag"]


def recipients(*edits: Edit, given: tuple[bytes, ...] = ENVELOPE.recipients) -> list[bytes]:
    before = ENVELOPE._replace(recipients=given)
    return list(edit_message(CONTENT, before, edits, leading_space=False)[1].recipients)


def insert(position: int, name: bytes = b"New") -> Edit:
    return Edit("insert header", name, b"v", position)


def change(position: int, value: bytes, name: bytes = b"X-Tag") -> Edit:
    return Edit("change header" if value else "delete header", name, value, position)


def delete(position: int, name: bytes = b"X-Tag") -> Edit:
    return change(position, b"", name)


def body(piece: bytes) -> Edit:
    return Edit("replace body", value=piece)


def test_no_edits_change_nothing() -> None:
    assert edit_message(CONTENT, ENVELOPE, [], leading_space=False) == (CONTENT, ENVELOPE)


class TestInsert:
    def test_0_is_above_the_mtas_own_received(self) -> None:
        assert names(edited(insert(0))) == "New Received From X-Tag Subject X-TAG x-tag"

    def test_1_is_below_it(self) -> None:
        assert names(edited(insert(1))) == "Received New From X-Tag Subject X-TAG x-tag"

    def test_2_is_after_the_first_visible_header(self) -> None:
        assert names(edited(insert(2))) == "Received From New X-Tag Subject X-TAG x-tag"

    @pytest.mark.parametrize("position", [6, 7, 1000, 2**32 - 1])
    def test_past_the_end_appends(self, position: int) -> None:
        assert names(edited(insert(position))) == "Received From X-Tag Subject X-TAG x-tag New"

    def test_positions_count_what_was_inserted_before(self) -> None:
        content = edited(insert(1, b"A"), insert(1, b"B"), insert(0, b"C"))
        assert names(content).startswith("C Received B A From")


class TestAdd:
    def test_it_goes_below_all_others(self) -> None:
        assert names(edited(Edit("add header", b"New", b"v"))).endswith("x-tag New")

    def test_a_space_is_put_after_the_colon(self) -> None:
        assert edited(Edit("add header", b"New", b"v")).headers[-1].line == b"New: v\r\n"

    def test_none_is_put_where_the_milter_writes_it_itself(self) -> None:
        content = edited(Edit("add header", b"New", b"  v"), leading_space=True)
        assert content.headers[-1].line == b"New:  v\r\n"

    @pytest.mark.parametrize("fold", [b"\n\t", b"\r\n\t", b"\n "])
    def test_folds_are_kept(self, fold: bytes) -> None:
        content = edited(Edit("add header", b"New", b"one" + fold + b"two"))
        assert content.headers[-1].line == b"New: one\r\n" + fold[-1:] + b"two\r\n"

    def test_a_line_that_is_no_fold_is_made_one(self) -> None:
        """Else a value could bring in further headers, or end them."""
        content = edited(Edit("add header", b"New", b"v\nBcc: x@y\n\nbody"))
        assert content.headers[-1].line == b"New: v\r\n\tBcc: x@y\r\n\t\r\n\tbody\r\n"


class TestChange:
    @pytest.mark.parametrize(("position", "at"), [(1, 0), (2, 1), (3, 2)])
    def test_it_counts_per_name_whatever_the_case(self, position: int, at: int) -> None:
        expected = [b"one", b"two", b"three"]
        expected[at] = b"new"
        assert tags(edited(change(position, b"new"))) == expected

    def test_0_means_1(self) -> None:
        assert edited(change(0, b"new")) == edited(change(1, b"new"))

    def test_it_keeps_its_place_and_takes_the_name_as_given(self) -> None:
        content = edited(change(1, b"new", b"X-tAG"))
        assert names(content) == "Received From X-tAG Subject X-TAG x-tag"

    @pytest.mark.parametrize("position", [4, 1000, 2**32 - 1])
    def test_a_missing_one_is_appended(self, position: int) -> None:
        content = edited(change(position, b"new"))
        assert tags(content) == [b"one", b"two", b"three", b"new"]
        assert names(content).endswith("x-tag X-Tag")

    def test_the_mtas_own_received_cannot_be_changed(self) -> None:
        content = edited(change(1, b"forged", b"Received"))
        assert content.headers[0] == RECEIVED
        assert content.headers[-1] == Header(b"Received", b" forged")


class TestDelete:
    def test_an_empty_value_deletes(self) -> None:
        assert tags(edited(delete(2))) == [b"one", b"three"]

    def test_later_indexes_shift_within_the_same_reply(self) -> None:
        assert tags(edited(delete(1), delete(1))) == [b"three"]
        assert tags(edited(delete(1), change(1, b"new"))) == [b"new", b"three"]

    def test_a_missing_one_is_no_matter(self) -> None:
        assert edited(delete(4)) == CONTENT
        assert edited(delete(1, b"Nobody")) == CONTENT

    def test_the_mtas_own_received_cannot_be_deleted(self) -> None:
        assert edited(delete(1, b"Received")) == CONTENT

    def test_what_was_added_before_can_be_deleted(self) -> None:
        assert edited(Edit("add header", b"New", b"v"), delete(1, b"new")) == CONTENT


class TestRecipients:
    def test_a_new_one_is_added_without_its_brackets(self) -> None:
        found = recipients(Edit("add recipient", b"<c@example.org>"))
        assert found == [b"a@example.org", b"b@example.org", b"c@example.org"]

    @pytest.mark.parametrize("address", [b"<a@example.org>", b"a@example.org", b"<A@Example.ORG>"])
    def test_one_that_the_client_gave_is_added_again(self, address: bytes) -> None:
        bare = address.strip(b"<>")
        assert recipients(Edit("add recipient", address)) == [*ENVELOPE.recipients, bare]

    def test_one_that_was_just_added_is_not_added_again(self) -> None:
        twice = [Edit("add recipient", b"c@x"), Edit("add recipient", b"C@X", b"NOTIFY=NEVER")]
        assert recipients(*twice)[2:] == [b"c@x"]

    @pytest.mark.parametrize("address", [b"", b"<>"])
    def test_the_null_recipient_is_not_added(self, address: bytes) -> None:
        assert recipients(Edit("add recipient", address)) == list(ENVELOPE.recipients)

    def test_one_is_deleted_by_its_exact_address(self) -> None:
        assert recipients(Edit("delete recipient", b"<a@example.org>")) == [b"b@example.org"]
        assert recipients(Edit("delete recipient", b"b@example.org")) == [b"a@example.org"]

    @pytest.mark.parametrize("address", [b"<A@example.org>", b"<nobody@example.org>", b"<>"])
    def test_one_that_differs_even_in_case_is_left(self, address: bytes) -> None:
        assert recipients(Edit("delete recipient", address)) == list(ENVELOPE.recipients)

    def test_one_given_twice_is_deleted_twice(self) -> None:
        deletion = Edit("delete recipient", b"a@x")
        assert recipients(deletion, given=(b"a@x", b"b@x", b"a@x")) == [b"b@x"]

    def test_a_deleted_one_can_be_added_again(self) -> None:
        found = recipients(
            Edit("delete recipient", b"a@example.org"), Edit("add recipient", b"A@example.org")
        )
        assert found == [b"b@example.org", b"A@example.org"]


class TestSender:
    @pytest.mark.parametrize(
        ("given", "read"), [(b"<new@x>", b"new@x"), (b"new@x", b"new@x"), (b"<>", b""), (b"", b"")]
    )
    def test_it_is_replaced(self, given: bytes, read: bytes) -> None:
        edit = Edit("change sender", given, b"ENVID=1")
        _, envelope = edit_message(CONTENT, ENVELOPE, [edit], leading_space=False)
        assert envelope == ENVELOPE._replace(sender=read)

    def test_only_brackets_at_the_ends_are_taken_off(self) -> None:
        assert bare_address(b"<a<b>c>") == b"a<b>c"


class TestBody:
    def test_pieces_are_put_one_after_another(self) -> None:
        assert edited(body(b"one\r\ntw"), body(b"o\r\n")).body == b"one\r\ntwo\r\n"

    def test_line_ends_become_crlf_though_cut_in_the_middle(self) -> None:
        assert edited(body(b"one\r"), body(b"\ntwo\nthree")).body == b"one\r\ntwo\r\nthree\r\n"

    def test_a_cr_more_stays(self) -> None:
        assert edited(body(b"one\r\r\n")).body == b"one\r\r\n"

    def test_an_empty_piece_empties_it(self) -> None:
        assert edited(body(b"")).body == b""

    def test_other_edits_before_and_after_are_fine(self) -> None:
        content = edited(insert(0), body(b"new\r\n"), body(b"er\r\n"), insert(0))
        assert content.body == b"new\r\ner\r\n"
        assert names(content).startswith("New New Received")

    @pytest.mark.parametrize(
        "between",
        [insert(0), delete(9), Edit("add recipient", b"a@b"), Edit("quarantine", value=b"q")],
    )
    def test_resumed_after_any_other_edit_it_is_refused(self, between: Edit) -> None:
        with pytest.raises(InterruptedBody):
            edited(body(b"one"), between, body(b"two"))

    def test_a_new_body_goes_on_in_whole_chunks(self) -> None:
        chunks = list(edited(*[body(b"x" * 1000)] * 200).chunks())
        assert [len(chunk) for chunk in chunks] == [BODY_CHUNK] * 3 + [200_002 - 3 * BODY_CHUNK]


class TestAnything:
    names = st.sampled_from([b"X-Tag", b"x-tag", b"New", b"Received", b"From"])
    values = st.sampled_from([b"", b"v", b"a\nb", b"\n\nX: y", b"\r\n \r\n", b"\r"]) | st.binary(
        max_size=8
    ).map(lambda data: data.replace(b"\0", b""))
    positions = st.integers(0, 9) | st.integers(0, 2**32 - 1)
    kinds = st.sampled_from(
        [
            *("add header", "insert header", "change header", "delete header", "change sender"),
            *("add recipient", "delete recipient", "quarantine"),
        ]
    )
    edits = st.lists(st.builds(Edit, kinds, names, values, positions), max_size=20)

    @given(parts=st.tuples(edits, st.lists(st.binary(max_size=20).map(body)), edits))
    def test_no_edits_crash_or_let_a_value_become_a_header(
        self, parts: tuple[list[Edit], list[Edit], list[Edit]]
    ) -> None:
        before, pieces, after = parts
        content = edited(*before, *pieces, *after)
        read = parse_message(content.as_bytes())
        assert [header.name for header in read.headers] == [
            header.name for header in content.headers
        ]
        if not pieces:
            assert read.body == content.body == CONTENT.body
        assert content.headers.count(RECEIVED) == 1

    @given(
        edits=st.lists(st.builds(Edit, kinds | st.just("replace body"), names, values, positions))
    )
    def test_a_broken_off_body_is_the_only_thing_refused(self, edits: list[Edit]) -> None:
        runs = 0
        last: EditKind | None = None
        for edit in edits:
            runs += edit.kind == "replace body" != last
            last = edit.kind
        try:
            edited(*edits)
        except InterruptedBody:
            assert runs > 1
        else:
            assert runs <= 1


def test_as_many_edits_as_are_taken_are_done_in_seconds() -> None:
    """Half of the limit add headers, half look for the last of them."""
    added = [Edit("add header", b"X%d" % number, b"v") for number in range(10_000)]
    searched = [change(1, b"w", b"X9999") for _ in range(10_000)]
    started = time.perf_counter()
    content = edited(*added, *searched)
    assert content.headers[-1] == Header(b"X9999", b" w")
    assert time.perf_counter() - started < 10
