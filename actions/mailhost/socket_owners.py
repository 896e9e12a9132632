"""Where each daemon is told its socket's path: knowledge as data.

Files and names are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

from __future__ import annotations

from typing import Literal

from actions.mailhost import files
from actions.record import Record
from actions.settings import greylist, shell
from actions.settings.directives import CLAMAV, OPENDKIM


class Setting(Record):
    """One setting, and the language of the file that it is in."""

    language: Literal["clamav", "opendkim", "shell", "greylist"]
    name: str


class SocketOwner(Record):
    """A daemon and how it is told about its socket."""

    unit: str
    files: tuple[str, ...]
    """Where its settings may be; the first that exists counts."""
    spec: Setting
    """Where it listens."""


_DIRECTIVES = {"clamav": CLAMAV, "opendkim": OPENDKIM}

CHROOTED_SPAMASS = "/var/spool/postfix/spamass/spamass.sock"
"""Where Debian's init script puts spamass-milter's socket where Postfix is installed."""

SOCKET_OWNERS = (
    SocketOwner("milter-greylist", files.MILTER_GREYLIST, Setting("greylist", "socket")),
    SocketOwner("clamav-milter", files.CLAMAV_MILTER, Setting("clamav", "MilterSocket")),
    SocketOwner("spamass-milter", files.SPAMASS_MILTER, Setting("shell", "SOCKET")),
    SocketOwner("opendkim", files.OPENDKIM, Setting("opendkim", "Socket")),
    SocketOwner("opendmarc", files.OPENDMARC, Setting("opendkim", "Socket")),
    SocketOwner("milter-manager", files.MILTER_MANAGER, Setting("shell", "CONNECTION_SPEC")),
)


def value_of(text: str, setting: Setting) -> str:
    """Return what *text* has *setting* at, or ""."""
    if setting.language == "greylist":
        return greylist.value(text, setting.name)
    if setting.language == "shell":
        return shell.value(text, setting.name)
    return _DIRECTIVES[setting.language].value(text, setting.name)
