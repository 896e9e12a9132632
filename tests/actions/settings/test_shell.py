"""Shell variables: read as a shell reads them, which the tests ask."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.settings import shell

CASES = {
    'OPTIONS="-u x"\n': "-u x",
    "OPTIONS='-u x' # why\n": "-u x",
    "OPTIONS=-u\\ x\n": "-u x",
    'export OPTIONS="-m"\n': "-m",
    'A=1 OPTIONS="-m" B=2\n': "-m",
    'A=1; OPTIONS="-m"; B=2\n': "-m",
    'OPTIONS="-u x \\\n -m"\n': "-u x  -m",
    'OPTIONS="-u x\n-m"\n': "-u x\n-m",
    'OPTIONS="-u x"\nOPTIONS="${OPTIONS} -m"\n': "-u x -m",
    "OPTIONS=\"-u x\"\nOPTIONS='$OPTIONS -m'\n": "$OPTIONS -m",
    'OPTIONS="a\\"b"\'c\'d\n': 'a"bcd',
    "OPTIONS=$NONE-m\n": "-m",
    'OPTIONS="${NONE:--m}"\n': "-m",
    "#OPTIONS=-x\nOPTIONS=\n": "",
    "OPTIONS=-m": "-m",
    "OPTIONS=a OPTIONS=b true\n": "",
    "test -n x && OPTIONS=-m\n": "",
}


@pytest.mark.parametrize("text", [one for one in CASES if "test -n" not in one])
def test_a_shell_reads_the_same(text: str) -> None:
    assert shell.value(text, "OPTIONS") == CASES[text]
    assert said_by_sh(text) == CASES[text]


def said_by_sh(text: str) -> str:
    return subprocess.run(
        ["/bin/sh", "-c", f'{text}\nprintf "%s" "$OPTIONS"'],
        capture_output=True,
        text=True,
        check=True,
        env={},
    ).stdout


words = st.sampled_from(
    ['"-u x"', "'-u x'", "-u", '""', "", '"${OPTIONS} -i 1"', '"a\\"b"', "a\\ b", '"two\nlines"']
)
values = st.sampled_from(["-m -r 15", "x", "", 'with "quotes"', "$HOME `id` \\", "it's"])
lines = st.one_of(
    st.builds(
        "{}={}{}".format,
        st.sampled_from(["OPTIONS", "A", "export OPTIONS"]),
        words,
        st.sampled_from(["", " # why", "; B=2", " B=2"]),
    ),
    st.builds(
        "#{}={}".format,
        st.sampled_from(["OPTIONS", " OPTIONS", "A"]),
        words.filter(lambda word: "\n" not in word),
    ),
    st.sampled_from(["", "# OPTIONS are passed on", "  "]),
)
texts = st.builds(
    lambda parts, last: "\n".join(parts) + ("\n" if last else ""),
    st.lists(lines, max_size=6),
    st.booleans(),
)


@given(texts, values)
def test_what_is_set_is_what_a_shell_finds(text: str, value: str) -> None:
    after = shell.with_value(text, "OPTIONS", value)
    assert shell.value(after, "OPTIONS") == value
    assert shell.with_value(after, "OPTIONS", value) == after, "it is done once"
    assert [one.value for one in shell.settings(after) if one.name == "B"] == [
        one.value for one in shell.settings(text) if one.name == "B"
    ]


@given(texts)
def test_more_words_are_added_to_those_that_are_there(text: str) -> None:
    before = shell.value(text, "OPTIONS")
    after = shell.with_more(text, "OPTIONS", "-r 15")
    assert shell.value(after, "OPTIONS").split() == [*before.split(), "-r", "15"]


@given(texts)
def test_what_is_left_out_is_a_comment(text: str) -> None:
    try:
        after = shell.without(text, "OPTIONS")
    except ValueError:
        return
    assert shell.in_force(after, "OPTIONS") is None
    assert after.replace("#", "") == text.replace("#", "")


def test_debians_own_commented_lines_are_put_in_force() -> None:
    text = 'OPTIONS="-u x"\n\n# Reject.\n#OPTIONS="${OPTIONS} -r 15"\n'
    assert shell.with_more(text, "OPTIONS", "-r 15") == text.replace("#OPT", "OPT")
    assert shell.with_more(text, "OPTIONS", "-r 9") == text.replace("-u x", "-u x -r 9")


def test_the_quotes_stay() -> None:
    assert shell.with_value("A='x' # why\n", "A", "y") == "A='y' # why\n"
    assert shell.with_value('A="x"\r\n', "A", "y") == 'A="y"\r\n'
    assert shell.with_value("A=x\n", "A", "y z") == 'A="y z"\n'
    assert shell.with_value("#A=x\n", "A", "y") == "A=y\n"


def test_an_assignment_beside_others_is_not_commented_out() -> None:
    with pytest.raises(ValueError, match="shares its line"):
        shell.without("A=1 B=2\n", "A")
