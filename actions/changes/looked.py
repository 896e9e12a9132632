"""The other direction of a change that only looks: nothing is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes.reading import text
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Change, Undo

NOTE = "it only looks"
"""What undoing a look means."""


class Looked(Record):
    """The inverse of a change that only looks."""

    change: Change
    note: str = ""
    ahead: bool = False
    """Whether it is planned so: nothing is looked at but on the way back."""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Looked:
        """Return the change of a journal *record*."""
        from actions.changes import from_record

        of = record["of"]
        if not isinstance(of, dict):
            raise TypeError("of is no change")
        note = text(record, "note") if "note" in record else ""
        return cls(from_record(of), note, record.get("ahead") is True)

    @property
    def kind(self) -> str:
        """The word for it."""
        return self.change.kind

    @property
    def target(self) -> str:
        """What was looked at."""
        return self.change.target

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "exact"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return NOTE

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return that there is nothing to do."""
        if self.ahead:
            return tuple(
                one._replace(text=f"on the way back: {one.text}") for one in self.change.lines()
            )
        return (Line(" ", f"{NOTE}: nothing to take back"),)

    def as_command(self) -> str:
        """Return a comment: no command is needed."""
        if self.ahead:
            return f"# on the way back: {self.change.as_command().removeprefix('# ')}"
        return f"# {NOTE}: nothing to take back"

    def stands(self, host: Host) -> Standing:
        """Return that nothing is left to do; what is planned so has yet to be passed."""
        return Standing.BEFORE if self.ahead else Standing.AFTER

    def apply(self, host: Host, token: str) -> None:
        """Do nothing."""

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> Change:
        """Return the look."""
        return self.change

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        of = self.change.record()
        return {"change": "looked", "of": of, "note": self.note, "ahead": self.ahead}
