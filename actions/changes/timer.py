"""Commands left to the host for later, which it runs though nobody is there any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.changes.reading import part, text
from actions.host.ports import Timer
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.plan import Undo

_NEAR = 1.5
"""Seconds: times of timers are whole ones."""

_LEAST = 1.0
"""Seconds after which what should have been done before is done."""


class TimerSet(Record):
    """A timer set, or forgotten."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    """What the host will run; nothing forgets the timer."""
    seconds: float = 0.0
    """When, from the moment on in which this is applied."""
    lasting: bool = False
    """Whether it outlives a reboot."""
    before: Timer | None = None
    """The one that it takes the place of; its time is 0 where that is not known."""
    at: float = 0.0
    """When, in seconds since the epoch, in place of *seconds*: one that is put back."""
    note: str = ""

    @classmethod
    def planned(
        cls,
        host: Host,
        name: str,
        commands: tuple[tuple[str, ...], ...],
        seconds: float,
        *,
        lasting: bool,
        note: str = "",
    ) -> TimerSet:
        """Plan to have *commands* run in *seconds*, in place of a timer of the same *name*."""
        return cls(name, commands, seconds, lasting, timer_called(host, name), note=note)

    @classmethod
    def forgotten(cls, host: Host, name: str, note: str = "") -> TimerSet:
        """Plan to forget the timer called *name*."""
        return cls(name, (), before=timer_called(host, name), note=note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> TimerSet:
        """Return the change of a journal *record*."""
        before = part(record, "before")
        return cls(
            text(record, "name"),
            _commands(record),
            _seconds(record, "seconds"),
            record.get("lasting") is True,
            None if before is None else _timer(before),
            _seconds(record, "at"),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "timer" if self.commands else "no timer"

    @property
    def target(self) -> str:
        """Its name."""
        return self.name

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "exact"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return "forgotten again" if self.commands and not self.before else "set as it was"

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return when, and what the host will run then."""
        if not self.commands:
            return (Line("-", "what it would have run, it runs no more"),)
        import shlex

        return (
            Line("+", f"{self._when()}, the host runs by itself{self._whenever()}:"),
            *(Line("+", f"  {shlex.join(argv)}") for argv in self.commands),
        )

    def as_command(self) -> str:
        """Return the shell command that does nearly the same."""
        import shlex

        if not self.commands:
            return f"systemctl stop {shlex.quote(self.name)}.timer"
        what = "; ".join(shlex.join(argv) for argv in self.commands)
        seconds = self.seconds or max(_LEAST, self.at - time.time())
        unit = f"--unit={shlex.quote(self.name)} --on-active={seconds:.0f}s"
        return f"systemd-run {unit} sh -c {shlex.quote(what)}"

    def stands(self, host: Host) -> Standing:
        """Look whether the timer is as before or as after."""
        found = timer_called(host, self.name)
        if not self.commands:
            if found is None:
                return Standing.AFTER
            return Standing.BEFORE if _same(found, self.before) else Standing.OTHER
        after = Timer(self.name, self.at, self.commands, self.lasting)
        if self.at and _same(found, after):
            return Standing.AFTER
        # One that it was to replace, and whose time has come, is no hindrance.
        if found is None or _same(found, self.before):
            return Standing.BEFORE
        return Standing.AFTER if _same(found, after) else Standing.OTHER

    def apply(self, host: Host, token: str) -> None:
        """Set or forget it; raises `HostError`."""
        if not self.commands:
            host.timers.remove(self.name)
            return
        now = time.time()
        at = max(self.at, now + _LEAST) if self.at else now + self.seconds
        host.timers.set(Timer(self.name, at, self.commands, self.lasting))

    def sweep(self, host: Host, token: str) -> None:
        """Remove what is half set: what waits for its time is not."""
        if not host.timers.absent() and timer_called(host, self.name) is None:
            host.timers.remove(self.name)

    def inverse(self) -> TimerSet:
        """Return the change back."""
        own = Timer(self.name, self.at, self.commands, self.lasting) if self.commands else None
        if self.before is None:
            return TimerSet(self.name, (), before=own)
        return TimerSet(
            self.name,
            self.before.commands,
            lasting=self.before.lasting,
            before=own,
            at=self.before.at,
        )

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        before = None
        if self.before is not None:
            before = {**self.before._asdict(), "commands": list(map(list, self.before.commands))}
        commands = list(map(list, self.commands))
        return {"change": "timer", **self._asdict(), "commands": commands, "before": before}

    def _when(self) -> str:
        if self.at:
            return f"at {time.strftime('%H:%M:%S', time.localtime(self.at))}"
        from actions.amounts import span

        return f"in {span(self.seconds)}"

    def _whenever(self) -> str:
        return ", or at the next boot where it is down then" if self.lasting else ""


def timer_called(host: Host, name: str) -> Timer | None:
    """Return the timer called *name* that *host* has, or None; raises `HostError`."""
    return next((one for one in host.timers.all() if one.name == name), None)


def _same(found: Timer | None, wanted: Timer | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if (found.commands, found.lasting) != (wanted.commands, wanted.lasting):
        return False
    return not wanted.at or abs(found.at - wanted.at) < _NEAR


def _timer(record: Mapping[str, object]) -> Timer:
    lasting = record.get("lasting") is True
    return Timer(text(record, "name"), _seconds(record, "at"), _commands(record), lasting)


def _seconds(record: Mapping[str, object], name: str) -> float:
    value = record[name]
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is no number")
    return float(value)


def _commands(record: Mapping[str, object]) -> tuple[tuple[str, ...], ...]:
    from actions.changes.reading import texts

    commands = record["commands"]
    if not isinstance(commands, list):
        raise TypeError("commands is no list")
    return tuple(texts({"argv": argv}, "argv") for argv in commands)
