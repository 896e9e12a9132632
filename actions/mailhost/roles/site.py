"""What a daemon's reader may look at: the unit that runs it, its options, and the host's files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.record import Record
from actions.settings import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.host.ports import Host, UnitState
    from actions.mailhost.service import Listener, Need

_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Told(Record):
    """What a daemon's configuration says of it."""

    listeners: tuple[Listener, ...] = ()
    needs: tuple[Need, ...] = ()
    """Each names the other daemon as the catalogue does."""
    user: str = ""


class Site:
    """One daemon on one host.

    Args:
        host: the host.
        state: of the unit that runs the daemon; None where none is known.
        defaults: shell files with its options, for where its unit names none; the first that
            exists counts.
    """

    def __init__(self, host: Host, state: UnitState | None, defaults: Sequence[str] = ()) -> None:
        self.host = host
        self.state = state
        self.files: list[str] = []
        """The configuration files that were found."""
        self.notes: list[str] = []
        self._texts: dict[str, str] = {}
        self.environment = dict(self._environment(defaults))
        """The variables that its unit gives it."""
        self.argv = tuple(self._expanded(state.command if state else ()))
        """What starts it, with its variables in place."""

    @property
    def has_init_script(self) -> bool:
        """Whether an init script starts it, with options of its own."""
        return self.state is not None and self.state.files[:1] == (self.argv or ("",))[:1]

    def text(self, path: str) -> str:
        """Return what the configuration file *path* says; nothing where there is none."""
        if not path:
            return ""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def first(self, paths: Iterable[str]) -> str:
        """Return the first of *paths* at which a file stands, or ""."""
        return next((path for path in paths if os.path.lexists(self.host.at(path))), "")

    def option(self, *names: str) -> str:
        """Return the value of an option on its command line, or ""; see `option_of`."""
        return option_of(self.argv, *names)

    def _read(self, path: str) -> str:
        if not os.path.lexists(self.host.at(path)):
            return ""
        self.files.append(path)
        files = self.host.files
        try:
            content = files.read(files.resolve(self.host.at(path)))
        except HostError as error:
            self.notes.append(f"{error}; run as root to have it read")
            return ""
        return content.decode("utf-8", "surrogateescape")

    def _environment(self, defaults: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what the unit's files set, or, where they name no file, the usual file."""
        named = False
        for directive, value in self._directives():
            if directive == "Environment":
                pairs = (word.partition("=") for word in shell.words(value))
                yield from ((name, given) for name, _, given in pairs)
            elif directive == "EnvironmentFile":
                path = value.removeprefix("-")
                named = named or path in defaults
                yield from self._set_in(path)
        usual = self.first(defaults)
        if usual and not named:
            yield from self._set_in(usual)

    def _set_in(self, path: str) -> Iterator[tuple[str, str]]:
        return ((one.name, one.value) for one in shell.settings(self.text(path)))

    def _directives(self) -> Iterator[tuple[str, str]]:
        """Yield the settings in the unit's own files, specifiers for the instance replaced."""
        if self.state is None:
            return
        instance = self.state.name.partition("@")[2].removesuffix(".service")
        units = [path for path in self.state.files if path.endswith((".service", ".conf"))]
        for path in units:
            for line in self._unit_text(path).replace("\\\n", " ").splitlines():
                name, equals, value = line.partition("=")
                if equals:
                    filled = value.strip().replace("%i", instance).replace("%I", instance)
                    yield name.strip(), filled

    def _unit_text(self, path: str) -> str:
        files = self.host.files
        try:
            return files.read(files.resolve(self.host.at(path))).decode("utf-8", "replace")
        except HostError:
            return ""

    def _expanded(self, command: Sequence[str]) -> Iterator[str]:
        """Yield the words of *command* as systemd does: ``$NAME`` alone becomes its words."""
        for word in command:
            alone = word[1:] if word.startswith("$") else ""
            if alone in self.environment:
                yield from shell.words(self.environment[alone])
            else:
                yield _REFERENCE.sub(self._value, word)

    def _value(self, found: re.Match[str]) -> str:
        return self.environment.get(found[1] or found[2], "")


def option_of(argv: Sequence[str], *names: str) -> str:
    """Return the value that *argv* gives to an option, or ""; the last one counts.

    It may stand as ``-p VALUE``, ``-pVALUE``, ``--port VALUE`` or ``--port=VALUE``; what is
    behind ``--`` is none (getopt(3)).
    """
    found = [""]
    for at, word in enumerate(argv):
        if word == "--":
            break
        following = argv[at + 1] if at + 1 < len(argv) else ""
        for name in names:
            if word == name:
                found.append(following)
            elif name.startswith("--") and word.startswith(f"{name}="):
                found.append(word.partition("=")[2])
            elif not name.startswith("--") and word.startswith(name) and word[:2] != "--":
                found.append(word.removeprefix(name))
    return found[-1]
