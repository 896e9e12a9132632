"""``Name value`` lines: what is in force, and edits that change nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.settings.directives import CLAMAV, OPENDKIM, SPAMASSASSIN, Directives
from tests.programs import needs

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("LogSyslog", "LogFacility", "LocalSocket", "User")
VALUES = ("yes", "LOG_MAIL", "/run/clamd.sock", "clamav", "660")

blanks = st.sampled_from(["", " ", "\t", "  "])
lines = st.one_of(
    st.builds(
        lambda indent, name, gap, value, quote, behind: (
            f"{indent}{name}{gap}{quote}{value}{quote}{behind}"
        ),
        blanks,
        st.sampled_from(NAMES),
        st.sampled_from([" ", "\t", "   "]),
        st.sampled_from(VALUES),
        st.sampled_from(["", '"']),
        st.sampled_from(["", " ", "\t# why", " # LogSyslog no"]),
    ),
    st.builds(
        "{}{}{} {}".format,
        blanks,
        st.sampled_from(["#", "# "]),
        st.sampled_from(NAMES),
        st.sampled_from(VALUES),
    ),
    st.sampled_from(["", "   ", "# LogSyslog tells more than one word", "#", "Example", "\ttext"]),
)
texts = st.builds(
    lambda parts, newline, last: newline.join(parts) + (newline if last else ""),
    st.lists(lines, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
languages = st.sampled_from([CLAMAV, OPENDKIM, SPAMASSASSIN])


@given(languages, texts, st.sampled_from(NAMES), st.sampled_from(VALUES))
def test_what_is_set_is_in_force_and_nothing_else_changes(
    language: Directives, text: str, name: str, value: str
) -> None:
    before = {one: language.value(text, one) for one in NAMES}
    after = language.with_value(text, name, value)
    assert language.value(after, name).strip('"') == value
    assert {one: language.value(after, one) for one in NAMES if one != name} == {
        one: was for one, was in before.items() if one != name
    }
    assert language.with_value(after, name, value) == after, "it is done once"
    assert after.count("\r\n") == after.count("\n") or "\r" not in text
    changed = _changed_lines(text, after)
    assert len(changed) <= 1


@given(languages, texts, st.sampled_from(NAMES))
def test_what_is_left_out_is_a_comment(language: Directives, text: str, name: str) -> None:
    after = language.without(text, name)
    assert language.in_force(after, name) is None
    was, now = text.split("\n"), after.split("\n")
    assert len(was) == len(now)
    for one, other in zip(was, now, strict=True):
        assert other == one or other.replace("#", "", 1) == one


def _changed_lines(text: str, after: str) -> list[str]:
    was, now = text.split("\n"), after.split("\n")
    if was and was[-1] == "" and len(now) > len(was):
        was.pop()
    return [
        line
        for line, other in zip(was, now, strict=False)
        if line.rstrip("\r") != other.rstrip("\r")
    ]


def test_the_commented_line_is_put_in_force_where_it_stands() -> None:
    text = "# Default: LOG_LOCAL6\n#LogFacility LOG_MAIL\n\nUser clamav\n"
    assert CLAMAV.with_value(text, "LogFacility", "LOG_MAIL") == text.replace("#LogF", "LogF")


def test_the_commented_line_with_the_value_goes_before_one_with_another() -> None:
    text = "#ClamdSocket tcp:scanner.mydomain:7357\n#ClamdSocket unix:/run/clamd.sock\n"
    after = CLAMAV.with_value(text, "ClamdSocket", "unix:/run/clamd.sock")
    assert after == text.replace("#ClamdSocket unix", "ClamdSocket unix")
    after = CLAMAV.with_value(text, "ClamdSocket", "unix:/else")
    assert after == text.replace("#ClamdSocket tcp:scanner.mydomain:7357", "ClamdSocket unix:/else")


def test_prose_in_a_comment_is_no_setting() -> None:
    text = "# LogFacility is what syslog sorts by\n"
    assert CLAMAV.with_value(text, "LogFacility", "LOG_MAIL") == text + "LogFacility LOG_MAIL\n"


def test_a_name_without_its_value_gets_one() -> None:
    assert CLAMAV.with_value("User\nLogTime yes\n", "User", "clamav") == (
        "User clamav\nLogTime yes\n"
    )


def test_a_header_is_part_of_what_rewrite_header_sets() -> None:
    text = "rewrite_header From x\n rewrite_header\tSubject\t[SPAM] \\# one # why\n"
    found = SPAMASSASSIN.in_force(text, "rewrite_header Subject")
    assert found is not None
    assert (found.value, found.line) == ("[SPAM] \\# one", 2)
    assert SPAMASSASSIN.without(text, "rewrite_header Subject") == text.replace(
        " rewrite_header\t", " #rewrite_header\t"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("LogFacility LOG_MAIL\nLogFacility LOG_LOCAL6\n", "LOG_MAIL"),
        ('  LogFacility "LOG_MAIL"\n', "LOG_MAIL"),
        ("LogFacility\tLOG_MAIL \t\n", "LOG_MAIL"),
        ("#LogFacility LOG_MAIL\nLogFacility LOG_MAIL", "LOG_MAIL"),
    ],
)
def test_clamav_reads_the_same(tmp_path: Path, text: str, value: str) -> None:
    (tmp_path / "clamd.conf").write_text(text)
    assert CLAMAV.value(text, "LogFacility") == value
    assert f'LogFacility = "{value}"' in clamconf(tmp_path)
    edited = CLAMAV.with_value(text, "LogFacility", "LOG_LOCAL3")
    (tmp_path / "clamd.conf").write_text(edited)
    assert 'LogFacility = "LOG_LOCAL3"' in clamconf(tmp_path)


def clamconf(folder: Path) -> str:
    ended = subprocess.run(
        [*needs("clamconf"), "-c", str(folder)], capture_output=True, text=True, check=False
    )
    assert "ERROR" not in ended.stderr
    return ended.stdout


def test_a_line_is_put_in_force_where_it_stands_as_a_comment_or_added() -> None:
    text = (
        "required_score 5\n# remove_header ham Status\n# remove_header ham Status is an example\n"
    )
    after = SPAMASSASSIN.with_line(text, "remove_header ham Status")
    assert after == text.replace("# remove_header ham Status\n", "remove_header ham Status\n")
    assert SPAMASSASSIN.with_line("a b", "c d") == "a b\nc d\n"
