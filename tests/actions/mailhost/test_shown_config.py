"""What milter-manager's --show-config prints, in the form that its guide documents."""

from __future__ import annotations

import time
from pathlib import Path

from actions.mailhost.shown_config import MOST_MILTERS, read_shown

RECORDED = Path(__file__).with_name("show-config.txt").read_text()


def test_every_child_is_read_with_its_settings() -> None:
    greylist, spamass, opendkim = read_shown(RECORDED).milters
    assert greylist.name == "milter-greylist"
    assert greylist.settings["connection_spec"] == (
        "unix:/var/run/milter-greylist/milter-greylist.sock"
    )
    assert greylist.settings["description"] == 'Greylist milter with a "quoted" word'
    assert (greylist.settings["reading_timeout"], greylist.settings["user_name"]) == ("30.0", "")
    assert greylist.conditions == ("S25R", "Trust")
    assert (spamass.settings["evaluation_mode"], spamass.conditions) == ("true", ())
    assert opendkim.conditions == ("Remote Network", "Unauthentication")
    assert (opendkim.settings["connection_spec"], opendkim.settings["enabled"]) == ("", "false")


def test_the_manager_s_own_settings_are_read_and_nothing_is_an_error() -> None:
    shown = read_shown(RECORDED)
    spec = shown.settings["manager.connection_spec"]
    assert spec == "unix:/var/run/milter-manager/milter-manager.sock"
    assert shown.settings["controller.connection_spec"] == ""
    assert shown.errors == ()


def test_a_child_may_be_defined_in_pieces() -> None:
    shown = read_shown(
        'define_milter("a") do |milter|\n  milter.connection_spec = "unix:/a"\nend\n'
        'define_milter("a") do |milter|\n  milter.add_applicable_condition("S25R")\n'
        '  milter.add_applicable_condition("S25R")\n  milter.enabled = false # for now\nend\n'
    )
    (one,) = shown.milters
    assert one.settings == {"connection_spec": "unix:/a", "enabled": "false"}
    assert one.conditions == ("S25R",)


def test_what_the_program_says_of_an_error_is_kept() -> None:
    said = "/etc/milter-manager/milter-manager.local.conf:9: syntax error, unexpected end"
    for shown in (read_shown("", f"{said}\n"), read_shown(f"{said}\nlog.level = nil\n")):
        assert shown.errors == (said,)
        assert shown.milters == ()


def test_a_name_or_a_list_that_speaks_of_an_error_is_none() -> None:
    shown = read_shown(
        'define_milter("error-filter") do |milter|\n  milter.applicable_conditions = [\n'
        '    "On error",\n  ]\nend\nremove_milter("error")\n  "some error",\n'
    )
    assert shown.errors == ()
    assert shown.milters[0].name == "error-filter"


def test_a_torn_or_hostile_output_ends() -> None:
    for size in range(0, len(RECORDED), 7):
        read_shown(RECORDED[:size])
    shown = read_shown('define_milter("\x1b[2J") do |milter|\n  milter.applicable_conditions = [\n')
    assert shown.milters[0].conditions == ()
    assert read_shown('define_milter(") do |x|\nend\n').milters[0].name == ""


def test_what_unicode_calls_a_line_s_end_is_none() -> None:
    settings = read_shown('log.path = "/a\u2028log.level = 1"\n').settings
    assert list(settings) == ["log.path"]


def test_no_more_than_a_hundred_milters_are_read() -> None:
    blocks = "".join(f'define_milter("m{n}") do |milter|\nend\n' for n in [*range(130), 129, 5])
    shown = read_shown(blocks)
    assert [one.name for one in shown.milters] == [f"m{n}" for n in range(MOST_MILTERS)]
    assert shown.left_out == 30
    assert read_shown(RECORDED).left_out == 0


def test_a_milter_in_many_pieces_and_a_long_string_take_no_longer_than_they_are() -> None:
    piece = 'define_milter("a") do |milter|\n  milter.add_applicable_condition("C%d")\nend\n'
    started = time.monotonic()
    (one,) = read_shown("".join(piece % number for number in range(50_000))).milters
    assert len(one.conditions) == 50_000
    long = 'log.path = "' + "\\x" * 1_000_000 + '"\n'
    assert len(read_shown(long).settings["log.path"]) == 1_000_000
    assert time.monotonic() - started < 5


def test_a_later_piece_takes_the_conditions_of_earlier_ones_away() -> None:
    first = 'define_milter("a") do |milter|\n  milter.add_applicable_condition("A")\nend\n'
    later = 'define_milter("a") do |milter|\n  milter.applicable_conditions = ["B"]\nend\n'
    assert read_shown(first + later).milters[0].conditions == ("B",)
    assert read_shown(later + first).milters[0].conditions == ("B", "A")
