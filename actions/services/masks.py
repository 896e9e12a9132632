"""Units that can't be started or enabled as they are: and what to do then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.mailhost.masks import masked_by

if TYPE_CHECKING:
    from actions.host.ports import Host, Operation, UnitState
    from actions.mailhost.service import MailService

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
        mask = masked_by(host, service.unit)
        raise ActionError(f"{service.unit} is masked by {mask.who}", Exit.PROBLEM, mask.step)
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
