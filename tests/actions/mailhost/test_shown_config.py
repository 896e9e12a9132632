"""What milter-manager's --show-config prints, in the form that its guide documents."""

from __future__ import annotations

from pathlib import Path

from actions.mailhost.shown_config import read_shown

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


def test_a_torn_or_hostile_output_ends() -> None:
    for size in range(0, len(RECORDED), 7):
        read_shown(RECORDED[:size])
    shown = read_shown('define_milter("\x1b[2J") do |milter|\n  milter.applicable_conditions = [\n')
    assert shown.milters[0].conditions == ()
    assert read_shown('define_milter(") do |x|\nend\n').milters[0].name == ""
