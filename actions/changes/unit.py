"""An operation on a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from actions.changes.reading import text
from actions.host.ports import Operation
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Undo

_BACK: dict[Operation, Operation] = {
    "start": "stop",
    "stop": "start",
    "enable": "disable",
    "disable": "enable",
}

_UNDO_NOTES: dict[Operation, str] = {
    "start": "stopped again",
    "stop": "started again",
    "enable": "disabled again",
    "disable": "enabled again",
    "restart": "done again once the rest is taken back",
    "reload": "done again once the rest is taken back",
}


class UnitOperation(Record):
    """A service started, stopped, restarted, reloaded, enabled or disabled."""

    operation: Operation
    unit: str
    activity: str
    """What it was before: "active", "inactive", …; see `actions.host.ports.Activity`."""
    invocation: str = ""
    """Which start of it ran before; empty where that could not be told."""
    note: str = ""

    @classmethod
    def planned(cls, host: Host, operation: Operation, unit: str, note: str = "") -> UnitOperation:
        """Plan *operation* on *unit* as it stands now."""
        state = host.units.state(unit)
        return cls(operation, unit, state.activity, state.invocation, note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> UnitOperation:
        """Return the change of a journal *record*."""
        return cls(
            _operation(text(record, "operation")),
            text(record, "unit"),
            text(record, "activity"),
            text(record, "invocation"),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return self.operation

    @property
    def target(self) -> str:
        """The unit."""
        return self.unit

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "compensating"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return "stopped again" if self._starts else _UNDO_NOTES[self.operation]

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes: it ran, and runs on."""
        return self.operation in {"restart", "reload"} and not self._starts

    def lines(self) -> tuple[Line, ...]:
        """Return the command."""
        return (Line("$", self.as_command()),)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        return f"systemctl {self.operation} {shlex.quote(self.unit)}"

    def stands(self, host: Host) -> Standing:
        """Look whether the unit is as before or as after."""
        state = host.units.state(self.unit)
        if self.operation in {"enable", "disable"}:
            return _stands(state.enabled, wanted=self.operation == "enable")
        if self.settles:
            if state.activity == "inactive":
                return Standing.OTHER
            known = self.operation == "restart" and self.invocation and state.invocation
            changed = state.invocation != self.invocation
            return _stands(changed if known else None, wanted=True)
        runs = {"active": True, "inactive": False, "failed": False}.get(state.activity)
        return _stands(runs, wanted=self.operation != "stop")

    def apply(self, host: Host, token: str) -> None:
        """Do it and wait for its end; raises `HostError`."""
        host.units.operate(self.operation, self.unit)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> UnitOperation:
        """Return the change back, or the same where it settles."""
        if self.settles:
            return self
        back: Operation = "stop" if self._starts else _BACK[self.operation]
        activity = "active" if back == "stop" else "inactive"
        return UnitOperation(back, self.unit, activity if back in {"start", "stop"} else "")

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"change": "unit", **self._asdict()}

    @property
    def _starts(self) -> bool:
        """Whether restarting starts what did not run."""
        return self.operation == "restart" and self.activity in {"inactive", "failed"}


def _stands(is_so: bool | None, *, wanted: bool) -> Standing:  # noqa: FBT001 - a fact, no switch
    if is_so is None:
        return Standing.UNTOLD
    return Standing.AFTER if is_so == wanted else Standing.BEFORE


def _operation(word: str) -> Operation:
    for operation in get_args(Operation):
        if operation == word:
            known: Operation = operation
            return known
    raise ValueError(f"unknown operation {word!r}")
