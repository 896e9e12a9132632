"""Units that a mask keeps from starting: who says so, and how it is taken back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Host

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


class Mask(Record):
    """What masks a unit."""

    who: str
    """Who set it, and where it is."""
    step: str
    """What takes it back."""


def masked_by(host: Host, unit: str) -> Mask:
    """Return what masks *unit*, which the service manager calls masked."""
    for folder, who, step in _PLACES:
        path = host.at(f"{folder}/{unit}")
        if os.path.islink(path) and os.path.realpath(path) == "/dev/null":
            return Mask(f"{who}: {path}", step.format(unit))
        # An empty file masks a unit too.
        if os.path.isfile(path) and not os.path.getsize(path):
            return Mask(f"{who}: {path} is empty", f"remove {path}, then systemctl daemon-reload")
    return Mask("a file that was not found", f"systemctl unmask {unit}")
