"""The daemon milter-manager: its settings, its socket, and its sessions."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a child on a port needs it, when it can't be read any more
import os
import signal
from typing import TYPE_CHECKING

from actions.host.errors import UnknownAccount
from actions.record import Record
from console.lab.conf import BadSetting, read_assignments
from console.lab.maillog import Syslog
from console.lab.services.libmilter import Listener, open_milter
from console.lab.services.milter_manager import CONFIGURATION, ENVIRONMENT, NAME, USER
from console.lab.services.milter_manager.detection import configured
from console.lab.services.milter_manager.journal import Register, Terminal
from console.lab.services.milter_manager.program import options_of
from console.lab.services.milter_manager.session import ManagedSession
from console.lab.users import POSTFIX

if TYPE_CHECKING:
    from actions.host.ports import Accounts
    from console.lab.services import Serve, Site
    from console.lab.services.milter_manager.configuration import Configuration


class Start(Record):
    """What the daemon is started with; it goes before what `file` says."""

    file: str
    """The configuration."""
    spec: str = ""
    group: str = ""
    """Of the socket."""
    user: str = USER


def prepare(site: Site) -> Serve:
    """Read the configuration and open the socket; see `console.lab.services`."""
    with open(site.root + ENVIRONMENT, encoding="utf-8") as opened_file:
        environment = read_assignments(opened_file.read())
    if options := environment.get("OPTION_ARGS", ""):
        # The unit passes ${OPTION_ARGS} as one word, whatever it has in it.
        raise BadSetting(f"Unknown option {options}")
    try:
        given = options_of(site.arguments)
    except ValueError as error:
        raise BadSetting(str(error)) from error
    file = site.root + CONFIGURATION
    start = Start(file, environment.get("CONNECTION_SPEC", ""), environment.get("SOCKET_GROUP", ""))
    log = Terminal() if "--no-daemon" in given else Syslog(site.root, NAME)
    return opened(start, site, Register(log, verbose="--verbose" in given))


def opened(start: Start, site: Site, register: Register) -> Serve:
    """Open the socket, with the rights of who starts the daemon, and return its loop.

    Raises:
        BadSetting: the socket can't be opened as it is configured.
    """
    daemon = _Daemon(site.root, start.file, register)
    listener = _listener(start, daemon, site)
    signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
    return open_milter(NAME, daemon.session, listener, site)


class _Daemon:
    """What the sessions of this process have in common.

    Args:
        root: the host's.
        file: the configuration's.
        register: tells the log.
    """

    def __init__(self, root: str, file: str, register: Register) -> None:
        self.register = register
        self._root, self._file = root, file
        self.configuration = self._load()

    def session(self) -> ManagedSession:
        """Return a session under the configuration as it is now."""
        return ManagedSession(self.configuration, self.register)

    def reload(self) -> None:
        """Read the configuration again; sessions that run keep theirs."""
        self.configuration = self._load()

    def _load(self) -> Configuration:
        configuration = configured(self._root, self._file)
        if configuration.error:
            self.register.complain(f"[configuration][load][error] {configuration.error}")
        return configuration


def _listener(start: Start, daemon: _Daemon, site: Site) -> Listener:
    """Return the socket: what the daemon is started with goes before the configuration."""
    configuration = daemon.configuration
    spec = start.spec or configuration.value("manager", "connection_spec")
    if not spec:
        raise BadSetting(f"{ENVIRONMENT}: CONNECTION_SPEC is missing")
    wanted = start.group or configuration.value("manager", "unix_socket_group")
    group = _group(str(wanted or ""), start.user, daemon.register, site.accounts)
    mode = configuration.value("manager", "unix_socket_mode")
    assert isinstance(mode, int)
    if site.root and os.geteuid() != 0 and not _is_open_to_postfix(group, site.accounts):
        # In a lab every name is one user, whose own bits decide: they stand for the group's.
        mode &= ~0o700
    return Listener(str(spec), start.user, group, mode)


def _group(wanted: str, user: str, register: Register, accounts: Accounts) -> str:
    """Return the group of the socket; one that can't be given to it is told, and left."""
    account = accounts.user(user)
    own = accounts.group_name(account.gid)
    if not wanted or wanted == own:
        return own
    try:
        number = accounts.group_id(wanted)
    except UnknownAccount:
        register.complain(f"[client][error][unix] failed to find group: <{wanted}>")
        return own
    if number not in account.groups:
        register.complain(
            f"[client][error][unix] failed to change group: <{wanted}>: Operation not permitted"
        )
        return own
    return wanted


def _is_open_to_postfix(group: str, accounts: Accounts) -> bool:
    own = accounts.group_name(os.getegid())
    return group in {POSTFIX, own} or POSTFIX in accounts.members(group)
