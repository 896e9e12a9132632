"""The service manager reading the files of its units again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes.reading import text
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Undo


class Reread(Record):
    """What changed in units' files and drop-ins taken up; it goes before their restart."""

    note: str = ""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Reread:
        """Return the change of a journal *record*."""
        return cls(text(record, "note"))

    @property
    def kind(self) -> str:
        """The word for it."""
        return "reread"

    @property
    def target(self) -> str:
        """What is read again."""
        return "the files of all units"

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "compensating"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return "done again once the rest is taken back"

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return True

    def lines(self) -> tuple[Line, ...]:
        """Return the command."""
        return (Line("$", self.as_command()),)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        return "systemctl daemon-reload"

    def stands(self, host: Host) -> Standing:
        """Return that it can't be told."""
        return Standing.UNTOLD

    def apply(self, host: Host, token: str) -> None:
        """Have the files read again; raises `HostError`."""
        host.units.reread()

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> Reread:
        """Return the same: it settles."""
        return self

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"change": "reread", "note": self.note}
