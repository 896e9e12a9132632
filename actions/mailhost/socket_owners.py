"""Where each daemon is told its socket's path, group and mode: knowledge as data.

Files and names are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

from __future__ import annotations

import re
from typing import Literal

from actions.host.endpoint import BadEndpoint, parse_endpoint
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
    spec: str
    """Matches the line that names the socket; the group ``value`` is where it listens."""
    mode: Setting | None
    group: Setting | None
    open_to_group: str
    """The value of `mode` that lets the owner and the group connect."""


SOCKET_OWNERS = (
    SocketOwner(
        "milter-greylist",
        ("/etc/milter-greylist/greylist.conf", "/etc/mail/greylist.conf"),
        r'socket[ \t]+"(?P<value>[^"]+)"',
        Setting("greylist", "socket", argument=2),
        None,
        "660",
    ),
    SocketOwner(
        "clamav-milter",
        ("/etc/clamav/clamav-milter.conf", "/etc/mail/clamav-milter.conf"),
        r"MilterSocket[ \t]+(?P<value>\S+)",
        Setting("clamav", "MilterSocketMode"),
        Setting("clamav", "MilterSocketGroup"),
        "660",
    ),
    SocketOwner(
        "spamass-milter",
        ("/etc/default/spamass-milter", "/etc/sysconfig/spamass-milter"),
        r'SOCKET="?(?P<value>[^"\s]+)"?',
        Setting("shell", "SOCKETMODE"),
        Setting("shell", "SOCKETOWNER", behind="postfix"),
        "0660",
    ),
    SocketOwner(
        "opendkim",
        ("/etc/opendkim.conf",),
        r"Socket[ \t]+(?P<value>\S+)",
        Setting("opendkim", "UMask"),
        None,
        "007",
    ),
    SocketOwner(
        "opendmarc",
        ("/etc/opendmarc.conf",),
        r"Socket[ \t]+(?P<value>\S+)",
        Setting("opendkim", "UMask"),
        None,
        "007",
    ),
    SocketOwner(
        "milter-manager",
        ("/etc/default/milter-manager", "/etc/sysconfig/milter-manager"),
        r'CONNECTION_SPEC="?(?P<value>[^"\s]+)"?',
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


def value_of(text: str, pattern: str) -> str:
    """Return the value in the last line of *text* that *pattern* matches, or ""."""
    found = list(_active(pattern).finditer(text))
    return (found[-1]["value"] or "") if found else ""


def with_setting(text: str, setting: Setting, value: str) -> str:
    """Return *text* with *setting* at *value*: in place, in a commented line, or added."""
    if setting.language == "greylist":
        return greylist.with_value(text, setting.name, value, setting.argument)
    if setting.language == "shell":
        if setting.behind:
            owner = shell.value(text, setting.name).partition(":")[0] or setting.behind
            value = f"{owner}:{value}"
        return shell.with_value(text, setting.name, value)
    language = CLAMAV if setting.language == "clamav" else OPENDKIM
    return language.with_value(text, setting.name, value)


def _active(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{pattern}", re.MULTILINE | re.IGNORECASE)
