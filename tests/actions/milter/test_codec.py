"""What packets mean: every letter, and every way in which one can be malformed."""

from __future__ import annotations

import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.milter.codec import (
    MACRO_LIMIT,
    Chosen,
    Decision,
    Edit,
    EditKind,
    Incoming,
    Progress,
    Reply,
    SmtpReply,
    Violation,
    decode,
    macro_packet,
    negotiation,
    packet,
    strings,
)

LETTERS = b"cartdsf4pyOhimbe+2-q"
"""Every letter that a milter may send."""

SIMPLE = {
    b"c": Reply("continue"),
    b"a": Reply("accept"),
    b"r": Reply("reject"),
    b"t": Reply("tempfail"),
    b"d": Reply("discard"),
    b"s": Reply("skip"),
    b"f": Reply("failure"),
    b"4": Reply("shutdown"),
    b"p": Progress(),
}

EDITS: list[tuple[bytes, bytes, Edit]] = [
    (b"h", b"X-Name\0a value\0", Edit("add header", b"X-Name", b"a value")),
    (b"h", b"X-Name\0\0", Edit("add header", b"X-Name", b"")),
    (b"i", b"\0\0\0\x02X\0v\0", Edit("insert header", b"X", b"v", 2)),
    (b"i", b"\xff\xff\xff\xffX\0v\0", Edit("insert header", b"X", b"v", 0xFFFFFFFF)),
    (b"m", b"\0\0\0\x01X\0v\0", Edit("change header", b"X", b"v", 1)),
    (b"m", b"\0\0\0\0X\0\0", Edit("delete header", b"X", b"", 0)),
    (b"b", b"any \0 bytes\xff", Edit("replace body", value=b"any \0 bytes\xff")),
    (b"b", b"", Edit("replace body")),
    (b"e", b"<a@b>\0", Edit("change sender", b"<a@b>")),
    (b"e", b"<a@b>\0SIZE=1\0", Edit("change sender", b"<a@b>", b"SIZE=1")),
    (b"+", b"<a@b>\0", Edit("add recipient", b"<a@b>")),
    (b"2", b"<a@b>\0", Edit("add recipient", b"<a@b>")),
    (b"2", b"<a@b>\0NOTIFY=NEVER\0", Edit("add recipient", b"<a@b>", b"NOTIFY=NEVER")),
    (b"-", b"<a@b>\0", Edit("delete recipient", b"<a@b>")),
    (b"q", b"a reason\0", Edit("quarantine", value=b"a reason")),
]

MALFORMED = [
    *((letter, b"x") for letter in SIMPLE),
    (b"", b""),
    (b"Z", b""),
    (b"\x00", b"data"),
    (b"h", b""),
    (b"h", b"X\0"),
    (b"h", b"X\0v"),
    (b"h", b"X\0v\0more\0"),
    (b"h", b"\0v\0"),
    (b"h", b"A:B\0v\0"),
    (b"h", b"A B\0v\0"),
    (b"h", b"A\xffB\0v\0"),
    (b"i", b""),
    (b"i", b"\0\0\0"),
    (b"i", b"\0\0\0\x01X\0"),
    (b"m", b"\0\0\0\x01"),
    (b"m", b"\0\0\0\x01\0v\0"),
    (b"e", b""),
    (b"e", b"<a@b>"),
    (b"e", b"<a@b>\0SIZE=1\0BODY=8BITMIME\0"),
    (b"+", b""),
    (b"+", b"<a@b>"),
    (b"+", b"<a@b>\0more\0"),
    (b"2", b"<a@b>\0a\0b\0"),
    (b"-", b"<a@b>\0\0"),
    (b"q", b"no end"),
    (b"O", b""),
    (b"O", b"\0\0\0\x06" * 2),
    (b"O", struct.pack(">III", 6, 0, 0) + b"\0\0\0\0"),
    (b"O", struct.pack(">III", 6, 0, 0) + b"\0\0\0\0i"),
    (b"y", b""),
    (b"y", b"550 5.7.1 no end"),
    (b"y", b"550 one\0two\0"),
]


def bytes_of(incoming: Incoming) -> bytes:
    """Write *incoming* as a milter does: the codec's opposite, for round trips."""
    match incoming:
        case Reply(_, SmtpReply(code, lines)):
            last = len(lines) - 1
            texts = (line.replace("%", "%%") for line in lines)
            joined = "\r\n".join(
                f"{code}{'-' if at < last else ' '}{text}" for at, text in enumerate(texts)
            )
            return packet(b"y", joined.encode() + b"\0")
        case Reply(decision):
            return packet(next(letter for letter, one in SIMPLE.items() if one == Reply(decision)))
        case Progress():
            return packet(b"p")
        case Chosen(version, actions, steps, lists):
            names = ("connect", "helo", "mail", "rcpt", "data", "end_of_data", "end_of_header")
            entries = (
                struct.pack(">I", names.index(stage)) + " ".join(asked).encode() + b"\0"
                for stage, asked in lists
            )
            return packet(b"O", struct.pack(">III", version, actions, steps) + b"".join(entries))
        case Edit():
            return _bytes_of_edit(incoming)


