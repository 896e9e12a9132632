"""The machine this program runs on, as a host.

Making one costs nothing: every port is made, and its module imported, when it is first used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from actions.host.endpoint import Endpoint
    from actions.host.files import Files
    from actions.host.opener import Opener
    from actions.host.ports import Accounts, Commands, Postfix, Units

STATE = "/var/lib/milter-console"
"""Whoever asks: only root changes a system, so its journal is root's."""


class SystemHost:
    """The real machine."""

    kind: Literal["system", "lab"] = "system"
    name: str
    files: Files
    accounts: Accounts
    commands: Commands
    units: Units
    postfix: Postfix
    state_folder: str
    opener: Opener

    def __getattr__(self, name: str) -> object:
        if name not in _PORTS:
            raise AttributeError(name)
        made = _PORTS[name](self)
        setattr(self, name, made)
        return made

    def at(self, path: str) -> str:
        """Return *path* itself: this is the machine the path speaks of."""
        return path

    def connect_as(self, user: str, endpoint: Endpoint, timeout: float) -> socket.socket:
        """Connect to *endpoint* with the rights of *user*; *timeout* in seconds.

        Raises:
            OSError: what the connection met, exactly as *user* meets it.
            HostError: the user does not exist, or this process may not become it.
        """
        return self.opener.connect_as(self.accounts.user(user), endpoint, timeout)


class SystemPostfix:
    """Postfix's settings, as ``postconf`` tells them; read once."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._settings: dict[str, str] = {}

    def setting(self, name: str) -> str:
        """Return the value of *name* with its parameters expanded; raises `HostError`."""
        from actions.host.errors import HostError

        if not self._settings:
            self._settings = self._read()
        try:
            return self._settings[name]
        except KeyError:
            raise HostError(f"Postfix has no setting {name!r}") from None

    def user(self) -> str:
        """Return the user that Postfix's network services run as (mail_owner)."""
        return self.setting("mail_owner")

    def _read(self) -> dict[str, str]:
        from actions.host.errors import HostError

        asked = self._commands.run(["postconf", "-x"])
        if asked.exit_code:
            raise HostError(f"postconf -x failed: {asked.stderr.strip() or asked.exit_code}")
        lines = (line.partition("=") for line in asked.stdout.splitlines())
        return {name.strip(): value.strip() for name, equals, value in lines if equals}


def _files(_: SystemHost) -> Files:
    from actions.host.files import Files

    return Files()


def _accounts(_: SystemHost) -> Accounts:
    from actions.host.accounts import SystemAccounts

    return SystemAccounts()


def _commands(_: SystemHost) -> Commands:
    from actions.host.commands import SystemCommands

    return SystemCommands()


def _units(host: SystemHost) -> Units:
    from actions.host.units import SystemdUnits

    return SystemdUnits(host.commands)


def _opener(_: SystemHost) -> Opener:
    from actions.host.opener import Opener

    return Opener()


_PORTS: Mapping[str, Callable[[SystemHost], object]] = {
    "name": lambda _: os.uname().nodename,
    "files": _files,
    "accounts": _accounts,
    "commands": _commands,
    "units": _units,
    "postfix": lambda host: SystemPostfix(host.commands),
    "state_folder": lambda _: STATE,
    "opener": _opener,
}
