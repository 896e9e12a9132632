"""Enigma's ``enigma_debug``: where its file is, and what that says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.debug.found import Setting, file_of
from actions.debug.modes import php
from actions.settings.text import text_of

if TYPE_CHECKING:
    from actions.host.ports import Host

SWITCH = "enigma_debug"
FILES = (
    "/etc/roundcube/plugins/enigma/config.inc.php",
    "/usr/share/roundcube/plugins/enigma/config.inc.php",
    "/etc/roundcubemail/enigma.inc.php",
    "/usr/share/roundcubemail/plugins/enigma/config.inc.php",
    "/var/www/html/roundcubemail/plugins/enigma/config.inc.php",
    "/var/www/roundcubemail/plugins/enigma/config.inc.php",
    "/opt/roundcubemail/plugins/enigma/config.inc.php",
)
"""Where the plugin's settings are, by Debian, by Fedora, and by Roundcube's own archive."""


def file(host: Host) -> str:
    """Return Enigma's file of settings on *host*, or ""; raises `HostError`."""
    return file_of(host, FILES)


def settings(host: Host) -> tuple[Setting, ...]:
    """Return what switches Enigma's debug mode on; raises `HostError`."""
    path = file(host)
    if not path or not php.is_set(text_of(host.files.read(path)), SWITCH):
        return ()
    return (Setting("php", path, SWITCH),)
