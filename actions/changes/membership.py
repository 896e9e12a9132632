"""A user in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.changes.reading import text
from actions.host.errors import UnknownAccount
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Undo


class Membership(Record):
    """A user put into a group, or taken out of it."""

    user: str
    group: str
    operation: Literal["add", "remove"] = "add"
    note: str = ""

    @classmethod
    def planned(
        cls,
        host: Host,
        user: str,
        group: str,
        operation: Literal["add", "remove"] = "add",
        note: str = "",
    ) -> Membership:
        """Plan it; raises `UnknownAccount` where this host lacks the user or the group."""
        host.accounts.user(user)
        host.accounts.group_id(group)
        return cls(user, group, operation, note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Membership:
        """Return the change of a journal *record*."""
        adds = text(record, "operation") == "add"
        user, group = text(record, "user"), text(record, "group")
        return cls(user, group, "add" if adds else "remove", text(record, "note"))

    @property
    def kind(self) -> str:
        """The word for it."""
        return "join" if self.operation == "add" else "leave"

    @property
    def target(self) -> str:
        """The user and the group."""
        return f"{self.user} in group {self.group}"

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "compensating"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        adds = self.operation == "add"
        return "taken out of the group again" if adds else "put into the group again"

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return what it would do."""
        return (Line("+" if self.operation == "add" else "-", self.target),)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        user, group = shlex.quote(self.user), shlex.quote(self.group)
        adds = self.operation == "add"
        return f"usermod -aG {group} {user}" if adds else f"gpasswd -d {user} {group}"

    def stands(self, host: Host) -> Standing:
        """Look whether the user is in the group."""
        try:
            member = self.user in host.accounts.members(self.group)
        except UnknownAccount:
            return Standing.OTHER
        return Standing.AFTER if member == (self.operation == "add") else Standing.BEFORE

    def apply(self, host: Host, token: str) -> None:
        """Put the user in, or take it out; raises `HostError`."""
        host.accounts.sweep()
        if self.operation == "add":
            host.accounts.add_member(self.group, self.user)
        else:
            host.accounts.remove_member(self.group, self.user)

    def sweep(self, host: Host, token: str) -> None:
        """Clear up after a killed change of members."""
        host.accounts.sweep()

    def inverse(self) -> Membership:
        """Return the change back."""
        back: Literal["add", "remove"] = "remove" if self.operation == "add" else "add"
        return Membership(self.user, self.group, back)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"change": "membership", **self._asdict()}
