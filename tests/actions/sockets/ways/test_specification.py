"""What Postfix's settings have for a milter, put right where what is meant is certain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context
from actions.runner import run_plan
from actions.sockets.check import check_sockets
from actions.sockets.fix import plan_fix
from actions.sockets.ways.report import look_at_ways
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

SOCKET = "/run/milter-manager/milter-manager.sock"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab whose main.cf names its milter-manager otherwise."""
    with running_lab() as lab:
        yield lab


def rewritten(lab: Lab, spec: str) -> Path:
    """Let main.cf have *spec* for the milter-manager, and return the file."""
    main = Path(lab.host.at("/etc/postfix/main.cf"))
    text = main.read_text()
    right = f"unix:{lab.host.at(SOCKET)}"
    assert right in text
    main.write_text(text.replace(right, spec))
    return main


def closed(lab: Lab) -> str:
    """Return the one edge of smtpd's that does not work."""
    states = check_sockets(Context(lab.host)).edges
    (name,) = (one.edge.name for one in states if one.cause and one.edge.client == "smtpd")
    return name


def test_a_path_without_its_transport(lab: Lab) -> None:
    main = rewritten(lab, lab.host.at(SOCKET))
    ctx = Context(lab.host)
    report = run_plan(ctx, plan_fix(ctx, closed(lab)))
    assert report.exit_code == 0, report
    assert f"unix:{lab.host.at(SOCKET)}" in main.read_text()
    assert check_sockets(ctx).exit_code == 0


def test_where_nobody_listens_nothing_is_guessed(lab: Lab) -> None:
    rewritten(lab, "inet:8899@localhost")
    report = look_at_ways(Context(lab.host), closed(lab), "")
    assert "specification" not in {way.name for way in report.ways}
    (why,) = (one.why for one in report.not_offered if one.name == "specification")
    assert why == "inet:localhost:8899 may be meant, but no service of this host listens there"


def test_what_can_be_read_in_no_way(lab: Lab) -> None:
    rewritten(lab, "somewhere")
    with pytest.raises(ActionError, match="what is meant can't be told from here") as caught:
        plan_fix(Context(lab.host), closed(lab))
    assert caught.value.next_step == "write unix:PATH or inet:HOST:PORT"
