"""Services under systemd, asked and told through systemctl."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from actions.host.ending import INIT_SCRIPTS, await_end, is_init_script, last_lines
from actions.host.errors import HostError, NotPermitted
from actions.host.ports import Activity, UnitState
from actions.host.processes import of_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions.host.ports import Commands, Operation, UnitWatch

_ACTIVITIES: dict[str, Activity] = {
    "active": "active",
    "inactive": "inactive",
    "failed": "failed",
    "activating": "changing",
    "deactivating": "changing",
    "reloading": "changing",
    "maintenance": "changing",
}

_ENABLED = {
    "enabled": True,
    "enabled-runtime": True,
    "disabled": False,
    "masked": False,
    "masked-runtime": False,
}

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

_ENTERED = {
    "active": "ActiveEnterTimestampMonotonic",
    "inactive": "InactiveEnterTimestampMonotonic",
    "failed": "InactiveEnterTimestampMonotonic",
    "changing": "StateChangeTimestampMonotonic",
}
"""Which time says when a unit came into its activity."""

_SUFFIX = ".service"
_HELD_BACK = "a condition of its unit was not met"
_NO_NUMBER = 2**64 - 1
"""What older versions print where a number is not known (UINT64_MAX)."""

PATIENCE = 5.0
"""Seconds that a question has; it is answered in some 10 ms where systemd is well."""

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
            _read(unit, found[unit], offset) if unit in found else _untold(unit, trouble)
            for unit in units
        )

    def _told(self, units: Sequence[str]) -> tuple[list[dict[str, str]], str]:
        """Return what systemctl says of each unit, and what it says besides where it fails."""
        wanted = f"--property={','.join(_ASKED)}"
        asked = self._commands.run(
            ["systemctl", "show", "--no-pager", wanted, "--", *units], timeout=PATIENCE
        )
        trouble = f"systemctl show: {asked.stderr.strip() or asked.exit_code}"
        blocks = [_block(text) for text in asked.stdout.split("\n\n") if text.strip()]
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
        before = self.state(unit) if operation in {"stop", "restart"} else None
        if before is None or not is_init_script(before):
            self._operate(operation, unit, timeout)
            return
        # systemd waits for an init script, not for the daemon that it ends: one started too
        # early loses its socket to the end of the one before.
        old = of_group(before.group) or ()
        self._operate("stop", unit, timeout)
        await_end(unit, old)
        if operation == "restart":
            self._operate("start", unit, timeout)

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
            if state.activity == "inactive" and _HELD_BACK in state.detail:
                why = _HELD_BACK
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
    named = {name: one for one in told for name in (one.get("Id", ""), *_words(one, "Names"))}
    full = {unit: unit if "." in unit else f"{unit}{_SUFFIX}" for unit in units}
    return {unit: named[full[unit]] for unit in units if full[unit] in named}


def _block(text: str) -> dict[str, str]:
    """Return the properties in *text*; of one that is there again, the first."""
    told: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        told.setdefault(name, value)
    return told


def _words(told: dict[str, str], name: str) -> list[str]:
    return told.get(name, "").split()


def _read(unit: str, told: dict[str, str], offset: float) -> UnitState:
    """Return the state that the properties *told* come to.

    Args:
        unit: as it was asked for.
        told: the properties.
        offset: what a monotonic time lacks to one since the epoch, in seconds.
    """
    if told.get("LoadState") == "not-found":
        detail = "this host has no such unit"
        return UnitState(unit, "inactive", None, 0, "", detail, known=False)
    activity = _ACTIVITIES.get(told.get("ActiveState", ""), "unknown")
    entered = _number(told.get(_ENTERED.get(activity, ""), ""))
    return UnitState(
        unit,
        activity,
        _enabled(told),
        _number(told.get("MainPID", "")) or 0,
        told.get("InvocationID", ""),
        ", ".join(part for part in _details(told) if part),
        description=told.get("Description", ""),
        masked=told.get("LoadState") == "masked" or "masked" in told.get("UnitFileState", ""),
        since=round(entered / 1e6 + offset, 3) if entered else None,
        memory=_number(told.get("MemoryCurrent", "")),
        restarts=_number(told.get("NRestarts", "")),
        command=_command(told),
        files=_files(told),
        group=told.get("ControlGroup", ""),
        user=told.get("User", ""),
        reloads={"yes": True, "no": False}.get(told.get("CanReload", "")),
        startup=told.get("UnitFileState", ""),
        starters=tuple(_words(told, "TriggeredBy")),
    )


def _enabled(told: dict[str, str]) -> bool | None:
    script = told.get("SourcePath", "")
    if script.startswith(INIT_SCRIPTS):
        return starts_at_boot(os.path.basename(script))
    return _ENABLED.get(told.get("UnitFileState", ""))


def starts_at_boot(script: str, folder: str = "/etc") -> bool | None:
    """Return whether init script *script* is linked to be started in a usual runlevel.

    Its unit is always "generated" (systemd-sysv-generator(8)). None where no link can be seen.
    """
    seen = False
    for level in "2345":
        try:
            links = os.listdir(f"{folder}/rc{level}.d")
        except OSError:
            continue
        seen = True
        # S, two digits for the order, the script's name.
        if any(link[:1] == "S" and link[3:] == script for link in links):
            return True
    return False if seen else None


def _details(told: dict[str, str]) -> tuple[str, ...]:
    load = told.get("LoadState", "")
    return (
        load if load not in {"loaded", "masked"} else "",
        told.get("SubState", ""),
        told.get("Result", "").removeprefix("success"),
        _HELD_BACK if _is_held_back(told) else "",
    )


def _is_held_back(told: dict[str, str]) -> bool:
    """Return whether the last start was left out because of a condition (ConditionPathExists=…)."""
    looked = _number(told.get("ConditionTimestampMonotonic", ""))
    is_down = told.get("ActiveState") == "inactive"
    return is_down and bool(looked) and told.get("ConditionResult") == "no"


def _number(text: str) -> int | None:
    """Return a count; None for "[not set]" and what else is none."""
    number = int(text) if text.isascii() and text.isdigit() else _NO_NUMBER
    return None if number == _NO_NUMBER else number


def _files(told: dict[str, str]) -> tuple[str, ...]:
    """Return the init script or the unit's own file, and its drop-ins."""
    own = told.get("SourcePath") or told.get("FragmentPath") or ""
    return tuple(path for path in (own, *_words(told, "DropInPaths")) if path)


def _command(told: dict[str, str]) -> tuple[str, ...]:
    """Return what starts the unit.

    systemctl prints ``{ path=/usr/sbin/x ; argv[]=/usr/sbin/x -f ; ignore_errors=no ; … }``.
    """
    _, found, rest = told.get("ExecStart", "").partition("argv[]=")
    line = rest.partition(" ; ignore_errors=")[0] if found else ""
    # No quotes are printed: a blank within an argument can't be told from one between two.
    return tuple(line.split())


def _refused(operation: str, unit: str, why: str, said: str = "") -> HostError:
    """Return the refusal, with what the unit itself *said* last."""
    if any(word in why.lower() for word in _DENIED):
        return NotPermitted(f"cannot {operation} {unit}: {why}; run as root or with sudo")
    if said:
        first = why.splitlines()[0].rstrip(".")
        return HostError(f"cannot {operation} {unit}: {first}; it logged: {said}")
    return HostError(f"cannot {operation} {unit}: {why}; see journalctl -u {unit} -n 50")
