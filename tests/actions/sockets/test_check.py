"""The edges of a lab, looked at: which there are, and what is told of one that is closed."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.finding import Health
from actions.host.errors import NotPermitted
from actions.registry import find
from actions.sockets.check import check_sockets
from actions.sockets.path import Step
from console.lab.lab import running_lab
from console.render.hint import Hints
from console.render.sockets import headline, render, step_line
from tests.milters.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab


@pytest.fixture(scope="module")
def closed() -> Iterator[Lab]:
    """A lab whose milter-manager makes its socket for the wrong group."""
    with running_lab(("socket-unwritable",)) as lab:
        yield lab


def test_every_edge_is_looked_at_and_the_closed_one_explained(closed: Lab) -> None:
    report = check_sockets(Context(closed.host))
    assert report.exit_code == Exit.PROBLEM
    by_name = {state.edge.name: state for state in report.edges}
    assert list(by_name) == [
        "smtpd:milter-manager",
        "milter-manager:milter-greylist",
        "milter-manager:clamav-milter",
        "milter-manager:spamass-milter",
        "smtpd:opendkim",
        "cleanup:opendkim",
    ]
    state = by_name.pop("smtpd:milter-manager")
    assert {other.finding.health for other in by_name.values()} == {Health.OK}
    assert state.finding.health is Health.DOWN
    assert state.cause in {"group", "write"}  # without root all users are one
    assert state.trouble is not None
    assert state.trouble.text == "Permission denied"
    assert "needs w" in state.finding.why
    assert "milter-manager.sock" in state.finding.why
    assert state.finding.remedy is not None
    assert state.finding.remedy.action == "sockets.fix"
    assert state.finding.remedy.arguments == (("edge", "smtpd:milter-manager"),)


def test_only_the_edges_that_are_named(closed: Lab) -> None:
    names = ("smtpd:opendkim", "milter-manager:clamav-milter")
    report = check_sockets(Context(closed.host), names)
    assert tuple(state.edge.name for state in report.edges) == names
    assert report.exit_code == Exit.FINE
    assert headline(report) == "open to their clients: 2 of 2 sockets"


def test_an_edge_that_is_none_is_refused_with_the_names_of_all(closed: Lab) -> None:
    with pytest.raises(ActionError, match="'smtpd:nobody' is no edge") as caught:
        check_sockets(Context(closed.host), ("smtpd:nobody",))
    assert caught.value.exit_code == Exit.USAGE
    assert "smtpd:milter-manager" in caught.value.next_step


def test_a_milter_by_its_socket_is_the_edge_that_leads_there(closed: Lab) -> None:
    spec = next(spec for spec in closed.milters if "opendkim" in spec)
    report = check_sockets(Context(closed.host), milters=(spec,))
    assert [state.edge.name for state in report.edges] == ["smtpd:opendkim"]


def test_milters_that_no_setting_names(closed: Lab) -> None:
    specs = ("unix:/etc/passwd/x", "unix:/nowhere/x", "inet:127.0.0.1:1")
    report = check_sockets(Context(closed.host), milters=specs)
    assert report.exit_code == Exit.PROBLEM
    assert len({state.edge.name for state in report.edges}) == 3
    assert [state.edge.spec for state in report.edges] == list(specs)
    assert report.edges[0].finding.why == "/etc/passwd is no folder"
    assert report.edges[1].finding.why == "/nowhere does not exist"
    with pytest.raises(ActionError) as caught:
        check_sockets(Context(closed.host), milters=("nonsense",))
    assert caught.value.exit_code == Exit.USAGE


def test_as_text_the_path_is_walked_and_the_log_line_told(closed: Lab) -> None:
    report = find("sockets.check").function(Context(closed.host), edge=("smtpd:milter-manager",))
    text = render(report, Hints())  # type: ignore[arg-type]
    assert " ✗ smtpd → milter-manager: permission denied\n" in text
    assert "   ✗ w 0660" in text
    assert "smtpd logs: warning: connect to Milter service unix:" in text
    assert "meanwhile mail is deferred (451)\n" in text
    assert "mend it: console run sockets.fix smtpd:milter-manager\n" in text


def test_a_milter_that_ended_leaves_its_socket() -> None:
    with running_lab() as lab:
        os.kill(lab.host.units.state("opendkim").main_pid, signal.SIGKILL)
        eventually(lambda: lab.host.units.state("opendkim").activity == "failed")
        report = check_sockets(Context(lab.host), ("smtpd:opendkim",))
    (state,) = report.edges
    assert state.cause == "stale"
    assert "what can be done: console run sockets.ways smtpd:opendkim\n" in render(report, Hints())
    assert state.finding.remedy is None, "its service is to be started, which its own state tells"


def test_of_what_can_not_be_seen_no_mode_is_told() -> None:
    unseen = Step("/run/x/s.sock", "other", "", "", 0, "", None, "can't be seen from here")
    assert step_line(unseen).split(maxsplit=1) == ["?", "/run/x/s.sock  can't be seen from here"]


def test_an_ordinary_user_proves_nothing_and_claims_nothing(
    closed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(user: str, *_: object) -> object:
        raise NotPermitted(f"only root may connect as {user}")

    monkeypatch.setattr(closed.host, "connect_as", refuse)
    report = check_sockets(Context(closed.host))
    assert report.exit_code == Exit.UNDECIDED
    assert {state.finding.health for state in report.edges} == {Health.UNKNOWN}
    assert {state.cause for state in report.edges} == {"unseen"}
    assert all(state.finding.needs_root for state in report.edges)


def test_what_this_program_lacks_is_no_fault_of_the_edge(
    closed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a free descriptor the test itself could not go on.
    def refuse(*_: object) -> object:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(closed.host, "connect_as", refuse)
    report = check_sockets(Context(closed.host))
    assert report.exit_code == Exit.UNDECIDED
    assert not any(state.finding.needs_root for state in report.edges)
