"""The daemons that could be part of the mail host: those of its units, and those with files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.host.ending import INIT_SCRIPTS
from actions.host.errors import HostError
from actions.host.processes import SYSTEM_UIDS, all_processes
from actions.host.units import UNIT_FOLDERS
from actions.mailhost.roles.daemons import DAEMONS, daemon_of
from actions.mailhost.roles.processes import owner_of, running, user_of
from actions.mailhost.roles.site import Site
from actions.mailhost.roles.webmail import roundcube_at
from actions.mailhost.service import MailService
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.host.ports import Host, UnitState
    from actions.host.processes import Process
    from actions.mailhost.roles.daemons import Daemon
    from actions.mailhost.roles.site import Told

_FOLDERS = ("/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/lib/postfix/sbin", "/usr/local/sbin")
_PROGRAMS = tuple(name.rstrip("*") for daemon in DAEMONS for name in daemon.programs)
_LONGEST_UNIT = 1 << 16
"""Characters of a unit's file that are looked at."""

_ACTIVITIES = ("active", "changing", "failed", "inactive", "unknown")
"""Of several units for one daemon, the one that comes first here is meant."""


class Units(Record):
    """The services that the service manager knows."""

    states: dict[str, UnitState]
    """Of those that may run a daemon of mail hosts, by their full names."""
    absent: str
    """Why they can't be seen; empty where they can."""
    names: tuple[str, ...] = ()
    """Every service."""


class Candidate(Record):
    """A daemon of this host."""

    service: MailService
    daemon: Daemon
    starts: bool
    """Whether it starts at boot, or runs where no unit tells of that."""
    certain: bool
    """Whether the host surely has it: it has a unit, or its program is there and no units are.

    One that is not is part of the mail host only where somebody asks its socket.
    """


def units_of(host: Host) -> Units:
    """Return what the service manager says of those that may matter, by one question.

    Each that is not loaded costs systemd some 3 ms, so those whose file speaks of no daemon of
    mail hosts are not asked for.
    """
    absent = host.units.absent()
    if absent:
        return Units({}, absent)
    try:
        names = host.units.names()
    except HostError as error:
        return Units({}, str(error))
    fronted = [daemon.instance for daemon in DAEMONS if daemon.front in names]
    likely = [name for name in names if _may_run_a_daemon(host, name)]
    set_up = [name for daemon in DAEMONS for name in _instances(host, daemon)]
    states = host.units.states(tuple(dict.fromkeys((*likely, *fronted, *set_up))))
    seen = {state.name: _with_command(host, state) for state in states if state.known}
    hidden = [state.detail for state in states if state.activity == "unknown"]
    if states and len(hidden) == len(states):
        return Units({}, hidden[0], names)
    return Units(seen, "", names)


def _instances(host: Host, daemon: Daemon) -> Iterator[str]:
    """Yield the units of *daemon* that its files set up: systemd lists only those it has loaded."""
    if not daemon.template or not _files_of(host, daemon.template):
        return
    try:
        names = sorted(os.listdir(host.at(daemon.instances)))
    except OSError:
        return
    for name in names:
        if name.endswith(".conf"):
            yield daemon.template.format(name.removesuffix(".conf"))


def _may_run_a_daemon(host: Host, name: str) -> bool:
    """Return whether the files of unit *name* run a daemon; one that has none may."""
    texts = [text for _, text in _files_of(host, name)]
    if not texts:  # masked, which only its init script can tell more of, or made while running
        return bool(_script_of(host, name)) or not _has_file(host, name)
    lines = (line for text in texts for line in text.replace("\\\n", " ").splitlines())
    commands = [line for line in lines if line.startswith(("Exec", "SourcePath"))]
    return any(program in line for line in commands for program in _PROGRAMS)


def _has_file(host: Host, name: str) -> bool:
    return any(os.path.lexists(host.at(f"{folder}/{name}")) for folder in UNIT_FOLDERS)


def _script_of(host: Host, name: str) -> str:
    """Return the init script by which unit *name* may be started, or ""."""
    scripts = (f"{folder}{name.removesuffix('.service')}" for folder in INIT_SCRIPTS)
    return next((script for script in scripts if os.path.exists(host.at(script))), "")


def _with_command(host: Host, state: UnitState) -> UnitState:
    """Return *state* with what its unit would run, where systemd knows nothing of that.

    It does not of a masked unit, and may not of one whose file has a mistake.
    """
    if state.command:
        return state
    for path, text in _files_of(host, state.name):
        for line in text.splitlines():
            name, _, command = line.partition("=")
            if name.strip() == "ExecStart" and command.strip():
                words = tuple(command.strip().lstrip("-@:+!").split())
                return state._replace(command=words, files=(path,))
    if script := _script_of(host, state.name):
        return state._replace(command=(script, "start"), files=(script,))
    return state


