"""Users and groups: the system's own, and those that a folder of its own keeps."""

from __future__ import annotations

import grp
import os
import pwd
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted, UnknownAccount
from actions.host.ports import Account
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.files import Files
    from actions.host.ports import Commands


def operator() -> str:
    """Return who asked for this run: the caller of sudo, else the user of this process."""
    asked = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
    return asked or SystemAccounts().user_name(os.getuid())


class SystemAccounts:
    """The accounts of this machine, whatever its name service; changed by shadow's tools."""

    def __init__(self, commands: Commands | None = None) -> None:
        self._commands = commands

    def user(self, name: str) -> Account:
        """Return the user called *name*; raises `UnknownAccount`."""
        try:
            entry = pwd.getpwnam(name)
        except (KeyError, ValueError):
            raise UnknownAccount(f"this host has no user {name!r}") from None
        groups = tuple(sorted(set(os.getgrouplist(name, entry.pw_gid))))
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups)

    def user_name(self, uid: int) -> str:
        """Return the name of *uid*, or its number as text where it has none."""
        try:
            return pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            return str(uid)

    def group_name(self, gid: int) -> str:
        """Return the name of *gid*, or its number as text where it has none."""
        try:
            return grp.getgrgid(gid).gr_name
        except (KeyError, OverflowError):
            return str(gid)

    def group_id(self, name: str) -> int:
        """Return the number of group *name*; raises `UnknownAccount`."""
        return self._group(name).gr_gid

    def members(self, group: str) -> tuple[str, ...]:
        """Return the users listed in *group*; raises `UnknownAccount`."""
        return tuple(self._group(group).gr_mem)

    def add_member(self, group: str, user: str) -> None:
        """Put *user* into *group*; raises `HostError`."""
        self._change(["usermod", "-aG", group, user], f"put {user} into group {group}")

    def remove_member(self, group: str, user: str) -> None:
        """Take *user* out of *group*; raises `HostError`."""
        self._change(["gpasswd", "-d", user, group], f"take {user} out of group {group}")

    def sweep(self) -> None:
        """Leave everything: shadow's tools clear up after their own dead."""

    def _group(self, name: str) -> grp.struct_group:
        try:
            return grp.getgrnam(name)
        except (KeyError, ValueError):
            raise UnknownAccount(f"this host has no group {name!r}") from None

    def _change(self, argv: list[str], doing: str) -> None:
        if os.geteuid() != 0:
            raise NotPermitted(f"cannot {doing}: only root may; run as root or with sudo")
        if self._commands is None:
            from actions.host.commands import SystemCommands

            self._commands = SystemCommands()
        ended = self._commands.run(argv)
        if ended.exit_code:
            raise HostError(f"cannot {doing}: {argv[0]}: {ended.stderr.strip() or ended.exit_code}")


class _User(Record):
    name: str
    uid: int
    gid: int


class _Group(Record):
    name: str
    gid: int
    members: tuple[str, ...]


class FolderAccounts:
    """The accounts in etc/passwd and etc/group of a folder, which are changed in place.

    Args:
        root: the folder.
        files: the host's files.
    """

    def __init__(self, root: str, files: Files) -> None:
        self._passwd = os.path.join(root, "etc/passwd")
        self._group_file = os.path.join(root, "etc/group")
        self._files = files

    def user(self, name: str) -> Account:
        """Return the user called *name*; raises `UnknownAccount`."""
        for user in self._users():
            if user.name == name:
                further = {group.gid for group in self._groups() if name in group.members}
                return Account(name, user.uid, user.gid, tuple(sorted({user.gid, *further})))
        raise UnknownAccount(f"{self._passwd}: no user {name!r}")

    def user_name(self, uid: int) -> str:
        """Return the name of *uid*, or its number as text where it has none."""
        return next((user.name for user in self._users() if user.uid == uid), str(uid))

    def group_name(self, gid: int) -> str:
        """Return the name of *gid*, or its number as text where it has none."""
        return next((group.name for group in self._groups() if group.gid == gid), str(gid))

    def group_id(self, name: str) -> int:
        """Return the number of group *name*; raises `UnknownAccount`."""
        return self._group(name).gid

    def members(self, group: str) -> tuple[str, ...]:
        """Return the users listed in *group*; raises `UnknownAccount`."""
        return self._group(group).members

    def add_member(self, group: str, user: str) -> None:
        """Put *user* into *group*; raises `HostError`."""
        self.user(user)
        members = self.members(group)
        if user not in members:
            self._rewrite(group, (*members, user))

    def remove_member(self, group: str, user: str) -> None:
        """Take *user* out of *group*; raises `HostError`."""
        members = self.members(group)
        if user not in members:
            raise HostError(f"{self._group_file}: {user} is not in group {group}")
        self._rewrite(group, tuple(member for member in members if member != user))

    def sweep(self) -> None:
        """Remove what a change left beside the files when it was killed."""
        self._files.sweep(self._group_file, "group")

    def _users(self) -> Iterator[_User]:
        for fields in self._lines(self._passwd, 4):
            yield _User(fields[0], int(fields[2]), int(fields[3]))

    def _groups(self) -> Iterator[_Group]:
        for fields in self._lines(self._group_file, 4):
            members = tuple(member for member in fields[3].split(",") if member)
            yield _Group(fields[0], int(fields[2]), members)

    def _group(self, name: str) -> _Group:
        for group in self._groups():
            if group.name == name:
                return group
        raise UnknownAccount(f"{self._group_file}: no group {name!r}")

    def _lines(self, path: str, count: int) -> Iterator[list[str]]:
        for line in self._files.read(path).decode("utf-8", "surrogateescape").splitlines():
            fields = line.split(":")
            if len(fields) >= count and fields[2].isdecimal():
                yield fields

    def _rewrite(self, group: str, members: tuple[str, ...]) -> None:
        before = self._files.keep(self._group_file)
        if before is None:
            raise HostError(f"{self._group_file}: missing")
        lines = before.content.decode("utf-8", "surrogateescape").splitlines(keepends=True)
        for number, line in enumerate(lines):
            fields = line.rstrip("\n").split(":")
            if fields[0] == group and len(fields) >= 4:
                ending = line[len(line.rstrip("\n")) :]
                lines[number] = ":".join([*fields[:3], ",".join(members)]) + ending
        content = "".join(lines).encode("utf-8", "surrogateescape")
        after = before._replace(content=content)
        self._files.put(self._group_file, after, "group", replaces=before)
