"""The daemon milter-manager: its settings, its socket, and its sessions."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a child on a port needs it, when it can't be read any more
import os
import signal
from typing import TYPE_CHECKING

from actions.host.errors import UnknownAccount
from console.lab.conf import BadSetting, read_assignments
from console.lab.maillog import Syslog
from console.lab.services.libmilter import Listener, open_milter
from console.lab.services.milter_manager import CONFIGURATION, ENVIRONMENT, NAME, USER
from console.lab.services.milter_manager.configuration import load
from console.lab.services.milter_manager.journal import Register
from console.lab.services.milter_manager.session import ManagedSession
from console.lab.users import POSTFIX

if TYPE_CHECKING:
    from actions.host.ports import Accounts
    from console.lab.services import Serve, Site
    from console.lab.services.milter_manager.configuration import Configuration


def prepare(site: Site) -> Serve:
    """Read the configuration and open the socket; see `console.lab.services`."""
    with open(site.root + ENVIRONMENT, encoding="utf-8") as file:
        environment = read_assignments(file.read())
    if options := environment.get("OPTION_ARGS", ""):
        # The unit passes ${OPTION_ARGS} as one word, whatever it has in it.
        raise BadSetting(f"Unknown option {options}")
    daemon = _Daemon(site.root + CONFIGURATION, Register(Syslog(site.root, NAME)))
    listener = _listener(environment, daemon, site.accounts)
    signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
    return open_milter(NAME, daemon.session, listener, site)


class _Daemon:
    """What the sessions of this process have in common.

    Args:
        file: the configuration's.
        register: tells the log.
    """

    def __init__(self, file: str, register: Register) -> None:
        self.register = register
        self._file = file
        self.configuration = self._load()

    def session(self) -> ManagedSession:
        """Return a session under the configuration as it is now."""
        return ManagedSession(self.configuration, self.register)

    def reload(self) -> None:
        """Read the configuration again; sessions that run keep theirs."""
        self.configuration = self._load()

    def _load(self) -> Configuration:
        configuration = load(self._file)
        if configuration.error:
            self.register.complain(f"[configuration][load][error] {configuration.error}")
        return configuration


def _listener(environment: dict[str, str], daemon: _Daemon, accounts: Accounts) -> Listener:
    """Return the socket: what the unit's environment says goes before the configuration."""
    configuration = daemon.configuration
    spec = environment.get("CONNECTION_SPEC") or configuration.value("manager", "connection_spec")
    if not spec:
        raise BadSetting(f"{ENVIRONMENT}: CONNECTION_SPEC is missing")
    wanted = environment.get("SOCKET_GROUP") or configuration.value("manager", "unix_socket_group")
    group = _group(str(wanted or ""), daemon.register, accounts)
    mode = configuration.value("manager", "unix_socket_mode")
    assert isinstance(mode, int)
    if os.geteuid() != 0 and not _is_open_to_postfix(group, accounts):
        # Every name is one user, whose own bits decide: they stand for the group's.
        mode &= ~0o700
    return Listener(str(spec), USER, group, mode)


def _group(wanted: str, register: Register, accounts: Accounts) -> str:
    """Return the group of the socket; one that can't be given to it is told, and left."""
    if not wanted or wanted == USER:
        return USER
    try:
        number = accounts.group_id(wanted)
    except UnknownAccount:
        register.complain(f"[client][error][unix] failed to find group: <{wanted}>")
        return USER
    if number not in accounts.user(USER).groups:
        register.complain(
            f"[client][error][unix] failed to change group: <{wanted}>: Operation not permitted"
        )
        return USER
    return wanted


def _is_open_to_postfix(group: str, accounts: Accounts) -> bool:
    own = accounts.group_name(os.getegid())
    return group in {POSTFIX, own} or POSTFIX in accounts.members(group)
