"""A lab's closed socket: mended by a plan, proved, and undone exactly."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import FileEdit
from actions.host.errors import NotPermitted
from actions.runner import run_plan
from actions.sockets.check import check_sockets
from actions.sockets.fix import plan_fix
from actions.sockets.report import SocketsReport
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

CONF = "/etc/default/milter-manager"
EDGE = "smtpd:milter-manager"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="without root all users are one")


@pytest.fixture(scope="module")
def closed() -> Iterator[Lab]:
    """A lab whose milter-manager makes its socket for the wrong group."""
    with running_lab(("socket-unwritable",)) as lab:
        yield lab


def spec_of(lab: Lab, part: str) -> str:
    return next(spec for spec in lab.milters if part in spec)


def test_the_plan_edits_restarts_proves_and_is_undone_byte_for_byte(closed: Lab) -> None:
    conf = Path(closed.host.at(CONF))
    made = Path(spec_of(closed, "manager").removeprefix("unix:"))
    before, status = conf.read_bytes(), conf.stat()
    ctx = Context(closed.host)

    plan = plan_fix(ctx, EDGE)
    assert [change.kind for change in plan.changes] == [
        "edit",
        "check",
        "restart",
        "wait",
        "reload",
    ]
    assert conf.read_bytes() == before, "planning changes nothing"
    assert check_sockets(ctx, (EDGE,)).exit_code == Exit.PROBLEM

    report = run_plan(ctx, plan)
    assert report.exit_code == Exit.FINE
    assert b'\nSOCKET_GROUP="' in conf.read_bytes()
    assert b'\nSOCKET_GROUP="milter-manager"' not in conf.read_bytes()
    assert made.stat().st_mode & 0o777 == 0o660
    assert check_sockets(ctx).exit_code == Exit.FINE
    assert not plan_fix(ctx, EDGE).changes, "what is open needs no plan"

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
    assert check_sockets(ctx, (EDGE,)).exit_code == Exit.PROBLEM


@AS_ROOT
def test_what_restarts_nothing_promises_no_restart(closed: Lab) -> None:
    by_hand = plan_fix(Context(closed.host), EDGE, way="now").proof
    lasting = plan_fix(Context(closed.host), EDGE).proof
    assert by_hand is not None
    assert lasting is not None
    assert "after its restart" in lasting.summary
    assert "after its restart" not in by_hand.summary


@AS_ROOT
def test_what_the_plan_sets_is_the_group_of_postfix(closed: Lab) -> None:
    for plan in (
        plan_fix(Context(closed.host), EDGE),
        plan_fix(Context(closed.host), "", milter=spec_of(closed, "manager")),
    ):
        edit = plan.changes[0]
        assert isinstance(edit, FileEdit)
        assert edit.after is not None
        assert b'\nSOCKET_GROUP="postfix"\n' in edit.after.content


@AS_ROOT
def test_who_else_opens_the_socket_is_looked_at_however_it_was_named() -> None:
    with running_lab() as lab:
        spec = f"unix:{lab.host.at('/run/milter-greylist/milter-greylist.sock')}"
        manager = f"unix:{lab.host.at('/run/milter-manager/milter-manager.sock')}"
        main = Path(lab.host.at("/etc/postfix/main.cf"))
        main.write_text(main.read_text().replace(manager, f"{manager}, {spec}"))
        named, at = "smtpd:milter-greylist", "milter-manager:milter-greylist"
        by_name = plan_fix(Context(lab.host), named, way="membership").proof
        by_socket = plan_fix(Context(lab.host), "", way="membership", milter=spec).proof
    assert by_name is not None
    assert by_socket is not None
    assert by_name.arguments == {"edge": (named, at)}
    assert by_socket.arguments == {"milter": (spec,), "edge": (at,)}


def test_a_socket_that_no_known_daemon_makes_is_not_guessed_at(closed: Lab) -> None:
    path = Path(closed.root, "run/stranger.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        with pytest.raises(ActionError, match="no known daemon"):
            plan_fix(Context(closed.host), "", way="setting", milter=f"unix:{path}")


def test_the_files_of_other_daemons_do_not_stand_in_the_way(closed: Lab) -> None:
    other = Path(closed.host.at("/etc/clamav/clamav-milter.conf"))
    other.rename(other.with_suffix(".kept"))
    other.mkdir()
    try:
        plan = plan_fix(Context(closed.host), EDGE)
        assert [change.kind for change in plan.changes][:3] == ["edit", "check", "restart"]
    finally:
        other.rmdir()
        other.with_suffix(".kept").rename(other)


def test_what_is_not_proved_is_not_mended(closed: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # Who runs the tests as root may become everybody.
    def refuse(user: str, endpoint: object, timeout: float, chroot: str = "") -> object:
        raise NotPermitted(f"only root may connect as {user}")

    monkeypatch.setattr(closed.host, "connect_as", refuse)
    with pytest.raises(ActionError, match="only root may connect") as caught:
        plan_fix(Context(closed.host), EDGE)
    assert caught.value.exit_code == Exit.NOT_PERMITTED


@AS_ROOT
def test_a_fix_that_does_not_survive_is_rolled_back(closed: Lab) -> None:
    """Another file sets a mode by which the new group is of no use."""
    conf = Path(closed.host.at(CONF))
    before = conf.read_bytes()
    plan = plan_fix(Context(closed.host), EDGE)
    main = Path(closed.host.at("/etc/milter-manager/milter-manager.conf"))
    kept = main.read_bytes()
    main.write_bytes(kept.replace(b"unix_socket_mode = 0660", b"unix_socket_mode = 0600"))
    plan = plan._replace(changes=tuple(c for c in plan.changes if c.kind != "wait"))
    try:
        report = run_plan(Context(closed.host), plan)
        assert report.status == "rolled back"
        assert report.proof is not None
        assert isinstance(report.proof.report, SocketsReport)
        assert report.proof.report.edges[0].finding.what.endswith("permission denied")
        assert conf.read_bytes() == before
    finally:
        main.write_bytes(kept)
        closed.host.units.operate("restart", "milter-manager")
