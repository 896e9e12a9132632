"""What switches a service's debug mode on, and whether its process runs so."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.debug import dropin
from actions.debug.modes.options import is_on, real_words
from actions.host.ending import is_init_script
from actions.host.errors import HostError
from actions.host.processes import SYSTEM_UIDS, all_processes, of_group, process_of, started
from actions.host.unit_state import is_in_foreground
from actions.mailhost.roles.processes import running
from actions.mailhost.roles.site import Site
from actions.record import Record
from actions.settings import greylist, shell
from actions.settings.directives import CLAMAV, OPENDKIM
from actions.settings.text import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.debug.modes.catalogue import Directive, Mode
    from actions.host.ports import Host, UnitState

DIRECTIVES = {"clamav": CLAMAV, "opendkim": OPENDKIM}
_YES = {"yes", "true", "1"}


class Setting(Record):
    """One thing that switches a debug mode on at the next start."""

    kind: str
    """"drop-in", "variable", "directive", "unit", "master", "peers" or "php"."""
    path: str
    """The file, without links; of "unit", the unit's name."""
    name: str = ""
    """Of the variable or the directive."""

    @property
    def shown(self) -> str:
        """It in words."""
        others = {"drop-in": "", "unit": "its command line in "}
        where = others.get(self.kind, f"{self.name} in ")
        return f"{where}{self.path}"


class Running(Record):
    """The process of a daemon."""

    pid: int
    argv: tuple[str, ...]
    since: float | None


class Found(Record):
    """A daemon's debug mode, as far as it can be seen."""

    settings: tuple[Setting, ...]
    process: Running | None
    """None where it does not run, or can't be seen."""
    argv: tuple[str, ...]
    """What its unit runs, with its variables in place; empty for an init script."""
    unread: str = ""
    """Why a file of its settings could not be read."""
    later: bool = False
    """Whether a file that sets it was changed after the process began."""


def found(host: Host, mode: Mode, state: UnitState | None) -> Found:
    """Return what is to be seen of *mode* in the service that the unit of *state* runs.

    Where no unit is known, its process is looked for by its name, among those of the system's
    own users.
    """
    unread: list[str] = []
    site = Site(host, state, mode.defaults)
    unread += site.notes
    argv: tuple[str, ...] = ()
    settings: list[Setting] = []
    if state is None:
        pass
    elif is_init_script(state):
        settings += _variables(host, mode, state, unread)
    else:
        argv = real_words(state.command, site.argv)
        settings += _command_line(host, mode, state, site, argv)
    process = _process(host, mode, state)
    if mode.directive is not None:
        settings += _directives(host, mode.directive, argv, unread)
    later = process is not None and any(_is_later(one, process) for one in settings)
    return Found(tuple(settings), process, argv, "; ".join(unread), later)


def file_of(host: Host, paths: tuple[str, ...]) -> str:
    """Return the first of *paths* that stands on *host*, without links; "" where none does.

    Raises:
        HostError: somebody else may have put a link on the way.
    """
    path = next((path for path in paths if os.path.lexists(host.at(path))), "")
    return host.files.resolve(host.at(path)) if path else ""


def variable_of(host: Host, mode: Mode, state: UnitState) -> str:
    """Return which variable the init script of *state* takes options from, or ""."""
    import re

    try:
        script = text_of(host.files.read(host.files.resolve(host.at(state.files[0]))))
    except HostError:
        return ""
    return next(
        (name for name in mode.variables if re.search(rf"\$\{{?{name}\b", script)),
        "",
    )


def words_of(text: str, name: str) -> tuple[str, ...]:
    """Return the options in variable *name* of *text*."""
    return shell.words(shell.value(text, name))


def directive_in(text: str, directive: Directive) -> str:
    """Return which setting in *text* switches the debug mode on, or ""."""
    for name in directive.names:
        if directive.language == "greylist":
            if greylist.in_force(text, name) is not None:
                return name
        elif _is_yes(DIRECTIVES[directive.language].value(text, name)):
            return name
    return ""


