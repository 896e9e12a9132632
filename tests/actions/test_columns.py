"""Words set into lines: by the cells that they take, not by their characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actions.columns import broken, cells, filled

WORDS = st.lists(st.text("abc/-é漢\u0301", min_size=1, max_size=30), max_size=20)


@given(WORDS, st.integers(2, 40))
def test_broken_words_fit_and_nothing_is_lost(words: list[str], room: int) -> None:
    lines = filled(broken(words, room), " ", room)
    assert all(cells(line) <= room or len(line) == 1 for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(words)


def test_a_wide_character_takes_two_cells() -> None:
    assert cells("漢e\u0301") == 3
    assert filled(["漢字", "漢字"], " ", 8) == ["漢字", "漢字"]
    assert filled(["漢字", "漢字"], ", ", 10) == ["漢字,", "漢字"]


def test_a_word_is_broken_only_where_that_is_asked() -> None:
    assert filled(["console", "run"], " ", 5) == ["console", "run"]
    assert list(broken(["console"], 5)) == ["conso", "le"]
