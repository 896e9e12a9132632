"""A lab's closed socket: found, explained, mended by a plan, proved, and undone exactly."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import FileEdit
from actions.finding import Health
from actions.host.errors import NotPermitted
from actions.runner import run_plan
from actions.sockets.check import check_sockets
from actions.sockets.fix import plan_fix
from console.lab.lab import running_lab
from tests.milters.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

CONF = "/etc/default/milter-manager"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="without root all users are one")


@pytest.fixture(scope="module")
def closed() -> Iterator[Lab]:
    """A lab whose milter-manager makes its socket for the wrong group."""
    with running_lab(("socket-unwritable",)) as lab:
        yield lab


def spec_of(lab: Lab, part: str) -> str:
    return next(spec for spec in lab.milters if part in spec)


def test_the_closed_socket_is_found_and_explained(closed: Lab) -> None:
    report = check_sockets(Context(closed.host), ())
    assert report.exit_code == Exit.PROBLEM
    by_name = {edge.name: edge for edge in report.edges}
    assert len(by_name) == 2
    edge = by_name.pop("milter-manager")
    assert all(other.finding.health is Health.OK for other in by_name.values())
    assert edge.finding.health is Health.DOWN
    assert edge.trouble is not None
    assert edge.trouble.text == "Permission denied"
    assert "needs w" in edge.finding.why
    assert "milter-manager.sock" in edge.finding.why
    assert edge.finding.remedy is not None
    assert edge.finding.remedy.action == "sockets.fix"


def test_the_plan_edits_restarts_proves_and_is_undone_byte_for_byte(closed: Lab) -> None:
    conf = Path(closed.host.at(CONF))
    spec = spec_of(closed, "manager")
    socket = Path(spec.removeprefix("unix:"))
    before, status = conf.read_bytes(), conf.stat()
    ctx = Context(closed.host)

    plan = plan_fix(ctx, spec)
    assert [change.kind for change in plan.changes] == ["edit", "restart"]
    assert conf.read_bytes() == before, "planning changes nothing"
    assert check_sockets(ctx, (spec,)).exit_code == Exit.PROBLEM

    report = run_plan(ctx, plan)
    assert report.exit_code == Exit.FINE
    assert b'\nSOCKET_GROUP="' in conf.read_bytes()
    assert b'\nSOCKET_GROUP="milter-manager"' not in conf.read_bytes()
    assert socket.stat().st_mode & 0o777 == 0o660
    assert check_sockets(ctx, ()).exit_code == Exit.FINE
    assert not plan_fix(ctx, spec).changes, "what is open needs no plan"

    from actions.registry import find

    undo = find("journal.undo").function(ctx, entry=report.entry)
    assert run_plan(ctx, undo).exit_code == Exit.FINE  # type: ignore[arg-type]
    assert conf.read_bytes() == before
    after = conf.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        status.st_mode,
        status.st_uid,
        status.st_gid,
    )
    assert check_sockets(ctx, (spec,)).exit_code == Exit.PROBLEM


@AS_ROOT
def test_what_the_plan_sets_is_the_group_of_postfix(closed: Lab) -> None:
    plan = plan_fix(Context(closed.host), spec_of(closed, "manager"))
    edit = plan.changes[0]
    assert isinstance(edit, FileEdit)
    assert edit.after is not None
    assert b'\nSOCKET_GROUP="postfix"\n' in edit.after.content


def test_a_dead_milter_is_no_matter_of_permissions() -> None:
    with running_lab() as lab:
        os.kill(lab.host.units.state("opendkim").main_pid, signal.SIGKILL)
        eventually(lambda: lab.host.units.state("opendkim").activity == "failed")
        with pytest.raises(ActionError, match="Connection refused") as caught:
            plan_fix(Context(lab.host), spec_of(lab, "opendkim"))
        assert caught.value.exit_code == Exit.PROBLEM
        assert caught.value.next_step


def test_a_socket_that_no_known_daemon_makes_is_not_guessed_at(closed: Lab) -> None:
    import socket

    path = Path(closed.root, "run/stranger.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        with pytest.raises(ActionError, match="no known daemon"):
            plan_fix(Context(closed.host), f"unix:{path}")


def test_a_link_in_the_sockets_place_is_not_taken_for_the_socket(closed: Lab) -> None:
    socket_path = Path(spec_of(closed, "manager").removeprefix("unix:"))
    moved = Path(closed.root, "run", "moved.sock")
    socket_path.rename(moved)
    socket_path.symlink_to(moved)
    try:
        with pytest.raises(ActionError, match="is a link"):
            plan_fix(Context(closed.host), f"unix:{socket_path}")
    finally:
        socket_path.unlink()
        moved.rename(socket_path)


def stand_in(lab: Lab, group: int) -> str:
    """Give opendkim's socket an owner and group that postfix shares nothing with."""
    path = Path(spec_of(lab, "opendkim").removeprefix("unix:"))
    path.chmod(0o640)
    os.chown(path, -1, group)
    return f"unix:{path}"


@AS_ROOT
def test_nobody_joins_a_group_that_is_more_than_the_daemons_own() -> None:
    with running_lab() as lab:
        ctx = Context(lab.host)
        with pytest.raises(ActionError, match="not a group of the daemon's own"):
            plan_fix(ctx, stand_in(lab, 0))


def test_the_files_of_other_daemons_do_not_stand_in_the_way(closed: Lab) -> None:
    other = Path(closed.host.at("/etc/clamav/clamav-milter.conf"))
    other.rename(other.with_suffix(".kept"))
    other.mkdir()
    try:
        plan = plan_fix(Context(closed.host), spec_of(closed, "manager"))
        assert [change.kind for change in plan.changes] == ["edit", "restart"]
    finally:
        other.rmdir()
        other.with_suffix(".kept").rename(other)


def test_an_ordinary_user_proves_nothing_and_claims_nothing(
    closed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(user: str, endpoint: object, timeout: float) -> object:
        raise NotPermitted(f"only root may connect as {user}")

    monkeypatch.setattr(closed.host, "connect_as", refuse)
    report = check_sockets(Context(closed.host), ())
    assert report.exit_code == Exit.UNDECIDED
    assert {edge.finding.health for edge in report.edges} == {Health.UNKNOWN}
    assert all(edge.finding.needs_root for edge in report.edges)


def test_what_this_program_lacks_is_no_fault_of_the_edge(
    closed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a free descriptor the test itself could not go on.
    def refuse(user: str, endpoint: object, timeout: float) -> object:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(closed.host, "connect_as", refuse)
    report = check_sockets(Context(closed.host), ())
    assert report.exit_code == Exit.UNDECIDED
    assert not any(edge.finding.needs_root for edge in report.edges)


def test_a_path_through_a_file_is_down_not_a_crash(closed: Lab) -> None:
    report = check_sockets(Context(closed.host), ("unix:/etc/passwd/x",))
    assert report.exit_code == Exit.PROBLEM
    assert report.edges[0].finding.why == "/etc/passwd is no folder"
