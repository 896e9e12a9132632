"""The way by tmpfiles.d: the socket's folder has its group and mode again after every boot.

A folder with the set-group-ID bit gives its group to every socket made in it (inode(7)), so this
serves daemons that set no group themselves. The lines are those of tmpfiles.d(5): "d" makes a
folder where none is, "z" sets owner, group and mode of one that is there. systemd-tmpfiles
follows no link in them; still they are written for folders alone that nobody but root can
exchange for another.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.changes import ConfigCheck, FileEdit, Folder, Ownership
from actions.host.endpoint import real_path
from actions.host.errors import HostError
from actions.host.walk import standing
from actions.sockets.ways.groups import passes
from actions.sockets.ways.opened import (
    Opened,
    entered,
    is_socket_closed,
    passed,
    require_own,
    socket_folder,
)
from actions.sockets.ways.runtime import require_kept
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Host
    from actions.plan import Change
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case

FOLDER = "/etc/tmpfiles.d"
_READ = (FOLDER, "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d")
_PROGRAMS = ("/usr/bin/systemd-tmpfiles", "/bin/systemd-tmpfiles")
_PLAIN = re.compile(r"[A-Za-z0-9/._@+-]+")
"""Paths that stand for themselves there: no blanks, no "%", no patterns, no quotes."""
_VOLATILE = ("/run/", "/tmp/")  # noqa: S108 - they are compared, not written to


def offer(case: Case) -> Offer | None:
    """Let the folders on the way pass the client, and give new sockets a group of the client."""
    if case.client is None:
        return None
    wanted = tuple(_wanted(case))
    if not wanted:
        return None
    require_tmpfiles(case.host)
    for one in wanted:
        _require_safe(case, one)
    file = file_of(case)
    lines = tuple(line_of(case.host, one) for one in wanted)
    changes = (
        *written(case.host, file, lines),
        *(_owned(case.host, one) for one in wanted),
        taken(file),
        *settled(case),
    )
    does = (*(f"{line} in {file}" for line in lines), *told(changes))
    way = Way("tmpfiles", "its folder, by tmpfiles.d", lasting=True, does=does, risk=_RISK)
    return Offer(way, changes)


_RISK = "whoever is in the folder's group passes the folder; the socket keeps its own mode"


def require_tmpfiles(host: Host) -> None:
    """Refuse where nothing reads tmpfiles.d; raises `Declined`."""
    if host.kind == "lab":
        raise Declined("the lab has no systemd-tmpfiles: its folders stay")
    if not any(os.path.exists(host.at(path)) for path in _PROGRAMS):
        raise Declined("this host has no systemd-tmpfiles, which would set it at each boot")


def file_of(case: Case) -> str:
    """Return the file of this program's own for the service behind the socket."""
    folder = os.path.basename(os.path.dirname(case.socket))
    name = re.sub(r"[^A-Za-z0-9-]+", "-", case.service.name if case.service else folder)
    return f"{FOLDER}/milter-console-{name}.conf"


def written(host: Host, file: str, lines: tuple[str, ...]) -> Iterator[Change]:
    """Yield what writes *lines* into *file*, over older ones for the same path.

    Raises:
        HostError: the file can't be read.
    """
    folder = host.at(os.path.dirname(file))
    if host.files.state(folder).kind == "absent":
        yield Folder.planned(host, folder)
    path = host.at(file)
    kept = host.files.keep(path)
    before = kept.content.decode("utf-8", "surrogateescape") if kept else ""
    text = _with_lines(before or _HEAD, lines)
    if text != before:
        yield FileEdit.planned(host, path, text.encode("utf-8", "surrogateescape"))


_HEAD = "# What lets the clients of a mail filter open its socket; see tmpfiles.d(5).\n"


def taken(file: str) -> ConfigCheck:
    """Return the question to systemd-tmpfiles whether it takes *file*.

    What it would set is set already: that way the change before has all that undoes it.
    """
    argv = ("systemd-tmpfiles", "--create", file)
    return ConfigCheck(argv, note="systemd-tmpfiles reads it as it will at each boot")


