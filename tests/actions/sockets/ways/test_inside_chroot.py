"""The socket moved below the queue directory: the daemon, Postfix and a manager told together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context
from actions.runner import run_plan
from actions.sockets.check import check_sockets
from actions.sockets.fix import plan_fix
from console.lab.lab import running_lab
from tests.actions.sockets.ways.conftest import AS_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab


@pytest.fixture
def closed() -> Iterator[Lab]:
    """A lab whose milter-manager makes its socket for the wrong group."""
    with running_lab(("socket-unwritable",)) as lab:
        yield lab


def state_of(root: str) -> dict[str, tuple[int, int, int, bytes]]:
    """Return owner, group, mode and bytes of all that a plan may change."""
    found = {}
    for folder in ("etc", "run", "var/spool/postfix"):
        for path in (Path(root, folder), *Path(root, folder).rglob("*")):
            entry = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (entry.st_mode, entry.st_uid, entry.st_gid, content)
    return found


@AS_ROOT
def test_the_socket_moves_and_moves_back(closed: Lab) -> None:
    ctx = Context(closed.host)
    before = state_of(closed.root)
    plan = plan_fix(ctx, "smtpd:milter-manager", way="chroot")
    assert [change.kind for change in plan.changes] == [
        *("create", "stop", "edit", "check", "edit", "start", "wait", "reload"),
    ]
    report = run_plan(ctx, plan)
    assert report.exit_code == 0, report
    queue = closed.host.at("/var/spool/postfix")
    folder = os.stat(f"{queue}/milter-manager")
    accounts = closed.host.accounts
    assert accounts.user_name(folder.st_uid) == "milter-manager"
    assert accounts.group_name(folder.st_gid) == "postfix"
    assert folder.st_mode & 0o7777 == 0o2750
    main = Path(closed.host.at("/etc/postfix/main.cf")).read_text()
    assert "unix:milter-manager/milter-manager.sock" in main
    assert check_sockets(ctx).exit_code == 0

    from actions.registry import find

    undo = find("journal.undo").function(ctx, entry=report.entry)
    assert run_plan(ctx, undo).exit_code == 0  # type: ignore[arg-type]
    after = state_of(closed.root)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert not changed


@AS_ROOT
def test_a_manager_that_can_t_be_told_would_be_shut_out() -> None:
    with running_lab() as lab:
        old = lab.host.at("/run/milter-greylist/milter-greylist.sock")
        main = Path(lab.host.at("/etc/postfix/main.cf"))
        manager = f"unix:{lab.host.at('/run/milter-manager/milter-manager.sock')}"
        main.write_text(main.read_text().replace(manager, f"{manager}, unix:{old}"))
        configuration = Path(lab.host.at("/etc/milter-manager/milter-manager.conf"))
        text = configuration.read_text()
        assert f'"unix:{old}"' in text
        # Its own settings are in another file then, which does not name the milter.
        configuration.write_text(f'{text}\nload_if_exist("milter-manager.local.conf")\n')
        with pytest.raises(ActionError, match="milter-manager asks it too"):
            plan_fix(Context(lab.host), "smtpd:milter-greylist", way="chroot")


@AS_ROOT
def test_a_manager_that_asks_it_too_is_told() -> None:
    with running_lab() as lab:
        ctx = Context(lab.host)
        old = lab.host.at("/run/milter-greylist/milter-greylist.sock")
        main = Path(lab.host.at("/etc/postfix/main.cf"))
        manager = f"unix:{lab.host.at('/run/milter-manager/milter-manager.sock')}"
        main.write_text(main.read_text().replace(manager, f"{manager}, unix:{old}"))
        before = state_of(lab.root)
        name = "smtpd:milter-greylist"
        report = run_plan(ctx, plan_fix(ctx, name, way="chroot"))
        assert report.exit_code == 0, report
        configuration = Path(lab.host.at("/etc/milter-manager/milter-manager.conf")).read_text()
        new = lab.host.at("/var/spool/postfix/milter-greylist/milter-greylist.sock")
        assert f'connection_spec = "unix:{new}"' in configuration
        assert old not in configuration + main.read_text()
        seen = {one.edge.name: one.cause for one in check_sockets(ctx).edges}
        assert (seen[name], seen["milter-manager:milter-greylist"]) == ("", "")

        from actions.registry import find

        undo = find("journal.undo").function(ctx, entry=report.entry)
        assert run_plan(ctx, undo).exit_code == 0  # type: ignore[arg-type]
        assert state_of(lab.root) == before
