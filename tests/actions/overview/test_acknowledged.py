"""Findings acknowledged until a day: by an option, by the file, and by the plan that writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.finding import Finding, Health
from actions.overview.acknowledge import plan_acknowledgement
from actions.overview.acknowledged import BadFile, given, on_file, sort_out
from actions.overview.report import Acknowledgement
from actions.registry import find
from actions.runner import run_plan
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

FOUND = (
    Finding(Health.DOWN, "a is down", "", name="services.a"),
    Finding(Health.DEGRADED, "b is odd", "", name="setup.b"),
)
FILE = "/etc/milter-console/acknowledged.json"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


def test_up_to_and_with_its_day_it_is_not_counted() -> None:
    known = (Acknowledgement("services.a", "2030-01-31", "planned"),)
    before = sort_out(FOUND, known, "2030-01-31")
    assert [one.name for one in before.counted] == ["setup.b"]
    assert [(one.finding.name, one.reason) for one in before.acknowledged] == [
        ("services.a", "planned")
    ]
    after = sort_out(FOUND, known, "2030-02-01")
    assert after.counted == FOUND
    assert after.expired == known


def test_the_later_of_two_days_holds_and_what_is_not_found_is_told() -> None:
    known = (
        Acknowledgement("services.a", "2030-01-31"),
        Acknowledgement("services.a", "2029-01-01"),
        Acknowledgement("services.typo", "2030-01-31"),
    )
    sorted_out = sort_out(FOUND, known, "2030-01-01")
    assert [one.until for one in sorted_out.acknowledged] == ["2030-01-31"]
    assert [one.name for one in sorted_out.unmatched] == ["services.typo"]


@pytest.mark.parametrize(
    "word", ["", "services.a", "services.a@", "@2030-01-31", "a.b@31.1.2030", "a.b@2030-02-30"]
)
def test_what_names_no_day_is_a_usage_error(word: str) -> None:
    with pytest.raises(ActionError) as caught:
        given((word,))
    assert caught.value.exit_code == Exit.USAGE
    assert caught.value.next_step


def test_a_unit_with_an_instance_can_be_acknowledged() -> None:
    assert given(("services.clamd@scan@2030-01-31",)) == (
        Acknowledgement("services.clamd@scan", "2030-01-31"),
    )


def test_the_plan_writes_the_file_adds_to_it_and_is_undone(lab: Lab) -> None:
    ctx, path = Context(lab.host), Path(lab.host.at(FILE))
    first = run_plan(ctx, plan_acknowledgement(ctx, "setup.x", "2999-12-31", "wait for it"))
    assert first.exit_code == Exit.FINE
    run_plan(ctx, plan_acknowledgement(ctx, "setup.y", "2999-12-31", "“quoted”"))
    run_plan(ctx, plan_acknowledgement(ctx, "setup.x", "2999-12-30", "sooner"))
    assert on_file(lab.host) == (
        Acknowledgement("setup.y", "2999-12-31", "“quoted”"),
        Acknowledgement("setup.x", "2999-12-30", "sooner"),
    )
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.read_bytes()
    path.write_bytes(before.replace(b"sooner", b"by hand"))
    assert plan_acknowledgement(ctx, "setup.z", "2999-12-31", "more").changes[0].kind == "edit"
    path.write_bytes(before)
    undo = find("journal.undo").function(ctx, entry="last")
    assert run_plan(ctx, undo).exit_code == Exit.FINE  # type: ignore[arg-type]
    assert b"wait for it" in path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema": "other/1"}',
        b'{"schema": "overview.acknowledged/1"}',
        b'{"schema": "overview.acknowledged/1", "acknowledged": [{"name": 1}]}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_said_and_not_written_over(lab: Lab, content: bytes) -> None:
    path = Path(lab.host.at(FILE))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    try:
        with pytest.raises(BadFile, match="no list of acknowledgements"):
            on_file(lab.host)
        with pytest.raises(Exception, match="mend it or move it away"):
            plan_acknowledgement(Context(lab.host), "setup.x", "2999-12-31", "why")
        assert path.read_bytes() == content
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("name", "until", "reason"),
    [
        ("x", "2999-12-31", "y"),
        ("setup.x", "soon", "y"),
        ("setup.x", "2001-01-01", "y"),
        ("setup.x", "2999-12-31", " "),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_planned(
    lab: Lab, name: str, until: str, reason: str
) -> None:
    with pytest.raises(ActionError) as caught:
        plan_acknowledgement(Context(lab.host), name, until, reason)
    assert caught.value.exit_code == Exit.USAGE


def test_what_is_written_is_json_for_people(lab: Lab) -> None:
    plan = plan_acknowledgement(Context(lab.host), "setup.x", "2999-12-31", "why")
    edit = plan.changes[-1]
    text = "\n".join(
        line.text for line in edit.lines() if line.sign == "+" and "mode" not in line.text
    )
    assert json.loads(text)["acknowledged"] == [
        {"name": "setup.x", "until": "2999-12-31", "reason": "why"}
    ]
