"""Services under systemd, asked and told through systemctl."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from actions.host.ending import await_end, is_init_script
from actions.host.errors import HostError, NotPermitted
from actions.host.logged import last_lines
from actions.host.ports import UnitState
from actions.host.processes import of_group
from actions.host.unit_state import HELD_BACK, block, read, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions.host.ports import Commands, Operation, UnitWatch

_ASKED = (
    "Id",
    "Names",
    "Description",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "MainPID",
    "InvocationID",
    "ActiveEnterTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
    "StateChangeTimestampMonotonic",
    "MemoryCurrent",
    "NRestarts",
    "ExecStart",
    "SourcePath",
    "FragmentPath",
    "DropInPaths",
    "ControlGroup",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "User",
    "CanReload",
    "TriggeredBy",
)
"""What is asked of each unit; older versions of systemd leave out what they do not know.

The times are the monotonic ones: the others are printed for people, in the local time zone.
"""

_SUFFIX = ".service"
PATIENCE = 5.0
"""Seconds that a question has; it is answered in some 10 ms where systemd is well."""

_REREAD_PATIENCE = 90.0
"""Seconds for systemd to read all units again and run its generators (systemd.generator(7))."""

UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where the units of the system are (systemd.unit(5), "Unit File Load Path")."""

_DENIED = ("access denied", "authentication required", "permission denied", "not authorized")


class SystemdUnits:
    """The units of this machine's service manager."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def absent(self) -> str:
        """Return why systemd can't be asked here, or nothing where it can."""
        return _no_systemd()

    def names(self) -> tuple[str, ...]:
        """Return every service that is loaded or could be, without bare templates.

        Raises:
            HostError: no systemd here, or it does not answer.
        """
        absent = _no_systemd()
        if absent:
            raise HostError(f"cannot list the units: {absent}")
        what = ("list-units", "--all", "--plain", "--full", "--no-legend", "--no-pager")
        asked = self._commands.run(["systemctl", *what, "--type=service"], timeout=PATIENCE)
        if asked.exit_code:
            told = asked.stderr.strip() or asked.exit_code
            raise HostError(f"systemctl list-units: {told}")
        lines = [words for line in asked.stdout.splitlines() if (words := line.split())]
        # The columns are UNIT LOAD ACTIVE SUB; what is only referred to is listed too.
        loaded = {words[0] for words in lines if words[1:2] != ["not-found"]}
        return tuple(sorted(loaded.union(*map(_services_in, UNIT_FOLDERS))))

    def state(self, unit: str) -> UnitState:
        """Return the state of *unit*; activity is "unknown" where it can't be seen."""
        return self.states((unit,))[0]

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        """Return the states of *units*, in their order, by one question for all."""
        if not units:
            return ()
        absent = _no_systemd()
        if absent:
            return tuple(_unknown(unit, absent) for unit in units)
        asked = [unit for unit in dict.fromkeys(units) if _is_askable(unit)]
        try:
            told, trouble = self._told(asked) if asked else ([], "")
        except HostError as error:
            return tuple(_unknown(unit, str(error)) for unit in units)
        offset = time.time() - time.monotonic()
        found = _by_name(asked, told)
        return tuple(
            read(unit, found[unit], offset) if unit in found else _untold(unit, trouble)
            for unit in units
        )

    def _told(self, units: Sequence[str]) -> tuple[list[dict[str, str]], str]:
        """Return what systemctl says of each unit, and what it says besides where it fails."""
        wanted = f"--property={','.join(_ASKED)}"
        asked = self._commands.run(
            ["systemctl", "show", "--no-pager", wanted, "--", *units], timeout=PATIENCE
        )
        trouble = f"systemctl show: {asked.stderr.strip() or asked.exit_code}"
        blocks = [block(text) for text in asked.stdout.split("\n\n") if text.strip()]
        return blocks, trouble if asked.exit_code else ""

    def watch(self, changed: Callable[[str], None]) -> UnitWatch:
        """Call *changed* with a unit's name, from another thread, whenever its state changes.

        Raises:
            HostError: no systemd here, or no bus that tells of it.
        """
        absent = _no_systemd()
        if absent:
            raise HostError(f"nothing tells of changes: {absent}")
        from actions.host.bus import watch_units

        return watch_units(changed)

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        """Do *operation* on *unit* and wait until it has ended.

        Raises:
            NotPermitted: the service manager refused this user.
            HostError: no systemd here, the unit failed, or it took too long.
        """
        absent = _no_systemd()
        if absent:
            raise HostError(f"cannot {operation} {unit}: {absent}")
        before = self.state(unit) if operation in {"start", "stop", "restart"} else None
        if before is not None and operation != "stop" and before.known:
            # What made it fall over may be mended by now, and systemd counts an operator's own
            # restarts too: the sixth within 10 s would stop a daemon that runs, and not start it
            # (systemd.unit(5), StartLimitBurst=). Who may not do this may not start it either.
            self._commands.run(["systemctl", "--no-ask-password", "reset-failed", "--", unit])
        if before is None or operation == "start" or not is_init_script(before):
            self._operate(operation, unit, timeout)
            return
        # systemd waits for an init script, not for the daemon that it ends: one started too
        # early loses its socket to the end of the one before.
        old = of_group(before.group) or ()
        self._operate("stop", unit, timeout)
        await_end(unit, old)
        if operation == "restart":
            self._operate("start", unit, timeout)

    def reread(self) -> None:
        """Take up what has changed in the units' own files; nothing is restarted by it.

        Raises:
            NotPermitted: the service manager refused this user.
            HostError: no systemd here, or it refused or took too long.
        """
        absent = _no_systemd()
        if absent:
            raise HostError(f"cannot take up the units' files: {absent}")
        ended = self._commands.run(
            ["systemctl", "--no-ask-password", "daemon-reload"], timeout=_REREAD_PATIENCE
        )
        if ended.exit_code:
            why = ended.stderr.strip() or f"systemctl ended with {ended.exit_code}"
            text = f"cannot take up the units' files: {why}"
            if any(word in why.lower() for word in _DENIED):
                raise NotPermitted(f"{text}; run as root or with sudo")
            raise HostError(f"{text}; see journalctl -b _PID=1 -n 50")

    def run_instead(
        self,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
        seconds: float,
    ) -> str:
        """Run *argv* in the place of *unit*; see `actions.host.foreground`.

        Raises:
            NotPermitted: this is not root.
            HostError: no systemd here, it could not be started, it ended by a fault of its own,
                or the unit did not come back.
        """
        from actions.host.foreground import run_instead

        return run_instead(self._commands, self, unit, argv, take, is_cancelled, seconds)

    def _operate(self, operation: Operation, unit: str, timeout: float) -> None:
        began = time.time()
        ended = self._commands.run(
            ["systemctl", "--no-ask-password", operation, "--", unit], timeout=timeout
        )
        why = (ended.stderr.strip() or str(ended.exit_code)) if ended.exit_code else ""
        if not why and operation in {"start", "restart"}:
            # systemd calls a unit started that falls over at once.
            state = self.state(unit)
            why = state.detail if state.activity == "failed" else ""
            # Nor is it an error to systemd that a condition of the unit does not hold.
            if state.activity == "inactive" and HELD_BACK in state.detail:
                why = HELD_BACK
        if not why:
            return
        denied = any(word in why.lower() for word in _DENIED)
        said = "" if denied else last_lines(self._commands, unit, began)
        raise _refused(operation, unit, why, said)