def _bytes_of_edit(edit: Edit) -> bytes:
    index = struct.pack(">I", edit.position)
    two = edit.name + b"\0" + edit.value + b"\0"
    arguments = edit.name + b"\0" + (edit.value + b"\0" if edit.value else b"")
    match edit.kind:
        case "add header":
            return packet(b"h", two)
        case "insert header":
            return packet(b"i", index + two)
        case "change header" | "delete header":
            return packet(b"m", index + two)
        case "replace body":
            return packet(b"b", edit.value)
        case "change sender":
            return packet(b"e", arguments)
        case "add recipient":
            return packet(b"2" if edit.value else b"+", arguments)
        case "delete recipient":
            return packet(b"-", edit.name + b"\0")
        case "quarantine":
            return packet(b"q", edit.value + b"\0")


def outcome(letter: bytes, data: bytes) -> Incoming | str:
    """Return what is read, or the text of the violation."""
    try:
        return decode(letter, data)
    except Violation as violation:
        return str(violation)


ONLY_0 = st.just(0)


def edits(
    kind: EditKind,
    name: st.SearchStrategy[bytes],
    value: st.SearchStrategy[bytes],
    position: st.SearchStrategy[int] = ONLY_0,
) -> st.SearchStrategy[Edit]:
    return st.builds(Edit, st.just(kind), name, value, position)


def text_without(*forbidden: str) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters=["\0", *forbidden]))


header_names = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=[":"]), min_size=1
).map(str.encode)
values = st.binary().map(lambda data: data.replace(b"\0", b""))
positions = st.integers(0, 2**32 - 1)
lines = text_without("\r", "\n").filter(lambda line: not line[:1].isdigit())
macro_names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=12)

incomings: st.SearchStrategy[Incoming] = st.one_of(
    st.sampled_from([*SIMPLE.values()]),
    st.builds(
        lambda code, texts: Reply(
            "reject" if code >= 500 else "tempfail", SmtpReply(code, tuple(texts))
        ),
        st.integers(400, 599),
        st.lists(lines, min_size=1, max_size=4),
    ),
    st.builds(
        Chosen,
        positions,
        positions,
        positions,
        st.lists(
            st.tuples(
                st.sampled_from(["connect", "helo", "mail", "rcpt", "data", "end_of_data"]),
                st.lists(macro_names, max_size=4).map(tuple),
            )
        ).map(tuple),
    ),
    edits("add header", header_names, values),
    edits("insert header", header_names, values, positions),
    edits("change header", header_names, values.filter(bool), positions),
    edits("delete header", header_names, st.just(b""), positions),
    edits("replace body", st.just(b""), st.binary()),
    edits("change sender", values, values),
    edits("add recipient", values, values),
    edits("delete recipient", values, st.just(b"")),
    edits("quarantine", st.just(b""), values),
)
"""Everything that a milter can say, rightly written."""


@pytest.mark.parametrize(("letter", "expected"), SIMPLE.items())
def test_each_plain_reply_is_read(letter: bytes, expected: Reply | Progress) -> None:
    assert decode(letter, b"") == expected


@pytest.mark.parametrize(("letter", "data", "expected"), EDITS)
def test_each_edit_is_read(letter: bytes, data: bytes, expected: Edit) -> None:
    assert decode(letter, data) == expected


def test_the_tables_of_this_test_leave_no_reply_and_no_edit_out() -> None:
    decisions = {reply.decision for reply in SIMPLE.values() if isinstance(reply, Reply)}
    assert decisions == set(get_args(Decision))
    assert {edit.kind for _, _, edit in EDITS} == set(get_args(EditKind))
    read = {*SIMPLE, b"y", b"O", *(letter for letter, _, _ in EDITS)}
    assert read == {bytes([letter]) for letter in LETTERS}


@given(incomings)
def test_what_a_milter_writes_is_read_back_unchanged(incoming: Incoming) -> None:
    written = bytes_of(incoming)
    assert decode(written[4:5], written[5:]) == incoming


@pytest.mark.parametrize(("letter", "data"), MALFORMED)
def test_malformed_packets_are_violations(letter: bytes, data: bytes) -> None:
    with pytest.raises(Violation) as caught:
        decode(letter, data)
    assert str(caught.value)


@given(
    st.sampled_from([*LETTERS]).map(lambda letter: bytes([letter])) | st.binary(max_size=1),
    st.binary(max_size=400),
)
def test_no_bytes_raise_anything_but_a_violation(letter: bytes, data: bytes) -> None:
    found = outcome(letter, data)
    assert isinstance(found, Incoming) or found.isprintable()


