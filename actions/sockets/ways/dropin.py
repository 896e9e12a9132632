"""The way by a drop-in of the daemon's unit, for daemons that have no setting of their own.

What it says is by the cause: the mode of the folder that systemd makes (RuntimeDirectoryMode=), a
umask that leaves the group its rights (UMask=), the client's group for the socket (ExecStartPost=),
and a socket left behind removed before the start (ExecStartPre=).

A command of ExecStartPost= runs as root in a folder that the daemon's user can write, so it must
not follow a link that stands there in the socket's place: ``chgrp -h`` does not, and chmod(1) does,
for which reason the mode is left to UMask=. The folder itself is one that root alone can exchange.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import FileEdit, Folder, Reread
from actions.host.errors import HostError
from actions.sockets.ways.groups import lets_group_in, wanted_group
from actions.sockets.ways.opened import is_socket_closed, passed, socket_folder
from actions.sockets.ways.runtime import runtime_folders, told_of
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.tmpfiles import require_fixed, require_plain
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.host.ports import Host
    from actions.plan import Change
    from actions.sockets.path import Step
    from actions.sockets.ways.case import Case

NAME = "zz-milter-console-socket.conf"
"""Drop-ins are read in the order of their names, and the last one counts (systemd.unit(5)): this
one stands behind the override.conf of ``systemctl edit``."""
UNITS = "/etc/systemd/system"

_OLDEST = 231
"""The version of systemd that knows "+" before a command (its NEWS)."""

_WAIT = 100
"""Tenths of a second that the socket is waited for; a unit of Type=simple is started at once."""


def offer(case: Case) -> Offer | None:
    """Let systemd open the folder and the socket at each start of the daemon."""
    needed = case.closed_folders or is_socket_closed(case) or case.state.cause == "stale"
    if case.client is None or case.service is None or not needed or not case.socket:
        return None
    _require_systemd(case)
    unit_told = told_of(case)
    lines = tuple(_lines(case, unit_told))
    if not lines:
        return None
    unit = _unit_name(case)
    file = f"{UNITS}/{unit}.d/{NAME}"
    changes = (*_written(case.host, file, lines), Reread(), *settled(case))
    does = (f"the drop-in {file}", *map(_short, lines), *told(changes))
    way = Way("drop-in", "a drop-in of its unit", lasting=True, does=does, risk=_risk(lines))
    return Offer(way, changes)


def _require_systemd(case: Case) -> None:
    """Refuse where no systemd starts the daemon; raises `Declined`."""
    if case.host.kind == "lab":
        raise Declined("the lab's services have no drop-ins of this kind")
    if absent := case.host.units.absent():
        raise Declined(f"there is no unit to add it to: {absent}")
    if case.unit is None or not case.unit.files:
        raise Declined("no unit of systemd starts what makes this socket")
    require_plain(_unit_name(case))


def _unit_name(case: Case) -> str:
    name = case.unit.name if case.unit else ""
    return name if name.endswith(".service") else f"{name}.service"


def _lines(case: Case, unit: Mapping[str, str]) -> Iterator[str]:
    made = runtime_folders(unit)
    for folder in case.closed_folders:
        if folder.path not in made:
            raise Declined(f"{folder.path} is no folder that the unit makes (RuntimeDirectory=)")
    home = socket_folder(case)
    if home is not None and home.granted is False:
        yield f"RuntimeDirectoryMode={passed(case, home).mode:04o}"
    if case.step is not None and is_socket_closed(case):
        yield from _opening(case, case.step)
    elif case.state.cause == "stale":
        yield _removal(case)


def _opening(case: Case, socket: Step) -> Iterator[str]:
    """Yield what opens the socket to a group of the client."""
    if not lets_group_in(socket):
        yield "UMask=0007"
    if group := wanted_group(case, socket):
        _require_version(case)
        _require_safe(case, group)
        yield _removal(case)
        yield _handed(case.socket, group)


def _removal(case: Case) -> str:
    """Return what removes a socket left behind, which would be taken for the new one."""
    _require_safe(case)
    return f"ExecStartPre=-+{_program(case.host, 'rm')} -f -- {case.socket}"


def _handed(socket: str, group: str) -> str:
    """Return what waits for the socket, and gives it to *group*."""
    shell, option, script, *words = handing(socket, group)
    return f"ExecStartPost=-+{shell} {option} '{script}' {' '.join(words)}"


def handing(socket: str, group: str) -> tuple[str, ...]:
    """Return the command that gives *socket* to *group* as soon as it is there, as systemd has it.

    It follows no link in the socket's place. "$$" is one "$" there (systemd.service(5)).
    """
    script = (
        f'n=0; until [ -S "$$1" ] || [ $$n -ge {_WAIT} ]; do n=$$((n+1)); sleep 0.1; done; '
        'chgrp -h -- "$$0" "$$1"'
    )
    return ("/bin/sh", "-c", script, group, socket)


def _require_safe(case: Case, *further: str) -> None:
    """Refuse where root must not work in the socket's folder; raises `Declined`."""
    require_plain(case.socket, *further)
    require_fixed(os.path.dirname(case.socket))
    try:
        protected = case.host.files.read(case.host.at("/proc/sys/fs/protected_hardlinks"))
    except HostError as error:
        raise Declined(f"whether hard links are protected can't be seen: {error}") from error
    if protected.strip() == b"0":
        raise Declined(
            "on this host users may put hard links of others' files into their folders, so root "
            "must not change what stands there",
            "sysctl fs.protected_hardlinks=1",
        )