def line_of(host: Host, one: Opened) -> str:
    """Return the line that gives a folder its owner, group and mode."""
    letter = "z" if is_there_at_boot(host, one.path) else "d"
    return f"{letter} {one.path} {one.mode:04o} {one.step.owner} {one.group}"


def _wanted(case: Case) -> Iterator[Opened]:
    home = socket_folder(case)
    for folder in case.closed_folders:
        if home is None or folder.path != home.path:
            yield passed(case, folder)
    if home is None or case.client is None:
        return
    if is_socket_closed(case):
        _require_by_group(case, home)
        yield entered(case, home)
    elif home.granted is False:
        is_members = passes(case, home, case.client)
        yield passed(case, home) if is_members else entered(case, home)


def _require_by_group(case: Case, home: Step) -> None:
    """Refuse where the folder's group would not open the socket; raises `Declined`."""
    socket = case.step
    if socket is None:
        return
    if not socket.mode & 0o020:
        raise Declined(
            f"the socket has mode {socket.mode:04o}: its group may not write, whatever it is"
        )
    if home.mode & 0o2000 and socket.group != home.group:
        raise Declined(f"the daemon gives its socket the group {socket.group} itself")


def _require_safe(case: Case, one: Opened) -> None:
    require_own(case, one.path)
    require_plain(one.path, one.step.owner, one.group)
    require_fixed(one.path)
    require_kept(case, one.path)


def require_plain(*words: str) -> None:
    """Refuse what would mean something else in such a file; raises `Declined`."""
    for word in words:
        if not _PLAIN.fullmatch(word):
            raise Declined(f"{word!r} has marks with a meaning of their own in systemd's files")


def require_fixed(path: str) -> None:
    """Refuse a folder that others than root could exchange for another; raises `Declined`."""
    try:
        _, fixed = standing(path)
    except (OSError, HostError) as error:
        raise Declined(f"{path} can't be seen: {error}") from error
    if not fixed:
        raise Declined(
            f"others than root can put something else in the place of {path}",
            f"let root alone write in {os.path.dirname(path)}",
        )


def _owned(host: Host, one: Opened) -> Ownership:
    return Ownership.planned(host, one.path, group=one.group, mode=one.mode)


def _with_lines(text: str, lines: tuple[str, ...]) -> str:
    """Return *text* with *lines*, in place of those that set the same of the same path."""
    ours = {_subject(line) for line in lines}
    kept = [line for line in text.splitlines(keepends=True) if _subject(line) not in ours]
    whole = "".join(kept)
    if whole and not whole.endswith("\n"):
        whole += "\n"
    return whole + "".join(f"{line}\n" for line in lines)


def _subject(line: str) -> tuple[str, str]:
    """Return what a line is about: "d" and "z" set the same, others each their own."""
    words = line.split()
    if len(words) < 2 or words[0].startswith("#"):
        return "#", line
    return ("owner" if words[0][:1] in "dz" else line), words[1]


def is_there_at_boot(host: Host, path: str) -> bool:
    """Return whether *path* is there when systemd-tmpfiles runs, by no line of this program's own.

    A folder of /run is not, where the daemon or its unit makes it: they start later.
    """
    return not path.startswith(_VOLATILE) or _is_made(host, path)


def _is_made(host: Host, path: str) -> bool:
    """Return whether another file of tmpfiles.d makes the folder *path*."""
    for folder in _READ:
        names: list[str] = []
        with suppress(OSError):
            names = sorted(os.listdir(host.at(folder)))
        for name in names:
            if not name.endswith(".conf") or name.startswith("milter-console-"):
                continue
            with suppress(HostError):
                text = host.files.read(host.files.resolve(host.at(f"{folder}/{name}")))
                if path in _made_in(text.decode("utf-8", "replace")):
                    return True
    return False


def _made_in(text: str) -> Iterator[str]:
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0][:1] in {"d", "D", "v", "q", "Q"}:
            yield real_path(words[1].strip("\"'").rstrip("/"))