def _services_in(folder: str) -> Iterator[str]:
    """Yield the services that have a file in *folder*, without templates and second names.

    ``systemctl list-unit-files`` tells them too, after some 200 ms.
    """
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        name = entry.name
        if name.endswith(_SUFFIX) and not name.endswith(f"@{_SUFFIX}") and not _is_alias(entry):
            yield name


def _is_alias(entry: os.DirEntry[str]) -> bool:
    if not entry.is_symlink():
        return False
    try:
        target = os.path.basename(os.readlink(entry.path))
    except OSError:
        return False
    # A masked unit is a link to /dev/null.
    return target not in {entry.name, "null"}


def _no_systemd() -> str:
    """Return why systemd can't be asked, or nothing where it can."""
    if os.path.isdir("/run/systemd/system"):
        return ""
    try:
        with open("/proc/1/comm", encoding="utf-8", errors="replace") as file:
            first = file.read().strip()
    except OSError:
        first = "unknown"
    return f"systemd does not run here (process 1 is {first})"


def _unknown(unit: str, detail: str) -> UnitState:
    return UnitState(unit, "unknown", None, 0, "", detail)


def _untold(unit: str, trouble: str) -> UnitState:
    if not _is_askable(unit):
        return _unknown(unit, f"{unit!r} is no unit's name")
    return _unknown(unit, trouble or "systemctl show: it says nothing of this unit")


def _is_askable(unit: str) -> bool:
    """Return whether *unit* names one unit: no template, and no pattern for many."""
    name = unit.removesuffix(_SUFFIX)
    return bool(name) and not name.endswith("@") and not any(mark in name for mark in "*?[ \n")


def _by_name(units: Sequence[str], told: Sequence[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return what was told by the name that was asked for, which may be an alias."""
    if len(told) == len(units):
        return dict(zip(units, told, strict=True))
    named = {name: one for one in told for name in (one.get("Id", ""), *words(one, "Names"))}
    full = {unit: unit if "." in unit else f"{unit}{_SUFFIX}" for unit in units}
    return {unit: named[full[unit]] for unit in units if full[unit] in named}


def _refused(operation: str, unit: str, why: str, said: str = "") -> HostError:
    """Return the refusal, with what the unit itself *said* last."""
    if any(word in why.lower() for word in _DENIED):
        return NotPermitted(f"cannot {operation} {unit}: {why}; run as root or with sudo")
    if said:
        first = why.splitlines()[0].rstrip(".")
        return HostError(f"cannot {operation} {unit}: {first}; it logged: {said}")
    return HostError(f"cannot {operation} {unit}: {why}; see journalctl -u {unit} -n 50")
