"""What ``postfix check`` says to the log only: copies in the chroot, and who owns what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.action import Context, Exit
from actions.registry import find
from actions.runner import run_plan
from actions.setup.fix import plan_fix
from tests.actions.setup.injected import MAIN, MASTER, injected_host, told
from tests.programs import needs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.mailhost.private import PrivateHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
CHROOTED = MASTER.replace("smtp      inet  n - n", "smtp      inet  n - y")


def mended_and_undone(host: PrivateHost, name: str) -> None:
    ctx = Context(host)
    before = told(host, name)
    report = run_plan(ctx, plan_fix(ctx, (name,)))
    assert report.exit_code == Exit.FINE, report.because
    assert not told(host, name)
    undo = find("journal.undo").function(ctx, entry=report.entry)
    assert run_plan(ctx, undo).exit_code == Exit.FINE  # type: ignore[arg-type]
    assert told(host, name) == before


def with_copy(root: Path, copy: str, master: str = CHROOTED) -> PrivateHost:
    host = injected_host(root, MAIN, master)
    for folder in ("queue/etc", "etc"):
        (root / folder).mkdir()
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n192.0.2.1 mx\n", encoding="utf-8")
    (root / "queue/etc/hosts").write_text(copy, encoding="utf-8")
    return host


def test_a_copy_that_is_old_is_told_with_its_first_line_and_renewed(tmp_path: Path) -> None:
    host = with_copy(tmp_path, "127.0.0.1 localhost\n192.0.2.9 mx\n")
    (result,) = told(host, "postfix.chroot_files")
    assert (result.file, result.line) == (f"{tmp_path}/queue/etc/hosts", 2)
    mended_and_undone(host, "postfix.chroot_files")
    assert (tmp_path / "queue/etc/hosts").read_text(encoding="utf-8").endswith(".9 mx\n")


def test_copies_that_nobody_reads_are_left_alone(tmp_path: Path) -> None:
    assert not told(with_copy(tmp_path, "old\n", MASTER), "postfix.chroot_files")


def owned_host(root: Path) -> PrivateHost:
    host = injected_host(root, MAIN + f"data_directory = {root}/data\n")
    user = host.accounts.user("postfix")
    (root / "data").mkdir(mode=0o700)
    os.chown(root / "data", user.uid, user.gid)
    for folder in ("active", "maildrop", "public", "pid"):
        (root / "queue" / folder).mkdir(mode=0o700)
        if folder != "pid":
            group = host.accounts.group_id("postdrop") if folder != "active" else 0
            os.chown(root / "queue" / folder, user.uid, group)
    return host


@AS_ROOT
def test_files_that_belong_to_whom_they_should_are_fine(tmp_path: Path) -> None:
    needs("postfix")
    assert not told(owned_host(tmp_path), "postfix.ownership")


@AS_ROOT
@pytest.mark.parametrize(
    ("path", "mode", "owner", "is_severe"),
    [
        ("postfix/main.cf", 0o666, 0, True),
        ("postfix/master.cf", 0o664, 0, False),
        ("postfix/main.cf", 0o644, 65534, False),
        ("queue/active", 0o700, 0, False),
        ("data", 0o700, 0, False),
    ],
)
def test_a_wrong_owner_or_mode_is_told_and_mended(
    tmp_path: Path, path: str, mode: int, owner: int, is_severe: bool
) -> None:
    needs("postfix")
    host = owned_host(tmp_path)
    os.chown(tmp_path / path, owner, -1)
    (tmp_path / path).chmod(mode)
    (result,) = told(host, "postfix.ownership")
    assert (result.file, result.severe) == (f"{tmp_path}/{path}", is_severe)
    assert f"{mode:04o}" in result.found
    mended_and_undone(host, "postfix.ownership")


@AS_ROOT
def test_it_sees_what_postfix_check_warns_of(tmp_path: Path) -> None:
    import subprocess

    (postfix,) = needs("postfix")
    host = owned_host(tmp_path)
    with (tmp_path / "postfix/master.cf").open("a", encoding="utf-8") as master:
        master.write("postlog unix-dgram n - n - 1 postlogd\n")
    (tmp_path / "postfix/master.cf").chmod(0o666)
    log = tmp_path / "log"
    with (tmp_path / "postfix/main.cf").open("a", encoding="utf-8") as main:
        main.write(f"maillog_file = {log}\nmaillog_file_prefixes = {tmp_path}\n")
    subprocess.run(
        [postfix, "-c", str(tmp_path / "postfix"), "check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    warned = {
        line.rpartition(": ")[2].replace("/./", "/")
        for line in log.read_text(encoding="utf-8").splitlines()
        if "group or other writable" in line and str(tmp_path) in line
    }
    assert warned
    assert warned <= {one.file for one in told(host, "postfix.ownership")}
