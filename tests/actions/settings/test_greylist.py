"""greylist.conf: statements past comments, quotes, expressions and continued lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actions.settings import greylist

TEXT = """\
# socket "/old" 600
socket "/run/g#1.sock"   # why
list "grey users" rcpt {  \\ # those who want it
\tuser1@example.com \\
\t/ra cl whitelist/ \\
}
racl "one" whitelist domain /^a{2} default$/ addr 10.0.0.0/8
#subnetmatch /24
RACL greylist default delay 5m
"""


def test_statements_are_told_apart() -> None:
    names = [(one.name, one.line) for one in greylist.statements(TEXT)]
    assert names == [("socket", 2), ("list", 3), ("racl", 7), ("racl", 9)]
    assert greylist.statements(TEXT)[1].texts == (
        "list",
        "grey users",
        "rcpt",
        "{",
        "user1@example.com",
        "/ra cl whitelist/",
        "}",
    )
    assert greylist.statements(TEXT)[2].texts == (
        "racl",
        "one",
        "whitelist",
        "domain",
        "/^a{2} default$/",
        "addr",
        "10.0.0.0/8",
    )


def test_a_mode_is_put_behind_the_socket() -> None:
    after = greylist.with_value(TEXT, "socket", "660", index=2)
    assert after == TEXT.replace('g#1.sock"', 'g#1.sock" 660')
    assert greylist.with_value(after, "socket", "600", index=2) == after.replace(" 660", " 600")


def test_a_commented_statement_is_put_in_force() -> None:
    assert greylist.with_value(TEXT, "subnetmatch", "/24") == TEXT.replace("#subnet", "subnet")


def test_a_new_statement_stands_before_the_access_lists() -> None:
    after = greylist.with_value(TEXT, "autowhite", "1w")
    assert after == TEXT.replace('racl "one"', 'autowhite 1w\nracl "one"')


def test_all_lines_of_a_statement_are_left_out() -> None:
    after = greylist.without(TEXT, greylist.statements(TEXT)[1])
    assert [one.name for one in greylist.statements(after)] == ["socket", "racl", "racl"]
    assert after.replace("#", "") == TEXT.replace("#", "")


lines = st.sampled_from(
    [
        "greylist 30m",
        "Greylist: 5m # why",
        "#greylist 10m",
        "# greylist 10m",
        "racl greylist default",
        "racl whitelist domain /x y/",
        'socket "/run/x" \\',
        "660",
        "",
        "autowhite 3d\t",
        "# greylist of us",
    ]
)
texts = st.builds(
    lambda parts, newline, last: newline.join(parts) + (newline if last else ""),
    st.lists(lines, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


@given(texts, st.sampled_from(["greylist", "autowhite", "subnetmatch"]))
def test_what_is_set_is_in_force_and_nothing_else_changes(text: str, name: str) -> None:
    after = greylist.with_value(text, name, "7h")
    assert greylist.value(after, name) == "7h"
    assert greylist.with_value(after, name, "7h") == after, "it is done once"
    others = [one.texts for one in greylist.statements(text) if one.name != name]
    assert [one.texts for one in greylist.statements(after) if one.name != name] == others
