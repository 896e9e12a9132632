"""What a run says, as it is kept."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from widgets.debug import saved
from widgets.debug.tape import LONGEST, Tape, file_lines, pattern_of
from widgets.ink import said


def texts(tape: Tape) -> list[str]:
    return [one.text for one in tape.heard]


def filled(*lines: str, most: int = 1000, most_characters: int = 100_000) -> Tape:
    tape = Tape(most, most_characters)
    for line in lines:
        tape.say(line)
    tape.look()
    return tape


def test_lines_are_kept_in_their_order() -> None:
    tape = filled("one", "two")
    tape.say("three")
    news = tape.look()
    assert (news.added, news.gone, news.between) == (1, 0, False)
    assert texts(tape) == ["one", "two", "three"]
    assert tape.lines == 3
    assert not tape.look().added


@given(st.text(max_size=200))
def test_whatever_is_said_is_harmless(line: str) -> None:
    (kept,) = texts(filled(line))
    assert kept.isprintable()


def test_what_a_program_writes_for_a_terminal_is_taken_out() -> None:
    tape = filled("\x1b[31mred\x1b[0m [/x]\tend\r\n", "\x1b]0;owned\x07")
    assert texts(tape) == ["red [/x]    end", "\\x1b]0;owned\\x07"]


def test_a_long_line_is_cut_and_says_so() -> None:
    (kept,) = texts(filled("x" * (LONGEST + 1)))
    assert kept == "x" * LONGEST + " …"
    assert texts(filled("x" * LONGEST)) == ["x" * LONGEST]


def test_the_oldest_go_and_are_counted() -> None:
    tape = filled(*map(str, range(100)), most=100)
    assert (tape.lines, tape.gone) == (100, 0)
    tape.say("100")
    news = tape.look()
    assert (news.added, news.gone) == (1, 10)
    assert texts(tape)[0] == "10"
    assert (tape.lines, tape.gone, len(tape.heard)) == (101, 10, 91)


def test_what_is_more_than_fits_between_two_looks_is_counted_too() -> None:
    tape = filled(*map(str, range(1000)), most=100)
    assert (tape.lines, tape.gone, len(tape.heard)) == (1000, 900, 100)
    assert texts(tape)[-1] == "999"


def test_what_nobody_looks_at_is_bounded_too() -> None:
    tape = Tape(1000, 50_000)
    for _ in range(200):
        tape.say("x" * 1000)
    assert sum(len(line) for _, line in tape._waiting) <= 50_000
    tape.look()
    assert (tape.lines, tape.gone + len(tape.heard)) == (200, 200)


def test_long_lines_are_bounded_by_their_characters() -> None:
    tape = filled(*["x" * 1000] * 200, most_characters=50_000)
    assert sum(map(len, texts(tape))) <= 50_000
    assert tape.gone + len(tape.heard) == 200


def test_a_stage_stands_where_it_began() -> None:
    tape = filled("before")
    began = tape.heard[-1].when
    tape.mark(began, "clamav connect", said("connect"))
    tape.say("amid it")
    tape.look()
    tape.mark(began, "clamav helo", said("helo"))
    assert tape.look().between
    assert [one.text for one in tape.heard if one.stage] == ["clamav connect", "clamav helo"]
    whens = [one.when for one in tape.heard]
    assert whens == sorted(whens)
    assert tape.lines == 2


def test_output_that_comes_late_stands_where_it_was_written() -> None:
    tape = Tape()
    tape.mark(10.0, "m connect", said("connect"))
    tape.mark(12.0, "m helo", said("helo"))
    tape.look()
    tape.say("connected", 11.0)
    tape.say("greeted", 12.5)
    assert tape.look().between
    assert texts(tape) == ["m connect", "connected", "m helo", "greeted"]


def test_a_clock_that_is_set_back_changes_no_order() -> None:
    tape = Tape()
    tape.say("first", 20.0)
    tape.say("second", 10.0)
    tape.look()
    assert texts(tape) == ["first", "second"]


def test_several_threads_may_say_something() -> None:
    tape = Tape()

    def speak(name: str) -> None:
        for number in range(2000):
            tape.say(f"{name} {number}")

    threads = [threading.Thread(target=speak, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tape.look()
    tape.look()
    assert tape.lines == len(tape.heard) == 6000
    assert [one for one in texts(tape) if one[0] == "a"] == [f"a {n}" for n in range(2000)]


def test_capitals_count_where_there_are_any() -> None:
    tape = filled("an Error", "an error", "a.b", "acb")
    assert tape.found(pattern_of("error")) == [0, 1]
    assert tape.found(pattern_of("Error")) == [0]
    assert tape.found(pattern_of("a.b")) == [2]


def test_a_file_is_new_whole_and_its_owner_s(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    offered = saved.offered("milter/manager")
    assert offered.startswith(f"{tmp_path}/milter-manager-debug-")
    assert saved.objection(offered) == ""
    path = saved.save("out.log", file_lines(filled("one", "ü\ud800").heard))
    lines = (tmp_path / "out.log").read_text().splitlines()
    assert path == f"{tmp_path}/out.log"
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "ü\\ud800"]
    assert (tmp_path / "out.log").stat().st_mode & 0o777 == 0o600
    assert "exists" in saved.objection("out.log")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert "exists" in saved.objection("link")
    assert "no folder" in saved.objection("nowhere/x")
    assert saved.objection(" ")
