"""Command lines in units: each word arrives as it was, and nothing in it is replaced."""

from __future__ import annotations

import pytest

from actions.host.unit_words import from_unit, to_unit

LINES = (
    ("/bin/true",),
    ("/usr/bin/rm", "-f", "--", "/run/a b", "/run/c"),
    ("/bin/sh", "-c", 'test "$(cat <"$1")" = "$2"', "sh", "100 %n", "${HOME}"),
    ("/bin/echo", "", ";", "a\\b", 'say "x"', "tab\there", "line\nbreak", "it's"),
    ("/opt/a-b_c/x", "grüße"),
)


@pytest.mark.parametrize("argv", LINES)
def test_a_line_is_read_back_as_it_was_written(argv: tuple[str, ...]) -> None:
    line = to_unit(argv)
    assert from_unit(line) == argv
    assert "\n" not in line


def test_what_systemd_would_replace_is_doubled() -> None:
    assert to_unit(("/bin/echo", "50% of $HOME")) == '/bin/echo "50%% of $$HOME"'


@pytest.mark.parametrize("argv", [(), ("true",), ("-/bin/true",), ("/bin/true", "\x07")])
def test_what_can_be_no_command_line_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"program|unit's file"):
        to_unit(argv)


@pytest.mark.parametrize("line", ['/bin/echo "open', '/bin/echo a"b"', "/bin/echo 'x", "echo"])
def test_a_line_of_others_is_not_guessed_at(line: str) -> None:
    with pytest.raises(ValueError, match=r"can't be read|program"):
        from_unit(line)
