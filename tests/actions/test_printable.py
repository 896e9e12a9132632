"""Text from outside, made harmless."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from actions.printable import printable, printable_bytes


@given(st.text())
def test_nothing_that_a_terminal_obeys_comes_through(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(char)[0] != "C" or char == "\t" for char in shown)


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_what_is_harmless_stays(text: str) -> None:
    assert printable(text) == text


@given(st.binary())
def test_any_bytes_can_be_shown(data: bytes) -> None:
    assert "\x1b" not in printable_bytes(data)


def test_escape_sequences_are_written_out() -> None:
    assert printable("\x1b]0;owned\x07") == "\\x1b]0;owned\\x07"
    assert printable("a\tb\x9b31m") == "a\tb\\x9b31m"
    assert printable("\u202eevil") == "\\u202eevil"
    assert printable("\U000e0001") == "\\U000e0001"