def _files_of(host: Host, name: str) -> list[tuple[str, str]]:
    """Return the files of unit *name* that have anything in them, with their texts."""
    file = f"{name.partition('@')[0]}@.service" if "@" in name else name
    paths = [f"{folder}/{file}" for folder in UNIT_FOLDERS]
    return [(path, text) for path in paths if (text := _beginning(host.at(path)))]


def _beginning(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_UNIT)
    except OSError:
        return ""


def candidates(host: Host, units: Units, notes: list[str]) -> tuple[Candidate, ...]:
    """Return the daemons of *host*; what could not be read is added to *notes*."""
    has_web_mail = bool(roundcube_at(host))
    # Without units, what runs is told by its processes; those of a lab are this machine's.
    told_by_processes = bool(units.absent) and host.kind == "system"
    processes = all_processes() if told_by_processes else ()
    by_daemon: dict[str, list[UnitState]] = {}
    for state in units.states.values():
        daemon = daemon_of(state)
        if daemon:
            by_daemon.setdefault(daemon.name, []).append(state)
    found: list[Candidate] = []
    for daemon in DAEMONS:
        if daemon.role == "web mail" and not has_web_mail:
            continue
        states = _distinct(by_daemon.get(daemon.name, ()))
        if states:
            meant = states if daemon.several else states[:1]
            found += [_of_unit(host, daemon, state, units, notes) for state in meant]
        else:
            found += _of_files(host, daemon, units, processes, notes)
    return tuple(_named_apart(found))


def _distinct(states: Iterable[UnitState]) -> list[UnitState]:
    """Return units of one daemon, the likeliest first, each once whatever aliases it has."""
    once: dict[object, UnitState] = {}
    for state in sorted(states, key=_likelihood):
        once.setdefault((state.files[:1], state.command), state)
    return list(once.values())


def _likelihood(state: UnitState) -> tuple[int, bool, bool, bool, int, str]:
    return (
        _ACTIVITIES.index(state.activity),
        not state.enabled,
        # Debian 13 has both postfix.service, which may be masked, and postfix@-.service unused.
        "@" in state.name,
        state.masked,
        len(state.name),
        state.name,
    )


def _of_unit(
    host: Host, daemon: Daemon, state: UnitState, units: Units, notes: list[str]
) -> Candidate:
    site = Site(host, state, daemon.defaults)
    told = daemon.read(site)
    notes += site.notes
    user = user_of(state, daemon.programs, host.accounts)
    front = units.states.get(daemon.front) if state.name == daemon.instance else None
    stands = front if front and _does_nothing(front) else state
    service = _service(daemon, told, site)._replace(
        unit=stands.name,
        instance=state.name if stands is not state else "",
        user=_user(daemon, told, state.user, user),
    )
    return Candidate(service, daemon, _starts(stands), certain=True)


def _does_nothing(state: UnitState) -> bool:
    return bool(state.command) and state.command[0].rpartition("/")[2] == "true"


def _starts(state: UnitState) -> bool:
    """Return whether a unit starts at boot; one that can't be enabled does where it was started."""
    if state.enabled is None:
        return state.activity in {"active", "changing", "failed"}
    return state.enabled


def _of_files(
    host: Host,
    daemon: Daemon,
    units: Units,
    processes: tuple[Process, ...],
    notes: list[str],
) -> Iterator[Candidate]:
    """Yield *daemon* where its files or its processes are here, though no unit runs it."""
    if not daemon.files and not units.absent:
        return
    site = Site(host, None, daemon.defaults)
    has_program = any(
        os.path.exists(host.at(f"{folder}/{name}"))
        for folder in _FOLDERS
        for name in daemon.programs
    )
    own = running(processes, daemon.programs)
    if not (has_program or own or site.first(daemon.files)):
        return
    told = daemon.read(site)
    certain = bool(units.absent) and (has_program or bool(own))
    if certain:
        notes += site.notes
    by_system = (one for one in own if one.uid in SYSTEM_UIDS)
    user = _user(daemon, told, "", owner_of(by_system, host.accounts))
    service = _service(daemon, told, site)._replace(user=user)
    yield Candidate(service, daemon, bool(own), certain)


def _service(daemon: Daemon, told: Told, site: Site) -> MailService:
    return MailService(
        daemon.name,
        daemon.role,
        "",
        daemon.programs[0],
        listeners=told.listeners,
        needs=told.needs,
        configuration=tuple(dict.fromkeys(site.files)),
    )


def _user(daemon: Daemon, told: Told, of_unit: str, of_process: str) -> str:
    """Return with whose rights it serves: Postfix's master is root, its services are not."""
    if daemon.role == "MTA":
        return told.user
    return of_unit or of_process or told.user


def _named_apart(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield *found*; a second one of a daemon is called as its unit is."""
    seen: set[str] = set()
    for one in found:
        name = one.service.name
        if name in seen:
            name = one.service.unit.removesuffix(".service")
        seen.add(name)
        yield one._replace(service=one.service._replace(name=name))
