"""Deviations of Postfix's settings, on a folder of its own that the real postconf reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.setup.fix import plan_fix
from actions.setup.survey import check_setup
from tests.actions.setup.cases import CASES
from tests.actions.setup.injected import (
    MAIN,
    MASTER,
    Injected,
    goes_its_way,
    injected_host,
    said,
    told,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_found_on_a_host_that_is_as_it_should_be(tmp_path: Path) -> None:
    host = injected_host(tmp_path)
    report = check_setup(Context(host), ("postfix",))
    wrong = [one for one in report.results if one.verdict != "as wanted"]
    assert [one for one in wrong if one.name != "postfix.ownership"] == []
    assert len({one.name for one in report.results}) > 7


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.new[-30:]}")
def test_a_deviation_is_found_mended_proved_and_undone(case: Injected, tmp_path: Path) -> None:
    host = injected_host(tmp_path)
    path = tmp_path / "postfix" / case.file
    text = path.read_text(encoding="utf-8")
    assert case.old in text
    path.write_text(text.replace(case.old, case.new, 1), encoding="utf-8")
    goes_its_way(host, case)


CHROOTED = MASTER.replace("smtp      inet  n - n", "smtp      inet  n - y")


@pytest.mark.parametrize(
    ("main", "check", "file", "wanted"),
    [
        (
            MAIN.replace("unix:milters/one.sock", "unix:{root}/run/one.sock"),
            "postfix.milter_chroot",
            "master.cf",
            "chroot n",
        ),
        (
            MAIN.replace("unix:milters/one.sock", "unix:{root}/queue/milters/one.sock"),
            "postfix.milter_chroot",
            "main.cf",
            "unix:milters/one.sock",
        ),
        (
            MAIN.replace("inet:127.0.0.1:10025\nnon", "inet:localhost:10025\nnon"),
            "postfix.milter_localhost",
            "main.cf",
            "inet:127.0.0.1:10025",
        ),
    ],
    ids=["outside", "inside", "localhost"],
)
def test_what_a_chrooted_smtpd_cannot_see_is_mended(
    tmp_path: Path, main: str, check: str, file: str, wanted: str
) -> None:
    for place in ("run", "queue/milters"):
        (tmp_path / place).mkdir(parents=True) if place == "run" else None
    host = injected_host(tmp_path, main.format(root=tmp_path), CHROOTED)
    (tmp_path / "queue/milters").mkdir()
    for socket in ("run/one.sock", "queue/milters/one.sock"):
        (tmp_path / socket).touch()
    (result,) = told(host, check)
    assert (result.verdict, result.severe) == ("deviates", True)
    assert wanted in result.wanted
    assert result.line
    before = {name: (tmp_path / "postfix" / name).read_bytes() for name in ("main.cf", "master.cf")}

    from actions.registry import find
    from actions.runner import run_plan

    ctx = Context(host)
    report = run_plan(ctx, plan_fix(ctx, (check,)))
    assert report.exit_code == Exit.FINE, report.because
    assert (tmp_path / "postfix" / file).read_bytes() != before[file]
    undo = find("journal.undo").function(ctx, entry=report.entry)
    assert run_plan(ctx, undo).exit_code == Exit.FINE  # type: ignore[arg-type]
    assert {n: (tmp_path / "postfix" / n).read_bytes() for n in before} == before


def test_a_milter_that_is_down_is_not_blamed_on_the_chroot(tmp_path: Path) -> None:
    main = MAIN.replace("unix:milters/one.sock", "unix:/nowhere/one.sock")
    assert not told(injected_host(tmp_path, main, CHROOTED), "postfix.milter_chroot")


def test_several_deviations_are_mended_by_one_plan(tmp_path: Path) -> None:
    from actions.runner import run_plan

    main = MAIN.replace("unix:milters/one.sock", "/run/one.sock")
    main = main.replace("    inet:127.0.0.1:10025", "    inet:10025@127.0.0.1")
    main = main.replace("milter_protocol = 6", "milter_protocol = 2")
    host = injected_host(tmp_path, main)
    ctx = Context(host)
    plan = plan_fix(ctx, ("postfix.milter_syntax", "postfix.milter_protocol"))
    assert [change.kind for change in plan.changes] == ["edit"]
    assert run_plan(ctx, plan).exit_code == Exit.FINE
    text = (tmp_path / "postfix/main.cf").read_text(encoding="utf-8")
    assert "smtpd_milters = unix:/run/one.sock, inet:127.0.0.1:10025\n" in text
    assert "milter_protocol = 6\n" in text


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("unix:/" + "x" * 120, "too long"),
        ("inet:127.0.0.1", "garbage after numerical service"),
        ("smtp:127.0.0.1:25x:y", "invalid transport"),
    ],
)
def test_what_can_only_be_mended_by_hand_is_said(tmp_path: Path, item: str, words: str) -> None:
    host = injected_host(tmp_path, MAIN.replace("unix:milters/one.sock", item))
    (result,) = told(host, "postfix.milter_syntax")
    assert words in result.why
    assert result.unfixable
    with pytest.raises(ActionError) as caught:
        plan_fix(Context(host), ("postfix.milter_syntax",))
    assert caught.value.exit_code == Exit.PROBLEM
    assert caught.value.next_step == result.unfixable


def test_a_list_that_another_setting_writes_is_not_edited_blindly(tmp_path: Path) -> None:
    main = MAIN.replace("unix:milters/one.sock", "$mine") + "mine = /run/one.sock\n"
    host = injected_host(tmp_path, main)
    (result,) = told(host, "postfix.milter_syntax")
    assert result.found == "/run/one.sock"

    from actions.host.errors import HostError

    with pytest.raises(HostError, match="edit the setting that it refers to"):
        plan_fix(Context(host), ("postfix.milter_syntax",))


def test_a_warning_of_postfix_is_told_with_its_line(tmp_path: Path) -> None:
    host = injected_host(tmp_path, MAIN + "smtpd_helo_restrictions = $nosuch\n")
    (result,) = told(host, "postfix.warnings")
    assert result.found == "undefined parameter: nosuch"
    lines = (tmp_path / "postfix/main.cf").read_text(encoding="utf-8").split("\n")
    assert lines[result.line - 1] == "smtpd_helo_restrictions = $nosuch"


@pytest.mark.parametrize(
    ("old", "new", "is_open"),
    [
        ("permit_mynetworks, reject_unauth_destination", "permit", True),
        ("permit_mynetworks, reject_unauth_destination", "permit_mynetworks, reject", False),
        ("permit_mynetworks, reject_unauth_destination", "reject, permit", False),
        ("permit_mynetworks, reject_unauth_destination", "my_class, permit", False),
        (
            "permit_mynetworks, reject_unauth_destination",
            "reject_non_fqdn_sender, permit",
            True,
        ),
    ],
)
def test_an_open_relays_sign_is_told(tmp_path: Path, old: str, new: str, is_open: bool) -> None:
    host = injected_host(tmp_path, MAIN.replace(old, new))
    assert bool(told(host, "postfix.relay")) == is_open


def test_settings_that_cannot_be_read_are_unknown_never_fine(tmp_path: Path) -> None:
    host = injected_host(tmp_path)
    (tmp_path / "postfix/master.cf").write_text("smtp inet n\n", encoding="utf-8")
    report = check_setup(Context(host), ("postfix.milter_syntax", "postfix.milter_protocol"))
    assert {one.verdict for one in report.results} == {"unknown"}
    assert report.exit_code == Exit.UNDECIDED


def test_the_mend_of_a_choice_is_a_decision(tmp_path: Path) -> None:
    main = MAIN.replace("action = tempfail", "action = accept")
    host = injected_host(tmp_path, main)
    report = check_setup(Context(host), ("postfix.milter_default_action",))
    assert report.exit_code == Exit.FINE, "a choice is no problem"
    assert not report.findings
    with pytest.raises(ActionError) as caught:
        plan_fix(Context(host), ("postfix",))
    assert caught.value.exit_code == Exit.USAGE
    assert said(host, ("postfix.milter_default_action",))


def test_an_edit_of_a_service_leaves_the_comments_around_it_where_they_are(tmp_path: Path) -> None:
    master = CHROOTED.replace(
        "submission inet", "# For users.\n#smtps inet n - - smtpd\nsubmission inet"
    )
    master = master.replace("  -o syslog_name", "  # why\n  -o syslog_name")
    main = MAIN.replace("unix:milters/one.sock", f"unix:{tmp_path}/run/one.sock")
    host = injected_host(tmp_path, main, master)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/one.sock").touch()
    (edit,) = plan_fix(Context(host), ("postfix.milter_chroot",)).changes
    signs = [(line.sign, line.text.split()) for line in edit.lines() if line.sign in "+-"]
    assert signs == [
        ("-", ["smtp", "inet", "n", "-", "y", "-", "-", "smtpd"]),
        ("+", ["smtp", "inet", "n", "-", "n", "-", "-", "smtpd"]),
    ]
