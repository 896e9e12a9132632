"""A folder created, or an empty one removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.changes.reading import number, text
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Undo


class Folder(Record):
    """A folder made with its owner, group and mode, or removed while it is empty."""

    path: str
    operation: Literal["make", "remove"]
    mode: int
    uid: int
    gid: int
    note: str = ""

    @classmethod
    def planned(
        cls,
        host: Host,
        path: str,
        *,
        mode: int = 0o755,
        owner: str = "root",
        group: str = "root",
        note: str = "",
    ) -> Folder:
        """Plan to make *path*; raises `UnknownAccount`."""
        uid, gid = host.accounts.user(owner).uid, host.accounts.group_id(group)
        return cls(path, "make", mode, uid, gid, note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Folder:
        """Return the change of a journal *record*."""
        return cls(
            text(record, "path"),
            "make" if text(record, "operation") == "make" else "remove",
            number(record, "mode"),
            number(record, "uid"),
            number(record, "gid"),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "create" if self.operation == "make" else "remove"

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
        return "only while it is empty" if self.operation == "make" else ""

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return what it would do."""
        what = f"folder, mode {self.mode:04o}, owner {self.uid}:{self.gid}"
        return (Line("+" if self.operation == "make" else "-", what),)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        if self.operation == "remove":
            return f"rmdir {shlex.quote(self.path)}"
        owner = f"-o {self.uid} -g {self.gid}"
        return f"install -d -m {self.mode:04o} {owner} {shlex.quote(self.path)}"

    def stands(self, host: Host) -> Standing:
        """Look whether the folder is there, as planned."""
        found = host.files.state(self.path)
        there = ("folder", self.mode, self.uid, self.gid)
        made = found[:4] == there
        if not made and found.kind != "absent":
            return Standing.OTHER
        return Standing.AFTER if made == (self.operation == "make") else Standing.BEFORE

    def apply(self, host: Host, token: str) -> None:
        """Make or remove the folder; raises `HostError`."""
        if self.operation == "make":
            host.files.make_folder(self.path, self.mode, self.uid, self.gid, token)
        else:
            host.files.remove_folder(self.path)

    def sweep(self, host: Host, token: str) -> None:
        """Remove the temporary folder."""
        host.files.sweep(self.path, token)

    def inverse(self) -> Folder:
        """Return the change back."""
        return self._replace(operation="remove" if self.operation == "make" else "make", note="")

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"change": "folder", **self._asdict()}
