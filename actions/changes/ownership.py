"""The owner, group and mode of a file, folder or socket."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from actions.changes.reading import number, part, text
from actions.host.errors import HostError
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.kept import FileState
    from actions.host.ports import Host
    from actions.plan import Undo

_SET_ID = stat.S_ISUID | stat.S_ISGID


class Owned(Record):
    """Who owns something and who may use it; the names are for the eye."""

    uid: int
    gid: int
    mode: int
    owner: str = ""
    group: str = ""

    def __str__(self) -> str:
        return f"{self.owner or self.uid}:{self.group or self.gid} {self.mode:04o}"


class Ownership(Record):
    """A file, folder or socket given to an owner and a group, with a mode."""

    path: str
    before: Owned
    after: Owned
    note: str = ""

    @classmethod
    def planned(
        cls,
        host: Host,
        path: str,
        *,
        owner: str | None = None,
        group: str | None = None,
        mode: int | None = None,
        note: str = "",
    ) -> Ownership:
        """Plan to change what is given, and to leave the rest of it.

        Raises:
            HostError: nothing stands there, or it is a link, or can't be seen.
            UnknownAccount: this host has no such owner or group.
        """
        found = host.files.state(path)
        if found.kind in {"absent", "link"}:
            raise HostError(f"{path}: {_WHY_NOT[found.kind]}")
        names = host.accounts
        uid = found.uid if owner is None else names.user(owner).uid
        gid = found.gid if group is None else names.group_id(group)
        return cls(
            path,
            Owned(
                found.uid,
                found.gid,
                found.mode,
                names.user_name(found.uid),
                names.group_name(found.gid),
            ),
            Owned(
                uid,
                gid,
                found.mode if mode is None else mode,
                names.user_name(uid),
                names.group_name(gid),
            ),
            note,
        )

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Ownership:
        """Return the change of a journal *record*."""
        before, after = _owned(part(record, "before")), _owned(part(record, "after"))
        return cls(text(record, "path"), before, after, text(record, "note"))

    @property
    def kind(self) -> str:
        """The word for it."""
        if (self.before.uid, self.before.gid) == (self.after.uid, self.after.gid):
            return "mode"
        return "owner"

    @property
    def target(self) -> str:
        """The path."""
        return self.path

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "exact"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return ""

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return owner, group and mode before and after."""
        return (Line("-", str(self.before)), Line("+", str(self.after)))

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        path = shlex.quote(self.path)
        owner = f"{self.after.owner or self.after.uid}:{self.after.group or self.after.gid}"
        mode = f"chmod {self.after.mode:04o} {path}"
        return mode if self.kind == "mode" else f"chown -h {shlex.quote(owner)} {path} && {mode}"

    def stands(self, host: Host) -> Standing:
        """Look whether it is as before or as after; owner and mode are set one by one."""
        return self._standing(host.files.state(self.path))

    def apply(self, host: Host, token: str) -> None:
        """Set owner, group and mode; raises `HostError` where they are not as before."""
        after = self.after
        host.files.own(self.path, after.uid, after.gid, after.mode, self._is_known)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> Ownership:
        """Return the change back."""
        return Ownership(self.path, self.after, self.before)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "change": "ownership",
            "path": self.path,
            "before": self.before._asdict(),
            "after": self.after._asdict(),
            "note": self.note,
        }

    def _is_known(self, found: FileState) -> bool:
        return self._standing(found) is not Standing.OTHER

    def _standing(self, found: FileState) -> Standing:
        if found.kind in {"absent", "link"}:
            return Standing.OTHER
        if found[1:4] == _bits(self.after):
            return Standing.AFTER
        return Standing.BEFORE if self._on_the_way(*found[1:4]) else Standing.OTHER

    def _on_the_way(self, mode: int, uid: int, gid: int) -> bool:
        """Return whether a kill between before and after can leave this."""
        before, after = self.before, self.after
        # Giving a file away takes its set-id bits off.
        modes = {mode for one in (before, after) for mode in (one.mode, one.mode & ~_SET_ID)}
        return mode in modes and (uid, gid) in {(before.uid, before.gid), (after.uid, after.gid)}


_WHY_NOT = {
    "absent": "nothing stands there",
    "link": "a symbolic link, which is not followed; name what it leads to",
}


def _bits(owned: Owned) -> tuple[int, int, int]:
    return owned.mode, owned.uid, owned.gid


def _owned(record: Mapping[str, object] | None) -> Owned:
    if record is None:
        raise ValueError("owner and mode are missing")
    return Owned(
        number(record, "uid"),
        number(record, "gid"),
        number(record, "mode"),
        text(record, "owner"),
        text(record, "group"),
    )