def _require_version(case: Case) -> None:
    asked = case.host.commands.run(["systemctl", "show", "--property=Version"], timeout=5.0)
    digits = asked.stdout.partition("=")[2].lstrip("v").partition(".")[0].partition("-")[0].strip()
    number = "".join(char for char in digits if char in "0123456789")
    if not number or int(number) < _OLDEST:
        raise Declined(
            f"systemd {digits or 'of this host'} is too old for it ({_OLDEST} is needed)"
        )


def _program(host: Host, name: str) -> str:
    """Return the path of *name*, which must be absolute for older versions of systemd."""
    paths = (f"/usr/bin/{name}", f"/bin/{name}")
    return next((path for path in paths if os.path.exists(host.at(path))), paths[0])


def _written(host: Host, file: str, lines: tuple[str, ...]) -> Iterator[Change]:
    folder, path = host.at(os.path.dirname(file)), host.at(file)
    if host.files.state(folder).kind == "absent":
        yield Folder.planned(host, folder)
    kept = host.files.keep(path)
    before = kept.content.decode("utf-8", "surrogateescape") if kept else ""
    text = with_lines(before, lines)
    if text != before:
        yield FileEdit.planned(host, path, text.encode("utf-8", "surrogateescape"))


def with_lines(text: str, lines: tuple[str, ...]) -> str:
    """Return the drop-in *text* with *lines*, in place of those that set the same."""
    ours = {line.partition("=")[0] for line in lines}
    kept = [line for line in text.splitlines() if line.partition("=")[0] not in ours]
    head = kept if "[Service]" in kept else [_HEAD, "[Service]"]
    return "\n".join((*head, *lines, ""))


_HEAD = "# What lets the clients of this service open its socket, at each start of it."


def _short(line: str) -> str:
    """Return a line as an operator compares it with others."""
    if line.startswith("ExecStartPre="):
        return "before each start, a socket left behind removed"
    if line.startswith("ExecStartPost="):
        return f"after each start, the socket given to group {line.split()[-2]}"
    return line


def _risk(lines: tuple[str, ...]) -> str:
    told = []
    for line in lines:
        if line.startswith("RuntimeDirectoryMode="):
            told.append("whoever may pass the folder so passes it; the socket keeps its own mode")
        elif line.startswith("UMask="):
            told.append("all files that the daemon makes are open to their group and to no others")
        elif line.startswith("ExecStartPost="):
            told.append("who opened the socket by its old group does not any more")
    return "; ".join(told)
