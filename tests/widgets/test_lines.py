from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from actions.action import ActionError, Exit
from actions.finding import Finding, Health
from actions.registry import find
from widgets.chain.packets import hex_lines, packet_rows
from widgets.fault import fault_of
from widgets.footer import folded
from widgets.given import BadValue, as_text, from_text
from widgets.header import fitted, outlook
from widgets.ink import LONGEST, from_terminal, said
from widgets.lines import Row


@given(st.text(max_size=300), st.integers(10, 120))
def test_folding_loses_no_character_but_spaces(text: str, width: int) -> None:
    row = Row(said(" ✗ "), said(text))
    lines = row.folded(width)
    assert all(line.cell_length <= max(width, 11) for line in lines)
    shown = "".join(line.plain for line in lines)
    assert "".join(shown.split()) == "".join(f"✗{said(text).plain}".split())


@given(st.text())
def test_said_is_harmless_and_takes_no_markup(text: str) -> None:
    shown = said(text)
    assert all(char.isprintable() or char == "\t" for char in shown.plain)
    assert said("[/x][red]").plain == "[/x][red]"


def test_said_is_bounded() -> None:
    assert said("x" * (LONGEST + 5)).plain.endswith("… (5 more characters)")


def test_a_right_part_goes_below_where_there_is_no_room() -> None:
    row = Row(Content(" "), said("a change of something long"), said("exact undo"))
    assert [line.plain for line in row.folded(50)] == [
        " a change of something long             exact undo"
    ]
    assert [line.plain.strip() for line in row.folded(30)] == [
        "a change of something long",
        "exact undo",
    ]
    assert [line.plain for line in row.folded(26)] == [
        " a change of    exact undo",
        " something",
        " long",
    ]


def test_keys_are_never_broken() -> None:
    keys = tuple(said(word) for word in ("Enter apply", "d as commands", "Esc back"))
    assert [line.plain for line in folded(keys, 28)] == ["Enter apply  d as commands", "Esc back"]
    assert [line.plain for line in folded(keys, 5)] == ["Enter apply", "d as commands", "Esc back"]


def test_the_header_folds_where_it_does_not_fit() -> None:
    parts = said("a-long-host-name.example.org   lab"), said("● 4 sockets open"), said("root")
    assert fitted(*parts, 80).plain.endswith("● 4 sockets open   root")
    assert len(fitted(*parts, 40).plain.splitlines()) == 2
    assert len(fitted(*parts, 20).wrap(20)) == 4


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ("ok ok", "● nothing wrong"),
        ("", "● nothing wrong"),
        ("down ok", "✗ 1 problem"),
        ("down down degraded unknown", "✗ 2 problems · 1 warning · 1 unknown"),
        ("degraded unknown", "◐ 1 warning · 1 unknown"),
        ("unknown", "? 1 unknown"),
    ],
)
def test_health_is_counted(states: str, told: str) -> None:
    findings = tuple(Finding(Health(state), "it", "there") for state in states.split())
    assert outlook(findings).content.plain == told


def test_what_is_acknowledged_is_not_nothing() -> None:
    assert outlook((), 1).content.plain == "● nothing else wrong"


def test_colours_of_a_rendered_line_become_tones() -> None:
    line = from_terminal("\x1b[31mbad [/x]\x1b[0m and \x1b]0;title\x07")
    assert line.plain == "bad [/x] and \\x1b]0;title\\x07"
    assert [span.style for span in line.spans][:1] == ["$error"]


def test_arguments_go_through_text_and_back() -> None:
    parameters = {one.name: one for one in find("chain.test").parameters}
    for name, value in (("milter", ("unix:/a", "inet:1@b")), ("threads", 4), ("helo", "x")):
        assert from_text(parameters[name], as_text(value)) == value
    assert from_text(parameters["deadline"], as_text(2.5)) == 2.5
    assert from_text(parameters["all_timeouts"], "") is None
    for name, text in (("threads", "x"), ("deadline", "soon"), ("sample", "none")):
        with pytest.raises(BadValue):
            from_text(parameters[name], text)


def test_a_packet_in_pieces_is_named_where_it_ends() -> None:
    trace = (
        ("m", ">", "00 00 00 01 51 00 00 00 01 41"),
        ("m", "<", "00 00 00"),
        ("m", "<", "01 63"),
        ("m", "<", "48 54 54 50"),
    )
    told = [row.plain for row in packet_rows(trace) if row.right]
    assert told == [
        " → m  quit, abort  10 bytes",
        " ← m  part of a packet  3 bytes",
        " ← m  continue  2 bytes",
        " ← m  no packet  4 bytes",
    ]
    assert list(hex_lines(b"ab\x1b")) == [f"0000  {'61 62 1b':47}  ab."]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("--size 1: too small", "size 1: too small"),
        ("give --as-user or --threads", "give as user or threads"),
        ("see all: console run chain.discover", "see all: Ctrl+P, chain.discover"),
        ("a -- b, x--y, milter--", "a -- b, x--y, milter--"),
    ],
)
def test_an_error_on_the_screen_names_fields_for_options(told: str, shown: str) -> None:
    fault = fault_of(ActionError(told, Exit.USAGE, told))
    assert (fault.what, fault.next_step) == (shown, shown)
