"""milter-manager as a program of its own, beside the lab: its rights, its log, its end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from actions.host.accounts import FolderAccounts
from actions.host.errors import HostError
from actions.host.files import Files
from console.lab.conf import BadSetting
from console.lab.maillog import Syslog
from console.lab.services import Site
from console.lab.services.milter_manager import NAME, USER
from console.lab.services.milter_manager.journal import Register, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.lab.services import Serve

READY = b"ready"
"""What the daemon tells the process that started it, which then ends."""


class BadStart(Exception):
    """It can't run as it is asked to; the text says why."""


def run(options: Mapping[str, str], file: str) -> int:
    """Run the daemon on this host; return the exit code once it serves, or can't.

    In the foreground it does not return while it serves.

    Args:
        options: as written, by long name; those without a value are there.
        file: the configuration's.
    """
    # The unit gives --daemon, and OPTION_ARGS behind it can give the other.
    is_daemon = "--daemon" in options and "--no-daemon" not in options
    try:
        if not is_daemon:
            _serving(options, file, is_daemon=False)()
        return _detached(options, file)
    except (BadStart, BadSetting, HostError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def become(user: str, group: str) -> None:
    """Give up root's rights for those of *user* and, as its first group, *group*.

    Raises:
        BadStart: there are no such accounts, or this process may not become them.
    """
    accounts = FolderAccounts("/", Files())
    try:
        account = accounts.user(user)
        gid = accounts.group_id(group) if group else account.gid
    except HostError as error:
        raise BadStart(str(error)) from error
    if os.geteuid() == account.uid:
        return
    try:
        os.setgroups(account.groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(account.uid, account.uid, account.uid)
    except PermissionError as error:
        raise BadStart(f"failed to become {user}: {error.strerror}") from error


def _serving(options: Mapping[str, str], file: str, *, is_daemon: bool) -> Serve:
    """Open the socket, give up root's rights, and return the loop."""
    from console.lab.services.milter_manager.daemon import Start, opened

    log = Syslog("", NAME) if is_daemon else Terminal()
    user = options.get("--user-name") or USER
    spec, group = options.get("--connection-spec", ""), options.get("--unix-socket-group", "")
    start = Start(file, spec, group, user)
    site = Site("", FolderAccounts("/", Files()))
    serve = opened(start, site, Register(log, verbose="--verbose" in options))
    become(user, options.get("--group-name", ""))
    if number := options.get("--pid-file"):
        with open(number, "w", encoding="ascii") as opened_file:
            opened_file.write(f"{os.getpid()}\n")
    return serve


def _detached(options: Mapping[str, str], file: str) -> int:
    """Go on in a process without a terminal; return in this one once that one serves."""
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        with os.fdopen(told, "rb") as answer:
            return 0 if answer.read() == READY else 1
    os.close(told)
    os.setsid()
    os.chdir("/")
    serve = _serving(options, file, is_daemon=True)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.write(tell, READY)
    os.close(tell)
    serve()
    return 1