def _is_yes(value: str) -> bool:
    return value.lower() in _YES


def _command_line(
    host: Host, mode: Mode, state: UnitState, site: Site, argv: tuple[str, ...]
) -> Iterator[Setting]:
    if mode.options is None:
        return
    if is_in_foreground(state):
        return
    path = host.at(dropin.path_of(state.name))
    if os.path.lexists(path):
        # Whether systemd has read it yet or not.
        yield Setting("drop-in", path)
        return
    if not is_on(argv, mode.options):
        return
    for name, value in site.environment.items():
        if is_on(shell.words(value), mode.options):
            for file in site.files:
                if is_on(words_of(site.text(file), name), mode.options):
                    yield Setting("variable", _resolved(host, file), name)
                    return
    yield Setting("unit", state.name)


def _variables(host: Host, mode: Mode, state: UnitState, unread: list[str]) -> Iterator[Setting]:
    name = variable_of(host, mode, state)
    if mode.options is None or not name:
        return
    text, path = _text(host, mode.defaults, unread)
    if is_on(words_of(text, name), mode.options):
        yield Setting("variable", path, name)


def _directives(
    host: Host, directive: Directive, argv: tuple[str, ...], unread: list[str]
) -> Iterator[Setting]:
    text, path = _text(host, configured_in(directive, argv), unread)
    if name := directive_in(text, directive):
        yield Setting("directive", path, name)


def configured_in(directive: Directive, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the settings of a daemon are that is started by *argv*."""
    from actions.mailhost.roles.site import option_of

    letters = {"greylist": ("-f",), "opendkim": ("-x",), "clamav": ("-c", "--config-file")}
    given = option_of(argv, *letters[directive.language])
    return (given,) if given.startswith("/") else directive.files


def _text(host: Host, paths: tuple[str, ...], unread: list[str]) -> tuple[str, str]:
    """Return what the first of *paths* that exists says, and where that is."""
    try:
        path = file_of(host, paths)
        return (text_of(host.files.read(path)), path) if path else ("", "")
    except HostError as error:
        unread.append(str(error))
        return "", ""


def _resolved(host: Host, path: str) -> str:
    with suppress(HostError):
        return host.files.resolve(host.at(path))
    return host.at(path)


def _process(host: Host, mode: Mode, state: UnitState | None) -> Running | None:
    if state is None:
        return _by_name(host, mode)
    if host.kind == "lab":
        # The lab's programs stand for the daemons; what they stand for is what its unit runs.
        if state.activity != "active":
            return None
        return Running(state.main_pid, state.command, started(state.main_pid))
    own = dict.fromkeys((state.main_pid, *(of_group(state.group) or ())))
    for pid in filter(None, own):
        with suppress(OSError, IndexError, ValueError):
            process = process_of(pid)
            if process and running((process,), mode.programs):
                return Running(pid, _argv(pid), started(pid))
    return None


def _by_name(host: Host, mode: Mode) -> Running | None:
    if host.kind == "lab":  # its programs stand for the daemons, under other names
        return None
    for process in running(all_processes(), mode.programs):
        if process.uid in SYSTEM_UIDS:
            with suppress(OSError):
                return Running(process.pid, _argv(process.pid), started(process.pid))
    return None


def _argv(pid: int) -> tuple[str, ...]:
    """Return the command line of *pid*; some write theirs anew, as one word, or as nothing."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        text = file.read(1 << 16).decode("utf-8", "replace")
    words = tuple(text.rstrip("\0").split("\0"))
    return tuple(words[0].split()) if len(words) == 1 else words


def _is_later(setting: Setting, process: Running) -> bool:
    if setting.kind == "unit" or process.since is None:
        return False
    try:
        return os.stat(setting.path).st_mtime > process.since + 1
    except OSError:
        return False
