"""Units that can't be started or enabled as they are: who says so, and how it is taken back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit

if TYPE_CHECKING:
    from actions.host.ports import Host, Operation, UnitState
    from actions.mailhost.service import MailService

_PLACES = (
    ("/etc/systemd/system", "an administrator (systemctl mask)", "systemctl unmask {}"),
    (
        "/run/systemd/system",
        "somebody, until the next boot (systemctl mask --runtime)",
        "systemctl unmask --runtime {}",
    ),
    (
        "/usr/local/lib/systemd/system",
        "who installed it below /usr/local",
        "remove the link /usr/local/lib/systemd/system/{}",
    ),
    (
        "/usr/lib/systemd/system",
        "its package, which means it to be started in another way",
        "see the package's documentation for {}",
    ),
    (
        "/lib/systemd/system",
        "its package, which means it to be started in another way",
        "see the package's documentation for {}",
    ),
)
"""Where a link to /dev/null masks a unit (systemd.unit(5)), in the order in which they count."""

_WITHOUT_INSTALL = {
    "static": "it has no [Install] section: other units start it, or nothing does",
    "generated": "it is made at boot from another file",
    "transient": "it was made for this run of the host only",
    "indirect": "it is enabled by another unit (Also= in its [Install] section)",
    "alias": "it is another name of a unit",
}
"""States of a unit file in which enable and disable do nothing (systemctl(1), is-enabled)."""


def require_startable(
    host: Host, operation: Operation, service: MailService, state: UnitState
) -> None:
    """Refuse *operation* where the unit is masked, or has no start at boot to be set.

    Raises:
        ActionError: the next step takes the mask away.
    """
    if state.masked and operation != "disable":
        who, step = _masked_by(host, service.unit)
        raise ActionError(f"{service.unit} is masked by {who}", Exit.PROBLEM, step)
    if state.masked:
        raise ActionError(
            f"{service.unit} is masked: nothing starts it, at boot or later",
            Exit.PROBLEM,
            "leave it so, or unmask it first",
        )
    if operation in {"enable", "disable"} and state.enabled is None:
        why = _WITHOUT_INSTALL.get(state.startup, "whether it starts at boot can't be told")
        raise ActionError(
            f"{service.unit} can't be {operation}d: {why}",
            Exit.PROBLEM,
            f"see: systemctl cat {service.unit}",
        )


def _masked_by(host: Host, unit: str) -> tuple[str, str]:
    """Return who masked *unit*, and what takes that back."""
    for folder, who, step in _PLACES:
        path = host.at(f"{folder}/{unit}")
        if os.path.islink(path) and os.path.realpath(path) == "/dev/null":
            return f"{who}: {path}", step.format(unit)
        # An empty file masks a unit too.
        if os.path.isfile(path) and not os.path.getsize(path):
            return f"{who}: {path} is empty", f"remove {path}, then systemctl daemon-reload"
    return "a file that was not found", f"systemctl unmask {unit}"
