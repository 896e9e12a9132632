"""Where each daemon is told its socket's path, group and mode: knowledge as data.

Files and names are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

from __future__ import annotations

from typing import Literal

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.mailhost import files
from actions.record import Record
from actions.settings import greylist, shell
from actions.settings.directives import CLAMAV, OPENDKIM


class Setting(Record):
    """One setting, and the language of the file that it is in."""

    language: Literal["clamav", "opendkim", "shell", "greylist"]
    name: str
    argument: int = 1
    """Which word behind the name, where a line has several."""
    behind: str = ""
    """What stands before a colon in the value where nothing is set, such as the user."""


class SocketOwner(Record):
    """A daemon and how it is told about its socket."""

    unit: str
    files: tuple[str, ...]
    """Where its settings may be; the first that exists counts."""
    spec: Setting
    """Where it listens."""
    mode: Setting | None
    group: Setting | None
    open_to_group: str
    """The value of `mode` that lets the owner and the group connect."""


_DIRECTIVES = {"clamav": CLAMAV, "opendkim": OPENDKIM}

CHROOTED_SPAMASS = "/var/spool/postfix/spamass/spamass.sock"
"""Where Debian's init script puts spamass-milter's socket where Postfix is installed."""

SOCKET_OWNERS = (
    SocketOwner(
        "milter-greylist",
        files.MILTER_GREYLIST,
        Setting("greylist", "socket"),
        Setting("greylist", "socket", argument=2),
        None,
        "660",
    ),
    SocketOwner(
        "clamav-milter",
        files.CLAMAV_MILTER,
        Setting("clamav", "MilterSocket"),
        Setting("clamav", "MilterSocketMode"),
        Setting("clamav", "MilterSocketGroup"),
        "660",
    ),
    SocketOwner(
        "spamass-milter",
        files.SPAMASS_MILTER,
        Setting("shell", "SOCKET"),
        Setting("shell", "SOCKETMODE"),
        Setting("shell", "SOCKETOWNER", behind="postfix"),
        "0660",
    ),
    SocketOwner(
        "opendkim",
        files.OPENDKIM,
        Setting("opendkim", "Socket"),
        Setting("opendkim", "UMask"),
        None,
        "007",
    ),
    SocketOwner(
        "opendmarc",
        files.OPENDMARC,
        Setting("opendkim", "Socket"),
        Setting("opendkim", "UMask"),
        None,
        "007",
    ),
    SocketOwner(
        "milter-manager",
        files.MILTER_MANAGER,
        Setting("shell", "CONNECTION_SPEC"),
        None,
        Setting("shell", "SOCKET_GROUP"),
        "",
    ),
)


def socket_path(text: str, owner: SocketOwner) -> str:
    """Return the path of the socket that *text* gives to *owner*, or "" where it names none."""
    try:
        endpoint = parse_endpoint(value_of(text, owner.spec))
    except BadEndpoint:
        return ""
    return endpoint.place if endpoint.family == "unix" else ""


def value_of(text: str, setting: Setting) -> str:
    """Return what *text* has *setting* at, or ""."""
    if setting.language == "greylist":
        found = greylist.in_force(text, setting.name)
        return found.argument(setting.argument) if found else ""
    if setting.language == "shell":
        return shell.value(text, setting.name)
    return _DIRECTIVES[setting.language].value(text, setting.name)


def with_setting(text: str, setting: Setting, value: str) -> str:
    """Return *text* with *setting* at *value*: in place, in a commented line, or added."""
    if setting.language == "greylist":
        return greylist.with_value(text, setting.name, value, setting.argument)
    if setting.language == "shell":
        if setting.behind:
            owner = shell.value(text, setting.name).partition(":")[0] or setting.behind
            value = f"{owner}:{value}"
        return shell.with_value(text, setting.name, value)
    return _DIRECTIVES[setting.language].with_value(text, setting.name, value)
