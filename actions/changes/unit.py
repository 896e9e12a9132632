"""An operation on a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from actions.changes.reading import text, texts
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

_RUNS = {"active": True, "inactive": False, "failed": False}
"""Whether a unit runs, by its activity; others can't be told."""

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
    starters: tuple[str, ...] = ()
    """Units, such as its socket, that start it: what is done is done to them first."""

    @classmethod
    def planned(
        cls,
        host: Host,
        operation: Operation,
        unit: str,
        note: str = "",
        starters: tuple[str, ...] = (),
    ) -> UnitOperation:
        """Plan *operation* on *unit* as it stands now, and on *starters* with it."""
        state = host.units.state(unit)
        return cls(operation, unit, state.activity, state.invocation, note, starters)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> UnitOperation:
        """Return the change of a journal *record*."""
        return cls(
            _operation(text(record, "operation")),
            text(record, "unit"),
            text(record, "activity"),
            text(record, "invocation"),
            text(record, "note"),
            texts(record, "starters") if "starters" in record else (),
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

        return f"systemctl {self.operation} {shlex.join((*self.starters, self.unit))}"

    def stands(self, host: Host) -> Standing:
        """Look whether the unit is as before or as after."""
        state = host.units.state(self.unit)
        others = host.units.states(self.starters)
        if self.operation in {"enable", "disable"}:
            enabled = [one.enabled for one in (state, *others)]
            return _all_stand(enabled, wanted=self.operation == "enable")
        if self.settles:
            if state.activity == "inactive":
                return Standing.OTHER
            known = self.operation == "restart" and self.invocation and state.invocation
            changed = state.invocation != self.invocation
            return _stands(changed if known else None, wanted=True)
        run = [_RUNS.get(one.activity) for one in (state, *others)]
        return _all_stand(run, wanted=self.operation != "stop")

    def apply(self, host: Host, token: str) -> None:
        """Do it and wait for its end; raises `HostError`."""
        # A stopped service would be started again at once, and systemd opens no socket for one
        # that runs already.
        for unit in (*self.starters, self.unit):
            host.units.operate(self.operation, unit)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> UnitOperation:
        """Return the change back, or the same where it settles."""
        if self.settles:
            return self
        back: Operation = "stop" if self._starts else _BACK[self.operation]
        activity = "active" if back == "stop" else "inactive"
        before = activity if back in {"start", "stop"} else ""
        return UnitOperation(back, self.unit, before, starters=self.starters)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"change": "unit", **self._asdict(), "starters": list(self.starters)}

    @property
    def _starts(self) -> bool:
        """Whether restarting starts what did not run."""
        return self.operation == "restart" and self.activity in {"inactive", "failed"}


def _stands(is_so: bool | None, *, wanted: bool) -> Standing:  # noqa: FBT001 - a fact, no switch
    if is_so is None:
        return Standing.UNTOLD
    return Standing.AFTER if is_so == wanted else Standing.BEFORE


def _all_stand(are_so: list[bool | None], *, wanted: bool) -> Standing:
    """Return where several units stand together: half done is not done."""
    if None in are_so:
        return Standing.UNTOLD
    return Standing.AFTER if all(one == wanted for one in are_so) else Standing.BEFORE


def _operation(word: str) -> Operation:
    for operation in get_args(Operation):
        if operation == word:
            known: Operation = operation
            return known
    raise ValueError(f"unknown operation {word!r}")
