"""What the lab does later: both ends of it, the console's and the supervisor's."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

from actions.host.commands import SEARCHED
from actions.host.errors import HostError
from actions.host.ports import Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.lab.control import LabUnits

SYSTEMCTL = {
    "start": "start",
    "stop": "stop",
    "restart": "restart",
    "try-restart": "try-restart",
    "reload": "reload",
    "daemon-reload": "reread",
}
"""The words of systemctl that a timer may have, and the order that each is."""

RUN_LIMIT = 30.0
"""Seconds for one command."""


class LabTimers:
    """The console's end.

    Args:
        units: how the supervisor is asked.
    """

    def __init__(self, units: LabUnits) -> None:
        self._units = units

    def absent(self) -> str:
        """Return why the lab can't be asked, or nothing where it can."""
        return self._units.absent()

    def all(self) -> tuple[Timer, ...]:
        """Return the timers that are still to come; raises `HostError`."""
        return tuple(map(_timer, self._units.ask({"do": "timers"})["timers"]))

    def set(self, timer: Timer) -> None:
        """Set *timer*, in place of any other of its name; raises `HostError`."""
        self._told({"do": "set timer", "timer": timer._asdict()})

    def remove(self, name: str) -> None:
        """Forget the timer called *name*, where there is one; raises `HostError`."""
        self._told({"do": "remove timer", "name": name})

    def _told(self, order: dict[str, Any]) -> None:
        told = self._units.ask(order)
        if "error" in told:
            raise HostError(str(told["error"]))


class Timetable:
    """The supervisor's end.

    Args:
        root: the lab's folder; no command is run on anything outside it.
        operate: does an order of `SYSTEMCTL` on a unit.
    """

    def __init__(self, root: str, operate: Callable[[str, str], Iterator[None]]) -> None:
        self._root = root
        self._operate = operate
        self._timers: dict[str, Timer] = {}

    def all(self) -> list[dict[str, object]]:
        """Return the timers that are still to come."""
        return [timer._asdict() for timer in self._timers.values()]

    def set(self, told: dict[str, Any]) -> str:
        """Set a timer; return why it is not set, or nothing."""
        timer = _timer(told)
        if timer.at <= time.time():
            return f"the time of {timer.name} is over already"
        for argv in timer.commands:
            if outside := self._outside(argv):
                return f"{' '.join(argv)}: {outside} is outside the lab"
        self._timers[timer.name] = timer
        return ""

    def remove(self, name: str) -> None:
        """Forget a timer."""
        self._timers.pop(name, None)

    def wait(self) -> float | None:
        """Return the seconds until the next timer's time; None where there is none."""
        next_at = min((timer.at for timer in self._timers.values()), default=None)
        return None if next_at is None else max(0.0, next_at - time.time())

    def due(self) -> Iterator[Iterator[None]]:
        """Yield the work of each timer whose time has come, and forget it."""
        now = time.time()
        for timer in [one for one in self._timers.values() if one.at <= now]:
            del self._timers[timer.name]
            yield self._run(timer)

    def _run(self, timer: Timer) -> Iterator[None]:
        for argv in timer.commands:
            if os.path.basename(argv[0]) == "systemctl":
                yield from self._systemctl(argv[1:])
            else:
                yield from self._program(argv)

    def _systemctl(self, words: tuple[str, ...]) -> Iterator[None]:
        plain = [word for word in words if not word.startswith("-")]
        order = SYSTEMCTL.get(plain[0] if plain else "", "")
        if order:
            yield from self._operate(order, plain[1] if len(plain) > 1 else "")

    def _program(self, argv: tuple[str, ...]) -> Iterator[None]:
        try:
            process = subprocess.Popen(  # noqa: S603 - an argument list, of the console's own
                argv,
                cwd=self._root,
                env={"PATH": SEARCHED, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            print(f"{' '.join(argv)}: {error}", flush=True)
            return
        until = time.monotonic() + RUN_LIMIT
        while process.poll() is None:
            yield
            if time.monotonic() > until:
                process.kill()

    def _outside(self, argv: tuple[str, ...]) -> str:
        """Return the path in *argv* that is not below the lab's folder, or nothing."""
        for word in argv[1:]:
            path = os.path.normpath(word)
            if word.startswith("/") and not path.startswith(f"{self._root}/"):
                return word
            if path.startswith(".."):
                return word
        return ""


def _timer(told: dict[str, Any]) -> Timer:
    commands = tuple(tuple(argv) for argv in told["commands"])
    return Timer(told["name"], told["at"], commands, told["lasting"])
