"""Where each daemon is told its socket's path, group and mode: knowledge as data.

Files and names are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

from __future__ import annotations

import re

from actions.record import Record


class Setting(Record):
    """One setting that is a line of a file."""

    pattern: str
    """Matches the line where it is in force; the group ``value`` is its value."""
    line: str
    """The line that sets it; ``{value}`` stands for the value, ``{path}`` for the socket."""


class SocketOwner(Record):
    """A daemon and how it is told about its socket."""

    unit: str
    files: tuple[str, ...]
    """Where its settings may be; the first that exists counts."""
    path: str
    """Matches the line that names the socket; the group ``value`` is its path."""
    mode: Setting | None
    group: Setting | None
    open_to_group: str
    """The value of `mode` that lets the owner and the group connect."""


SOCKET_OWNERS = (
    SocketOwner(
        "milter-greylist",
        ("/etc/milter-greylist/greylist.conf", "/etc/mail/greylist.conf"),
        r'socket[ \t]+"(?P<value>[^"]+)"',
        Setting(r'socket[ \t]+"[^"]+"(?:[ \t]+(?P<value>[0-7]{3,4}))?', 'socket "{path}" {value}'),
        None,
        "660",
    ),
    SocketOwner(
        "clamav-milter",
        ("/etc/clamav/clamav-milter.conf", "/etc/mail/clamav-milter.conf"),
        r"MilterSocket[ \t]+(?:unix:|local:)?(?P<value>/\S+)",
        Setting(r"MilterSocketMode[ \t]+(?P<value>\S+)", "MilterSocketMode {value}"),
        Setting(r"MilterSocketGroup[ \t]+(?P<value>\S+)", "MilterSocketGroup {value}"),
        "660",
    ),
    SocketOwner(
        "spamass-milter",
        ("/etc/default/spamass-milter", "/etc/sysconfig/spamass-milter"),
        r'SOCKET="?(?P<value>/[^"\s]+)"?',
        Setting(r'SOCKETMODE="?(?P<value>[0-7]+)"?', 'SOCKETMODE="{value}"'),
        Setting(r'SOCKETOWNER="?[^":\s]*:(?P<value>[^"\s]+)"?', 'SOCKETOWNER="postfix:{value}"'),
        "0660",
    ),
    SocketOwner(
        "opendkim",
        ("/etc/opendkim.conf",),
        r"Socket[ \t]+(?:local|unix):(?P<value>/\S+)",
        Setting(r"UMask[ \t]+(?P<value>[0-7]+)", "UMask {value}"),
        None,
        "007",
    ),
    SocketOwner(
        "milter-manager",
        ("/etc/default/milter-manager", "/etc/sysconfig/milter-manager"),
        r'CONNECTION_SPEC="?unix:(?P<value>/[^"\s]+)"?',
        None,
        Setting(r'SOCKET_GROUP="?(?P<value>[^"\s]*)"?', 'SOCKET_GROUP="{value}"'),
        "",
    ),
)


def value_of(text: str, pattern: str) -> str:
    """Return the value in the last line of *text* that *pattern* matches, or ""."""
    found = list(_active(pattern).finditer(text))
    return (found[-1]["value"] or "") if found else ""


def with_setting(text: str, setting: Setting, value: str, path: str) -> str:
    """Return *text* with *setting* at *value*.

    In its last active line only the value changes; where there is none, a line is added at
    the end.
    """
    line = setting.line.format(value=value, path=path)
    found = list(_active(setting.pattern).finditer(text))
    if not found:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}{line}\n"
    if found[-1]["value"] is None:
        start, end = found[-1].span("setting")
        return text[:start] + line + text[end:]
    start, end = found[-1].span("value")
    return text[:start] + value + text[end:]


def _active(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(?P<setting>{pattern})", re.MULTILINE | re.IGNORECASE)
