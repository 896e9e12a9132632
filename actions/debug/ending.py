"""How a debug mode ends by itself: the plain commands that are left to the host.

They need nothing of this program. An edited file is given back as it was where nobody has changed
it since; where somebody has, only the words that switch the mode on are taken out, or, where no
tool of the host can do that, it is left, and ``debug.status`` goes on telling.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from actions.host.ending import is_init_script

if TYPE_CHECKING:
    from actions.host.ports import Host, UnitState

Argv = tuple[str, ...]

_RESTORE = (
    'cd -P -- "$1" && test "$(pwd -P)" = "$1" && test -f "$2" || exit 0; '
    'if test "$(sha256sum <"$2")" = "$4  -"; then mv -fT -- "$3" "$2"; '
    'elif cmp -s -- "$2" "$3"; then rm -f -- "$3"; fi'
)
"""Gives file 2 of folder 1 back from its copy 3, where it still is what 4 is the sum of.

Where the folder is a service user's, it may be exchanged for a link between any two steps: both
names are looked up in one folder, and in no other than was meant.
"""

_QUIET = (
    'now=$(postconf -hF "$1") && case $now in "smtpd -v"*) '
    'postconf -F "$1=smtpd${now#smtpd -v}";; esac'
)
"""Takes the ``-v`` out of one service of master.cf, where it still stands behind smtpd."""

_PEERS = (
    'test "$(postconf -h debug_peer_list)" = "$1" || exit 0; '
    'if test -n "$2"; then postconf -e "debug_peer_list=$2"; else postconf -X debug_peer_list; fi'
)
"""Sets the list of clients from 1 back to 2, where it still is 1."""

_RESTART = (
    'case $(systemctl show -p ActiveState --value -- "$1") in '
    "active|activating|reloading) ;; *) exit 0;; esac; "
    'group=$(systemctl show -p ControlGroup --value -- "$1"); systemctl stop -- "$1"; n=0; '
    'while test "$n" -lt 150 && cat "/sys/fs/cgroup$group/cgroup.procs" '
    '"/sys/fs/cgroup/systemd$group/cgroup.procs" 2>/dev/null | grep -q .; '
    'do sleep 0.1; n=$((n+1)); done; systemctl start -- "$1"'
)
"""Restarts a unit whose init script does not wait for its daemon's end."""


def timer_of(service: str) -> str:
    """Return the name of the timer that ends the debug mode of *service*."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in service)
    return f"milter-console-debug-{plain}"


def copy_of(path: str) -> str:
    """Return where the file *path* is kept, as it was, while a debug mode is on.

    It is beside it, so that giving it back is one rename. That of a PHP file is one too: below a
    web server's folder it is run by whoever asks for it, not shown to him.
    """
    folder, name = os.path.split(path)
    return f"{folder}/.{name}.milter-console-debug{'.php' if name.endswith('.php') else ''}"


def restored(path: str, after: bytes) -> Argv:
    """Return what gives *path* back as it was, where it still has *after* in it."""
    total = hashlib.sha256(after).hexdigest()
    names = (os.path.basename(one) for one in (path, copy_of(path)))
    return (
        "sh",
        "-c",
        _RESTORE,
        "sh",
        os.path.dirname(path),
        *(f"./{name}" for name in names),
        total,
    )


def removed(path: str, folder: str) -> tuple[Argv, ...]:
    """Return what removes the drop-in at *path*, and its *folder* where that is empty then."""
    emptied = ("rmdir", "--ignore-fail-on-non-empty", "--", folder)
    return (("rm", "-f", "--", path), emptied, ("systemctl", "daemon-reload"))


def restarted(state: UnitState) -> Argv:
    """Return what restarts the unit of *state*, where it runs."""
    if is_init_script(state):
        return ("sh", "-c", _RESTART, "sh", state.name)
    return ("systemctl", "try-restart", "--", state.name)


def quieted(host: Host, service: str) -> tuple[Argv, ...]:
    """Return what takes ``-v`` out of *service*, such as "smtp/inet", of an edited master.cf."""
    # The lab has no postconf, and this machine's own is none of its business.
    return () if host.kind == "lab" else (("sh", "-c", _QUIET, "sh", f"{service}/command"),)


def tidied(host: Host, path: str) -> tuple[Argv, ...]:
    """Return what removes the copy of *path*, which `quieted` or `unlisted` has mended."""
    return () if host.kind == "lab" else (("rm", "-f", "--", copy_of(path)),)


def unlisted(host: Host, after: str, before: str) -> tuple[Argv, ...]:
    """Return what sets debug_peer_list from *after* back to *before* in an edited main.cf."""
    return () if host.kind == "lab" else (("sh", "-c", _PEERS, "sh", after, before),)
