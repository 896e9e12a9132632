"""How Postfix takes text apart: separators, and braces that hold a word together."""

from __future__ import annotations

import pytest

from actions.host.words import BLANKS, BadBraces, name_and_value, unwrapped, within_braces, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        (" ,\n", ()),
        ("a, b\tc,,d", ("a", "b", "c", "d")),
        ("{ a, b } c", ("{ a, b }", "c")),
        ("{ a { b, c } d } e", ("{ a { b, c } d }", "e")),
        ("{a b}x y", ("{a b}x", "y")),
        ("x={a b} y", ("x={a b}", "y")),
        ("{ a b", ("{ a b",)),
        ("a} b", ("a}", "b")),
    ],
)
def test_words_are_parted_outside_of_braces(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


def test_a_comma_parts_words_only_where_it_is_a_separator() -> None:
    assert words("a,b c", BLANKS) == ("a,b", "c")


def test_braces_are_taken_off_once() -> None:
    assert within_braces("{ a { b } }") == "a { b }"
    assert (unwrapped("{ a }"), unwrapped("a")) == ("a", "a")
    for word in ("{ a", "{ a } b", "a"):
        with pytest.raises(BadBraces):
            within_braces(word)


def test_both_sides_of_a_setting_lose_their_blanks() -> None:
    assert name_and_value("a = b = c ") == ("a", "b = c")
    for text in ("a", " = b"):
        with pytest.raises(BadBraces, match="missing"):
            name_and_value(text)
