"""Services under systemd, asked and told through systemctl."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted
from actions.host.ports import Activity, UnitState

if TYPE_CHECKING:
    from actions.host.ports import Commands, Operation

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
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "MainPID",
    "InvocationID",
)

_DENIED = ("access denied", "authentication required", "permission denied", "not authorized")


class SystemdUnits:
    """The units of this machine's service manager."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def state(self, unit: str) -> UnitState:
        """Return the state of *unit*; activity is "unknown" where it can't be seen."""
        absent = _no_systemd()
        if absent:
            return _unknown(unit, absent)
        try:
            asked = self._commands.run(
                ["systemctl", "show", "--no-pager", f"--property={','.join(_ASKED)}", "--", unit]
            )
        except HostError as error:
            return _unknown(unit, str(error))
        if asked.exit_code:
            return _unknown(unit, f"systemctl show: {asked.stderr.strip() or asked.exit_code}")
        return _read(unit, asked.stdout)

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        """Do *operation* on *unit* and wait until it has ended.

        Raises:
            NotPermitted: the service manager refused this user.
            HostError: no systemd here, the unit failed, or it took too long.
        """
        absent = _no_systemd()
        if absent:
            raise HostError(f"cannot {operation} {unit}: {absent}")
        ended = self._commands.run(
            ["systemctl", "--no-ask-password", operation, "--", unit], timeout=timeout
        )
        if ended.exit_code:
            raise _refused(operation, unit, ended.stderr.strip() or str(ended.exit_code))
        if operation in {"start", "restart"}:
            self._require_running(operation, unit)

    def _require_running(self, operation: str, unit: str) -> None:
        """Refuse a unit that systemd has called started and that fell over at once."""
        state = self.state(unit)
        if state.activity == "failed":
            raise _refused(operation, unit, state.detail)


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


def _read(unit: str, text: str) -> UnitState:
    told = dict(line.partition("=")[::2] for line in text.splitlines())
    if told.get("LoadState") == "not-found":
        return UnitState(unit, "inactive", None, 0, "", "this host has no such unit")
    detail = (told.get("SubState", ""), told.get("Result", "").removeprefix("success"))
    return UnitState(
        unit,
        _ACTIVITIES.get(told.get("ActiveState", ""), "unknown"),
        _ENABLED.get(told.get("UnitFileState", "")),
        int(told.get("MainPID") or 0),
        told.get("InvocationID", ""),
        ", ".join(part for part in detail if part),
    )


def _refused(operation: str, unit: str, why: str) -> HostError:
    if any(word in why.lower() for word in _DENIED):
        return NotPermitted(f"cannot {operation} {unit}: {why}; run as root or with sudo")
    return HostError(f"cannot {operation} {unit}: {why}; see journalctl -u {unit} -n 50")
