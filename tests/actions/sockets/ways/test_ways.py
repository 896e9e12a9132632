"""The ways of one edge, compared: their order, what is recommended, and how they are shown."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.sockets.fix import plan_fix
from actions.sockets.ways.names import names
from actions.sockets.ways.report import look_at_ways
from console.lab.lab import running_lab
from console.render.hint import Hints
from console.render.plain import document
from console.render.ways import headline, render
from tests.actions.sockets.ways.conftest import AS_ROOT
from tests.milters.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

EDGE = "smtpd:milter-manager"


@pytest.fixture(scope="module")
def closed() -> Iterator[Lab]:
    """A lab whose milter-manager makes its socket for the wrong group."""
    with running_lab(("socket-unwritable",)) as lab:
        yield lab


@AS_ROOT
def test_the_ways_are_told_in_the_order_of_recommendation(closed: Lab) -> None:
    report = look_at_ways(Context(closed.host), EDGE, "")
    assert report.exit_code == Exit.PROBLEM
    told = [way.name for way in report.ways]
    assert told[:3] == ["setting", "membership", "chroot"]
    assert told == [name for name in names() if name in told]
    assert [way.name for way in report.ways if way.recommended] == ["setting"]
    assert all(way.lasting for way in report.ways if way.name != "now")
    first = report.ways[0]
    assert first.does == (
        'SOCKET_GROUP="postfix" in /etc/default/milter-manager',
        "restart milter-manager",
        "reload postfix",
    )
    assert first.risk == "whoever is in group postfix can connect to milter-manager"


@AS_ROOT
def test_each_way_makes_a_plan_of_its_own(closed: Lab) -> None:
    ctx = Context(closed.host)
    report = look_at_ways(ctx, EDGE, "")
    plans = {way.name: plan_fix(ctx, EDGE, way=way.name) for way in report.ways}
    assert len({plan.changes for plan in plans.values()}) == len(plans)
    for way in report.ways:
        assert plans[way.name].lasting == way.lasting
        assert plans[way.name].proof is not None
        assert plans[way.name].arguments == {"edge": EDGE, "way": way.name}
    assert plan_fix(ctx, EDGE).changes == plans["setting"].changes


@AS_ROOT
@pytest.mark.parametrize("width", [80, 100, 160])
def test_as_text_they_stand_side_by_side(
    closed: Lab, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.render.ways.width", lambda: width)
    monkeypatch.setattr("console.render.columns.width", lambda: width)
    report = look_at_ways(Context(closed.host), EDGE, "")
    text = render(report, Hints(closed.root))
    lines = text.splitlines()
    head = next(line for line in lines if "what it risks" in line)
    at = head.index("what it changes")
    (row,) = (line for line in lines if line.startswith(" ▸ "))
    assert row.split()[1:3] == ["setting", "always"]
    assert row[at:].startswith("SOCKET_GROUP=")
    assert max(map(len, lines[:-2])) <= width, "but for the commands, which are not folded"
    assert f"sockets.fix {EDGE} --lab" in lines[-2]
    assert "--way membership" in lines[-1]
    assert headline(report).startswith(report.edge.finding.what)


@AS_ROOT
def test_as_json_a_script_reads_the_same(closed: Lab) -> None:
    told = json.loads(document(look_at_ways(Context(closed.host), EDGE, "")))
    assert told["schema"] == "sockets.ways/1"
    assert told["edge"]["edge"]["name"] == EDGE
    assert told["ways"][0]["name"] == "setting"
    assert told["ways"][0]["recommended"] is True


def test_an_edge_that_works_needs_no_way(closed: Lab) -> None:
    report = look_at_ways(Context(closed.host), "smtpd:opendkim", "")
    assert (report.exit_code, report.ways) == (Exit.FINE, ())
    assert not plan_fix(Context(closed.host), "smtpd:opendkim").changes


@pytest.mark.parametrize(("edge", "milter"), [("", ""), (EDGE, "unix:/run/x.sock")])
def test_one_edge_is_named_one_way(closed: Lab, edge: str, milter: str) -> None:
    with pytest.raises(ActionError, match="one edge is needed") as caught:
        plan_fix(Context(closed.host), edge, milter=milter)
    assert caught.value.exit_code == Exit.USAGE


def test_a_way_that_does_not_mend_it_is_refused_with_those_that_do(closed: Lab) -> None:
    with pytest.raises(ActionError, match="'start' does not mend") as caught:
        plan_fix(Context(closed.host), EDGE, way="start")
    assert caught.value.exit_code == Exit.USAGE
    assert caught.value.next_step.startswith("choose from: setting, ")


def test_a_milter_that_died_is_no_matter_of_settings() -> None:
    with running_lab() as lab:
        os.kill(lab.host.units.state("opendkim").main_pid, signal.SIGKILL)
        eventually(lambda: lab.host.units.state("opendkim").activity == "failed")
        report = look_at_ways(Context(lab.host), "smtpd:opendkim", "")
        assert report.edge.cause == "stale"
        assert not {"setting", "membership", "chroot"} & {way.name for way in report.ways}
