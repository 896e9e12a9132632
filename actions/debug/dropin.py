"""The drop-in by which systemd runs a daemon in its debug mode, until the next boot at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.unit_words import to_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNTIME = "/run/systemd/system"
NAME = "90-milter-console-debug.conf"

_TEXT = """\
# Made by milter-console: debugging, for a while. It is removed when its time is over.
[Unit]
StartLimitIntervalSec=0

[Service]
Type=simple
# Systemd before 240 leaves this out.
Type=exec
PIDFile=
ExecStart=
ExecStart={command}
StandardOutput=journal
StandardError=journal
LogRateLimitIntervalSec=0
"""


def folder_of(unit: str) -> str:
    """Return the folder of the runtime drop-ins of *unit*."""
    return f"{RUNTIME}/{unit}.d"


def path_of(unit: str) -> str:
    """Return where the drop-in of *unit* is."""
    return f"{folder_of(unit)}/{NAME}"


def text(argv: Sequence[str]) -> bytes:
    """Return the drop-in that runs *argv*; raises `ValueError` where it is no whole path."""
    return _TEXT.format(command=to_unit(argv)).encode("utf-8", "surrogateescape")
