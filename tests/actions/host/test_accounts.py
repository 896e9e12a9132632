"""Accounts of the system, and of a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import actions
from actions.host.accounts import FolderAccounts, SystemAccounts, operator
from actions.host.commands import SystemCommands
from actions.host.errors import HostError, UnknownAccount
from actions.host.files import Files
from actions.host.ports import Completed
from tests.actions.sandbox import needs_root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GROUPS = b"root:x:0:\n# kept\nmilter:x:12001:clam,virus\npostfix:x:12002:\n+::\nlast:x:12003:clam"


@pytest.fixture
def accounts(tmp_path: Path) -> FolderAccounts:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_bytes(b"root:x:0:0::/:/bin/sh\nclam:x:12005:12001::/:/bin/sh\n")
    (tmp_path / "etc/group").write_bytes(GROUPS)
    return FolderAccounts(str(tmp_path), Files())


def test_a_folder_has_users_and_groups(accounts: FolderAccounts) -> None:
    assert accounts.user("clam") == ("clam", 12005, 12001, (12001, 12003))
    assert accounts.user_name(12005) == "clam"
    assert accounts.user_name(9) == "9"
    assert accounts.group_name(12002) == "postfix"
    assert accounts.group_name(9) == "9"
    assert accounts.group_id("postfix") == 12002
    assert accounts.members("milter") == ("clam", "virus")
    for ask in (accounts.user, accounts.group_id, accounts.members):
        with pytest.raises(UnknownAccount, match="'nobody'"):
            ask("nobody")


@pytest.mark.parametrize("group", ["root", "milter", "postfix", "last"])
def test_a_member_comes_and_goes_and_nothing_else_changes(
    accounts: FolderAccounts, tmp_path: Path, group: str
) -> None:
    before = accounts.members(group)
    accounts.add_member(group, "root")
    assert accounts.members(group) == (*before, "root")
    accounts.add_member(group, "root")
    accounts.remove_member(group, "root")
    assert (tmp_path / "etc/group").read_bytes() == GROUPS
    assert sorted(os.listdir(tmp_path / "etc")) == ["group", "passwd"]


def test_a_folder_refuses_whom_it_does_not_know(accounts: FolderAccounts) -> None:
    with pytest.raises(UnknownAccount):
        accounts.add_member("milter", "nobody")
    with pytest.raises(UnknownAccount):
        accounts.add_member("nobodies", "root")
    with pytest.raises(HostError, match="root is not in group milter"):
        accounts.remove_member("milter", "root")


def test_what_a_kill_left_is_swept(accounts: FolderAccounts, tmp_path: Path) -> None:
    (tmp_path / "etc/.console-group").write_bytes(b"half")
    accounts.sweep()
    accounts.add_member("postfix", "clam")
    assert accounts.members("postfix") == ("clam",)


def test_the_system_has_users_and_groups() -> None:
    accounts = SystemAccounts()
    root = accounts.user("root")
    assert (root.uid, root.gid) == (0, 0)
    assert 0 in root.groups
    assert accounts.user_name(0) == accounts.group_name(0) == "root"
    assert accounts.user_name(4_000_000_000) == "4000000000"
    assert accounts.group_name(4_000_000_000) == "4000000000"
    assert accounts.group_id("root") == 0
    assert isinstance(accounts.members("root"), tuple)
    for name in ("no such user", "a\0b", ""):
        with pytest.raises(UnknownAccount):
            accounts.user(name)
        with pytest.raises(UnknownAccount):
            accounts.members(name)


class Told(SystemCommands):
    """Commands that are only noted."""

    def __init__(self, exit_code: int = 0) -> None:
        self.argv: list[Sequence[str]] = []
        self._exit_code = exit_code

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        self.argv.append(argv)
        return Completed(tuple(argv), self._exit_code, "", "group is locked\n")


@needs_root
def test_the_system_is_changed_by_its_own_tools() -> None:
    told = Told()
    SystemAccounts(told).add_member("milter", "postfix")
    SystemAccounts(told).remove_member("milter", "postfix")
    assert told.argv == [
        ["usermod", "-aG", "milter", "postfix"],
        ["gpasswd", "-d", "postfix", "milter"],
    ]
    with pytest.raises(HostError, match="cannot put postfix into group milter: usermod: group is"):
        SystemAccounts(Told(10)).add_member("milter", "postfix")


def test_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert operator() == SystemAccounts().user_name(os.getuid())
    monkeypatch.setenv("SUDO_USER", "alice")
    assert operator() == ("alice" if os.geteuid() == 0 else SystemAccounts().user_name(os.getuid()))


_CHANGE = """
from actions.host.accounts import SystemAccounts
accounts = SystemAccounts()
before = open("/etc/group").read()
accounts.add_member("milter", "postfix")
print(accounts.members("milter"), accounts.user("postfix").groups)
accounts.remove_member("milter", "postfix")
print(accounts.members("milter"), open("/etc/group").read() == before)
"""


@needs_root
def test_real_tools_change_real_files(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    for name in ("nsswitch.conf", "login.defs", "pam.d", "ld.so.cache", "default"):
        if os.path.exists(f"/etc/{name}"):
            subprocess.run(["cp", "-a", f"/etc/{name}", str(etc)], check=True)
    (etc / "passwd").write_text("root:x:0:0::/:/bin/sh\npostfix:x:12002:12002::/:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\nmilter:x:12001:clam\npostfix:x:12002:\n")
    (etc / "shadow").write_text("root:*:1::::::\npostfix:*:1::::::\n")
    (etc / "gshadow").write_text("root:*::\nmilter:!::clam\npostfix:!::\n")
    script = 'mount --bind "$1" /etc && exec "$2" -B -c "$3"'
    argv = ["unshare", "-m", "sh", "-c", script, "sh", str(etc), sys.executable, _CHANGE]
    root = os.path.dirname(os.path.dirname(actions.__file__))
    told = subprocess.run(
        argv, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}
    )
    if "unshare" in told.stderr or "mount:" in told.stderr:
        pytest.skip(f"no mount namespace here: {told.stderr.strip()}")
    assert told.stdout == "('clam', 'postfix') (12001, 12002)\n('clam',) True\n", told.stderr
