"""What systemd says of a unit, as ``systemctl show`` prints it, read into its state."""

from __future__ import annotations

import os

from actions.host.ending import INIT_SCRIPTS
from actions.host.ports import Activity, UnitState

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

_ENTERED = {
    "active": "ActiveEnterTimestampMonotonic",
    "inactive": "InactiveEnterTimestampMonotonic",
    "failed": "InactiveEnterTimestampMonotonic",
    "changing": "StateChangeTimestampMonotonic",
}
"""Which time says when a unit came into its activity."""

FOREGROUND = "91-milter-console-run.conf"
"""The drop-in of a unit in whose place a program runs in the foreground."""

HELD_BACK = "a condition of its unit was not met"
_NO_NUMBER = 2**64 - 1
"""What older versions print where a number is not known (UINT64_MAX)."""


def block(text: str) -> dict[str, str]:
    """Return the properties in *text*; of one that is there again, the first."""
    told: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        told.setdefault(name, value)
    return told


def words(told: dict[str, str], name: str) -> list[str]:
    """Return the words of a property."""
    return told.get(name, "").split()


def read(unit: str, told: dict[str, str], offset: float) -> UnitState:
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
        starters=tuple(words(told, "TriggeredBy")),
    )


def is_in_foreground(state: UnitState) -> bool:
    """Return whether a program runs in the unit's place; see `Units.run_instead`."""
    return any(os.path.basename(path) == FOREGROUND for path in state.files)


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
        HELD_BACK if _is_held_back(told) else "",
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
    return tuple(path for path in (own, *words(told, "DropInPaths")) if path)


def _command(told: dict[str, str]) -> tuple[str, ...]:
    """Return what starts the unit.

    systemctl prints ``{ path=/usr/sbin/x ; argv[]=/usr/sbin/x -f ; ignore_errors=no ; … }``.
    """
    _, found, rest = told.get("ExecStart", "").partition("argv[]=")
    line = rest.partition(" ; ignore_errors=")[0] if found else ""
    # No quotes are printed: a blank within an argument can't be told from one between two.
    return tuple(line.split())
