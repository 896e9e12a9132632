"""The access control lists of a folder: its own, and the one that things made in it get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes.reading import number, part, text, texts
from actions.host.errors import HostError
from actions.host.folder_acl import Access, between
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Undo


class AccessList(Record):
    """Entries added to the access control lists of a folder."""

    path: str
    before: Access
    after: Access
    entries: tuple[str, ...]
    """What is added, as setfacl(1) takes it: "user:postfix:--x", "default:user:postfix:rw-"."""
    back: bool = False
    """Whether it takes them away again."""
    note: str = ""

    @classmethod
    def planned(cls, host: Host, path: str, user: str, note: str = "") -> AccessList:
        """Plan to let *user* pass the folder *path*, and connect to what is made in it.

        Raises:
            HostError: it is no folder, or has lists that would take it away again.
            UnknownAccount: this host has no such user.
        """
        before = host.files.access(path)
        if before is None:
            raise HostError(f"{path}: nothing stands there")
        after = before.passing(host.accounts.user(user).uid)
        return cls(path, before, after, (f"user:{user}:--x", f"default:user:{user}:rw-"), note=note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> AccessList:
        """Return the change of a journal *record*."""
        return cls(
            text(record, "path"),
            _access(part(record, "before")),
            _access(part(record, "after")),
            texts(record, "entries"),
            record.get("back") is True,
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "access"

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
        """Return the entries."""
        return tuple(Line("-" if self.back else "+", one) for one in self.entries)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        names = [one.rpartition(":")[0] for one in self.entries]
        given = shlex.quote(",".join(names if self.back else self.entries))
        return f"setfacl -{'x' if self.back else 'm'} {given} {shlex.quote(self.path)}"

    def stands(self, host: Host) -> Standing:
        """Look whether the lists are as before or as after; they are set one by one."""
        found = host.files.access(self.path)
        if found is None:
            return Standing.OTHER
        if found == self.after:
            return Standing.AFTER
        on_the_way = between(found, self.before, self.after)
        return Standing.BEFORE if on_the_way else Standing.OTHER

    def apply(self, host: Host, token: str) -> None:
        """Set the lists; raises `HostError` where they are not as before."""
        host.files.set_access(self.path, self.before, self.after)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> AccessList:
        """Return the change back."""
        return AccessList(self.path, self.after, self.before, self.entries, back=not self.back)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "change": "access",
            "path": self.path,
            "before": _record(self.before),
            "after": _record(self.after),
            "entries": list(self.entries),
            "back": self.back,
            "note": self.note,
        }


def _record(access: Access) -> dict[str, object]:
    return {"mode": access.mode, "own": access.own.hex(), "default": access.default.hex()}


def _access(record: Mapping[str, object] | None) -> Access:
    if record is None:
        raise ValueError("the access control lists are missing")
    own, default = bytes.fromhex(text(record, "own")), bytes.fromhex(text(record, "default"))
    return Access(number(record, "mode"), own, default)