@given(st.binary(max_size=60), st.integers(0, 60), st.sampled_from(EDITS))
def test_damaged_edits_raise_nothing_but_a_violation(
    noise: bytes, at: int, edit: tuple[bytes, bytes, Edit]
) -> None:
    letter, data, _ = edit
    found = outcome(letter, data[:at] + noise + data[at:])
    assert isinstance(found, Edit) or (isinstance(found, str) and found.isprintable())


class TestReplyCode:
    """REPLYCODE, as libmilter's setreply and setmlreply write it."""

    @staticmethod
    def read(text: bytes) -> Reply:
        reply = decode(b"y", text + b"\0")
        assert isinstance(reply, Reply)
        return reply

    def test_a_5xx_rejects_and_a_4xx_puts_off(self) -> None:
        assert self.read(b"550 5.7.1 no") == Reply("reject", SmtpReply(550, ("5.7.1 no",)))
        assert self.read(b"451 4.7.1 later") == Reply("tempfail", SmtpReply(451, ("4.7.1 later",)))

    def test_lines_are_kept_apart_without_their_codes(self) -> None:
        reply = self.read(b"550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three")
        assert reply.smtp == SmtpReply(550, ("5.7.1 one", "5.7.1 two", "5.7.1 three"))
        assert reply.smtp.text == "550 5.7.1 one 5.7.1 two 5.7.1 three"

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            (b"550 is 100%% spam", "is 100% spam"),
            (b"550 is 100% spam", "is 100 spam"),
            (b"550 %%%%", "%%"),
            (b"550 a%%%b", "a%b"),
            (b"550 end%", "end"),
        ],
    )
    def test_percent_signs_are_read_as_postfix_reads_them(self, written: bytes, read: str) -> None:
        smtp = self.read(written).smtp
        assert smtp
        assert smtp.lines == (read,)

    def test_bytes_that_are_no_utf8_are_written_out(self) -> None:
        smtp = self.read(b"550 caf\xe9").smtp
        assert smtp
        assert smtp.lines == ("caf\\xe9",)

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"5",
            b"550",
            b"250 ok",
            b"650 no",
            b"55x no",
            b"\xb2\xb2\xb2 no",
            b"550no",
            b"550-only line",
            b"550 one\r\n550 two",
            b"550-one\r\n551 two",
            b"550-one\r\n450 two",
            b"550-one\r\n550-two",
            b"550-one\r\ntwo",
            b"550 4.7.1 classes that differ",
            b"451-4.7.1 fine\r\n451 5.7.1 not",
        ],
    )
    def test_malformed_ones_are_refused(self, text: bytes) -> None:
        with pytest.raises(Violation, match="malformed reply code"):
            self.read(text)


class TestMacroLists:
    """SETSYMLIST, at the end of the negotiation."""

    @staticmethod
    def read(entries: bytes) -> Chosen:
        chosen = decode(b"O", struct.pack(">III", 6, 0x100, 0) + entries)
        assert isinstance(chosen, Chosen)
        return chosen

    def test_stages_and_names_are_read(self) -> None:
        entries = b"\0\0\0\x00j {daemon_name}\0" + b"\0\0\0\x05i\0" + b"\0\0\0\x06{x}, y\0"
        assert self.read(entries).macro_lists == (
            ("connect", ("j", "daemon_name")),
            ("end_of_data", ("i",)),
            ("end_of_header", ("x", "y")),
        )

    def test_an_empty_list_is_read_as_empty(self) -> None:
        assert self.read(b"\0\0\0\x01\0").macro_lists == (("helo", ()),)

    def test_a_stage_that_nobody_knows_is_passed_over(self) -> None:
        entries = b"\0\0\0\x63a b\0" + b"\0\0\0\x04i\0"
        assert self.read(entries).macro_lists == (("data", ("i",)),)

    def test_a_milter_can_t_ask_for_any_number(self) -> None:
        (asked,) = self.read(b"\0\0\0\x05" + b"j " * MACRO_LIMIT + b"\0").macro_lists
        assert len(asked[1]) == MACRO_LIMIT
        with pytest.raises(Violation, match="more than 256 macros"):
            self.read(b"\0\0\0\x05" + b"j " * (MACRO_LIMIT + 1) + b"\0")


def test_the_offer_is_three_numbers_after_an_o() -> None:
    written = negotiation(6, 0x1FF, 0x1FFFFF)
    assert written == b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"


def test_macros_of_one_letter_go_unbraced() -> None:
    written = macro_packet(b"C", [("j", b"host"), ("daemon_name", b"d"), ("_", b"x")])
    assert written[4:] == b"DCj\0host\0{daemon_name}\0d\0_\0x\0"


def test_a_packet_of_no_macros_is_one_all_the_same() -> None:
    assert macro_packet(b"U", []) == b"\0\0\0\x02DU"


def test_a_nul_in_a_string_cannot_end_it_early() -> None:
    assert strings([b"a\0b", b"c"]) == b"ab\0c\0"
