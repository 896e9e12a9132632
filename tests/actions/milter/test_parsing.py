"""Reading a message, and what of it goes to a milter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.milter.message import Content, Header, is_header_name, parse_message, with_crlf
from actions.milter.protocol import BODY_CHUNK

pieces = st.lists(
    st.sampled_from(
        [
            *(b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\n", b" ", b"\t", b":", b": "),
            *(b"Subject", b"From ", b"From: a", b"X-Y: z\n", b" folded\n", b"\0", b"\xff", b"text"),
        ]
    )
    | st.binary(max_size=8),
    max_size=30,
).map(b"".join)
"""Bytes that are dense in what a message is made of."""


def headers(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(header.name, header.rest) for header in parse_message(data).headers]


def test_lf_and_crlf_make_the_same_message() -> None:
    message = b"From: a@b\nSubject: x\n\tfolded\n\nline one\nline two\n"
    content = parse_message(message)
    assert content == parse_message(message.replace(b"\n", b"\r\n"))
    assert [header.name for header in content.headers] == [b"From", b"Subject"]
    assert content.headers[1].rest == b" x\n\tfolded"
    assert content.body == b"line one\r\nline two\r\n"


def test_it_is_written_with_crlf() -> None:
    assert parse_message(b"A: b\n c\n\nbody").as_bytes() == b"A: b\r\n c\r\n\r\nbody\r\n"


@pytest.mark.parametrize("line", [b"From a@b Thu Jan  1 2026", b">>From a@b", b"From : a@b"])
def test_an_mbox_line_becomes_a_header(line: bytes) -> None:
    assert headers(line + b"\nSubject: x\n\n") == [
        (b"X-Mailbox-Line", b" " + line),
        (b"Subject", b" x"),
    ]


def test_only_the_first_line_can_be_an_mbox_line() -> None:
    content = parse_message(b"A: b\nFrom a@b Thu\n\ntext")
    assert headers(b"A: b\nFrom a@b Thu\n") == [(b"A", b" b")]
    assert content.body == b"From a@b Thu\r\n\r\ntext\r\n"


@pytest.mark.parametrize("fold", [b" ", b"\t", b"  \t"])
def test_folds_belong_to_their_header(fold: bytes) -> None:
    assert headers(b"A: one\n" + fold + b"two\nB: c\n\n") == [
        (b"A", b" one\n" + fold + b"two"),
        (b"B", b" c"),
    ]


def test_a_line_of_blanks_is_a_fold_not_the_end_of_the_headers() -> None:
    assert headers(b"A: one\n \nB: c\n\n") == [(b"A", b" one\n "), (b"B", b" c")]


def test_a_blank_line_ends_the_headers_though_the_body_begins_with_space() -> None:
    content = parse_message(b"A: b\n\n indented\n")
    assert content.headers == (Header(b"A", b" b"),)
    assert content.body == b" indented\r\n"


@pytest.mark.parametrize(
    "bad", [b"no colon here", b" leads: with space", b": nameless", b"two words: x", b"caf\xe9: x"]
)
def test_what_is_no_header_ends_the_headers(bad: bytes) -> None:
    first = b"" if bad.startswith(b" ") else b"A: b\n"
    content = parse_message(first + bad + b"\nrest\n")
    assert content.headers == ((Header(b"A", b" b"),) if first else ())
    assert content.body == bad + b"\r\nrest\r\n"


def test_space_before_the_colon_is_no_part_of_the_name() -> None:
    assert headers(b"Subject \t: x\n\n") == [(b"Subject", b" x")]


@pytest.mark.parametrize("data", [b"A: b\n\n", b"A: b\n", b"A: b"])
def test_a_message_may_have_no_body(data: bytes) -> None:
    content = parse_message(data)
    assert content == Content((Header(b"A", b" b"),), b"")
    assert list(content.chunks()) == []


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n"])
def test_a_message_may_have_nothing(data: bytes) -> None:
    assert parse_message(data) == Content((), b"")


def test_every_cr_before_an_lf_goes_and_others_stay() -> None:
    content = parse_message(b"A: b\r\r\n\r\r\na\rb\r\r\r\nend\r")
    assert content.headers == (Header(b"A", b" b"),)
    assert content.body == b"a\rb\r\nend\r\n"


@pytest.mark.parametrize(("name", "good"), [(b"X-A", 1), (b"X ", 1), (b"", 0), (b" ", 0)])
def test_names_are_printable_ascii(name: bytes, good: int) -> None:
    assert is_header_name(name) is bool(good)


class TestValue:
    @pytest.mark.parametrize(
        ("rest", "without", "kept"),
        [
            (b" one", b"one", b" one"),
            (b"  two", b" two", b"  two"),
            (b"\ttab", b"\ttab", b"\ttab"),
            (b"none", b"none", b"none"),
            (b" a\n\tb\n  c", b"a\n\tb\n  c", b" a\n\tb\n  c"),
        ],
    )
    def test_one_space_is_stripped_never_a_tab(
        self, rest: bytes, without: bytes, kept: bytes
    ) -> None:
        header = Header(b"A", rest)
        assert header.value(leading_space=False) == without
        assert header.value(leading_space=True) == kept


class TestChunks:
    @pytest.mark.parametrize(
        ("size", "chunks"),
        [
            (1, [1]),
            (BODY_CHUNK - 1, [BODY_CHUNK - 1]),
            (BODY_CHUNK, [BODY_CHUNK]),
            (BODY_CHUNK + 1, [BODY_CHUNK, 1]),
            (3 * BODY_CHUNK + 7, [BODY_CHUNK] * 3 + [7]),
        ],
    )
    def test_they_have_65535_bytes_and_the_last_the_rest(
        self, size: int, chunks: list[int]
    ) -> None:
        body = bytes(range(256)) * (size // 256 + 1)
        content = Content((), body[:size])
        assert BODY_CHUNK == 65535
        assert [len(chunk) for chunk in content.chunks()] == chunks
        assert b"".join(content.chunks()) == body[:size]


@given(pieces)
def test_what_was_written_is_read_back_the_same(data: bytes) -> None:
    content = parse_message(data)
    assert parse_message(content.as_bytes()) == content


@given(pieces)
def test_every_line_of_a_body_ends_with_crlf(data: bytes) -> None:
    body = parse_message(data).body
    assert body == b"" or body.endswith(b"\r\n")
    assert body.replace(b"\r\n", b"").find(b"\n") < 0
    assert b"\r\r\n" not in body


@given(pieces)
def test_nothing_but_line_ends_is_lost(data: bytes) -> None:
    content = parse_message(b"X: y\n" + data)

    def inked(text: bytes) -> bytes:
        return b"".join(text.split())

    assert inked(content.as_bytes()) == inked(b"X: y\n" + data)


@given(st.binary())
def test_crlf_is_put_at_every_line_end_once(data: bytes) -> None:
    written = with_crlf(data)
    assert written.count(b"\n") == written.count(b"\r\n")
    assert with_crlf(written) == written or b"\r\r\n" in written


def test_parsing_takes_a_time_that_grows_with_the_size_only() -> None:
    """Each of these is a megabyte of the worst for one of the parser's steps."""
    size = 1_000_000
    started = time.perf_counter()
    for worst in (b"\r" * size, b"\r\n" * size, b"A: b\n " * size, b"\n " * size, b"a:" * size):
        parse_message(b"X: y\n" + worst + b"\r\n")
    assert time.perf_counter() - started < 10
