"""The machine this program runs on, as a host.

Making one costs nothing: every port is made, and its module imported, when it is first used.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Literal

from actions.host.errors import HostError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from actions.host.endpoint import Endpoint
    from actions.host.files import Files
    from actions.host.opener import Opener
    from actions.host.ports import (
        Accounts,
        Commands,
        Postfix,
        PostfixEdit,
        PostfixFile,
        PostfixService,
        Timers,
        Units,
    )

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
    timers: Timers
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

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        """Connect to *endpoint* with the rights of *user*, confined to *chroot* where given.

        Raises:
            OSError: what the connection met, exactly as *user* meets it.
            HostError: the user does not exist, or this process may not become it.
        """
        return self.opener.connect_as(self.accounts.user(user), endpoint, timeout, chroot)


REFUSED_FOR = 5.0
"""Seconds for which postconf is not asked again what it refused (a fatal error sleeps for 1 s)."""


class SystemPostfix:
    """Postfix's settings, as ``postconf`` tells them; each answer is asked for once."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._settings: dict[tuple[str, ...], dict[str, str]] = {}
        self._services: tuple[PostfixService, ...] | None = None
        self._refused: dict[tuple[str, ...], tuple[float, str]] = {}
        """What postconf refused to read, when, and why."""
        self._folder = ""
        self._seen: tuple[object, ...] = ()

    def setting(self, name: str) -> str:
        """Return the value of *name* with its parameters expanded; raises `HostError`."""
        return self._told(name, "-x")

    def setting_of(self, service: PostfixService, name: str) -> str:
        """Return the value of *name* in *service*; raises `HostError`."""
        if not service.overrides:
            return self.setting(name)
        # postconf itself evaluates them (-o, since 2.10): main.cf may refer to what they set.
        given = (f"{key}={_with_name(value, service)}" for key, value in service.overrides)
        return self._told(name, "-x", *(word for setting in given for word in ("-o", setting)))

    def default(self, name: str) -> str:
        """Return Postfix's own value of *name*, without expansion; raises `HostError`."""
        return self._told(name, "-d")

    def services(self) -> tuple[PostfixService, ...]:
        """Return the services of master.cf in their order; raises `HostError`."""
        self._forget_what_changed()
        services = self._services
        if services is None:
            from actions.host.master import read_master

            text = self._read("-M")
            services = read_master(text, chroot=self._chroots_by_default())
            self._services = services
        return services

    def user(self) -> str:
        """Return the user that Postfix's network services run as (mail_owner)."""
        return self.setting("mail_owner")

    def folder(self) -> str:
        """Return the folder of main.cf and master.cf; raises `HostError`."""
        return self.setting("config_directory")

    def warnings(self) -> tuple[str, ...]:
        """Return what ``postconf -n`` says on standard error; raises `HostError`."""
        told = self._commands.run(["postconf", "-n"]).stderr.splitlines()
        return tuple(dict.fromkeys(line.removeprefix("postconf: ").strip() for line in told))

    def edited(self, files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
        """Return what ``postconf`` makes of a copy of *files*; raises `HostError`."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="milter-console-") as folder:
            for name, content in files.items():
                with open(os.path.join(folder, name), "wb") as copy:
                    copy.write(content)
            self._ask("-c", folder, edit, argument)
            name = "main.cf" if edit in {"-e", "-#"} else "master.cf"
            with open(os.path.join(folder, name), "rb") as copy:
                content = copy.read()
        if name == "main.cf":
            return content
        from actions.host.main_cf import in_its_place

        return in_its_place(files["master.cf"], content, *argument.split("/")[:2])

    def _forget_what_changed(self) -> None:
        """Forget the answers where main.cf or master.cf is another file since they were given."""
        if self._folder and self._seen != (seen := _stamps(self._folder)):
            self._settings, self._services, self._seen = {}, None, seen
            self._refused = {}

    def _chroots_by_default(self) -> bool:
        """Return what "-" means in master.cf's column chroot (master(5))."""
        try:
            level = self.setting("compatibility_level")
        except HostError:  # before Postfix 3.0
            return True
        return level.partition(".")[0] in {"", "0"}

    def _told(self, name: str, *arguments: str) -> str:
        self._forget_what_changed()
        told = self._settings.get(arguments)
        if told is None:
            lines = (line.partition("=") for line in self._read(*arguments).split("\n"))
            told = {key.strip(): value.strip() for key, equals, value in lines if equals}
            self._settings[arguments] = told
            folder = told.get("config_directory", "")
            if folder and not self._folder and "-x" in arguments:
                # Other threads ask too: with a folder and no stamps they would forget all this.
                self._seen = _stamps(folder)
                self._folder = folder
        try:
            return told[name]
        except KeyError:
            raise HostError(f"Postfix has no setting {name!r}") from None

    def _read(self, *arguments: str) -> str:
        """Return what postconf reads; a refusal holds for a while, as each takes it a second."""
        when, why = self._refused.get(arguments, (float("-inf"), ""))
        if time.monotonic() - when < REFUSED_FOR:
            raise HostError(why)
        try:
            return self._ask(*arguments)
        except HostError as error:
            self._refused[arguments] = (time.monotonic(), str(error))
            raise

    def _ask(self, *arguments: str) -> str:
        asked = self._commands.run(["postconf", *arguments])
        if asked.exit_code:
            # Before it gives up it warns of what has nothing to do with that.
            _, fatal, why = asked.stderr.rpartition("fatal: ")
            told = (fatal + why).strip() or asked.exit_code
            raise HostError(f"postconf {arguments[0]} failed: {told}")
        return asked.stdout


def _stamps(folder: str) -> tuple[object, ...]:
    return tuple(_stamp(f"{folder}/{name}") for name in ("main.cf", "master.cf"))


def _stamp(path: str) -> tuple[int, ...]:
    """Return what tells a file from the one that stood there before."""
    try:
        entry = os.stat(path)
    except OSError:
        return ()
    return entry.st_ino, entry.st_mtime_ns, entry.st_size


def _with_name(value: str, service: PostfixService) -> str:
    """Return *value* with the service's name, which postconf -x knows only in master.cf."""
    for form in ("$service_name", "${service_name}", "$(service_name)"):
        value = value.replace(form, service.name)
    return value


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


def _timers(host: SystemHost) -> Timers:
    from actions.host.timers import SystemdTimers

    return SystemdTimers(host.commands, host.files, host.units.absent)


def _opener(_: SystemHost) -> Opener:
    from actions.host.opener import Opener

    return Opener()


_PORTS: Mapping[str, Callable[[SystemHost], object]] = {
    "name": lambda _: os.uname().nodename,
    "files": _files,
    "accounts": _accounts,
    "commands": _commands,
    "units": _units,
    "timers": _timers,
    "postfix": lambda host: SystemPostfix(host.commands),
    "state_folder": lambda _: STATE,
    "opener": _opener,
}
