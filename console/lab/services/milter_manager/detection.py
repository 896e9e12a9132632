"""The milters that milter-manager finds by itself: their sockets in their own files.

It is used where its unit starts at boot and its file names a socket. What milter-manager does not
see is not seen here either: ``Environment=`` and the command line of a unit, and its drop-ins.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.record import Record
from console.lab.services.milter_manager.configuration import ChildSettings, load
from console.lab.services.milter_manager.items import Given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.services.milter_manager.configuration import Configuration

_WANTS = "/etc/systemd/system/multi-user.target.wants"

_FROM_OUTSIDE = ("Remote Network", "Unauthenticated")
"""The conditions that pass over the mail of a host's own users."""


class Detector(Record):
    """How one milter is found."""

    name: str
    files: tuple[str, ...]
    """Where its socket may stand; the last that names one counts."""
    socket: str
    """Matches the line that does; the group ``value`` is the socket."""
    conditions: tuple[str, ...] = ()
    example: bool = False
    """Whether a line ``Example`` switches it off."""


REDHAT = (
    Detector(
        "milter-greylist",
        ("/etc/mail/greylist.conf",),
        r'[ \t]*socket[ \t]+"(?P<value>[^"\n]+)"',
        ("S25R", *_FROM_OUTSIDE),
    ),
    Detector("opendkim", ("/etc/opendkim.conf",), r"[ \t]*Socket[ \t]+(?P<value>\S.*)"),
    Detector(
        "clamav-milter",
        ("/etc/mail/clamav-milter.conf",),
        r"[ \t]*MilterSocket[ \t]+(?P<value>\S.*)",
        example=True,
    ),
    Detector(
        "spamass-milter",
        ("/etc/sysconfig/spamass-milter", "/etc/sysconfig/spamass-milter-postfix"),
        r"""SOCKET=["']?(?P<value>[^"'\n]+)""",
        _FROM_OUTSIDE,
    ),
)
"""In the order in which they are asked."""

PLATFORMS = {"redhat": REDHAT}
"""By ``package.platform``: what is looked for; elsewhere everything is defined by hand."""


def configured(root: str, file: str) -> Configuration:
    """Return what holds on the host below *root*: what *file* says, and the milters found there."""
    return load(file, lambda platform: detected(root, platform))


def detected(root: str, platform: str) -> Iterator[ChildSettings]:
    """Yield the milters of the host below *root*; one whose file names no socket is not there."""
    for detector in PLATFORMS.get(platform, ()):
        found = _socket(root, detector)
        if found is None:
            continue
        spec, is_example = found
        starts = os.path.islink(f"{root}{_WANTS}/{detector.name}.service")
        enabled = Given(starts and not is_example, spec.line, spec.file)
        conditions = tuple(Given(name, spec.line, spec.file) for name in detector.conditions)
        given = {"connection_spec": spec, "enabled": enabled}
        yield ChildSettings(detector.name, spec.line, given, conditions, spec.file)


def _socket(root: str, detector: Detector) -> tuple[Given, bool] | None:
    """Return the socket, and whether its file is an example still; None where none is named."""
    found = None
    for path in detector.files:
        try:
            with open(root + path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        is_example = detector.example and any(line.strip() == "Example" for line in lines)
        for number, line in enumerate(lines, 1):
            if match := re.match(detector.socket, line):
                found = Given(_spec(match["value"].strip()), number, root + path), is_example
    return found


def _spec(socket: str) -> str:
    """Return *socket* as milter-manager writes it: a path alone is a unix socket."""
    socket = re.sub(r"^local:", "unix:", socket)
    return f"unix:{socket}" if socket.startswith("/") else socket
