"""What is in the lab's folder before anything runs: users, folders and configuration files.

Everything stands below the folder where Debian has it below the root.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.record import Record
from console.lab.folder import lab_folders
from console.lab.services.milter_manager import PROGRAM
from console.lab.users import (
    MILTER_MANAGER,
    POSTFIX,
    NoFreeNumbers,
    group_text,
    number_crew,
    passwd_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.faults import Fault
    from console.lab.users import Crew

CONTROL = "/.lab/control"
"""The socket on which the supervisor takes orders."""

ERRORS = "/.lab/errors"
"""Where the supervisor and its services write what they can't log."""

SYSLOG = "/dev/log"
MAIL_LOG = "/var/log/mail.log"
MAIN_CF = "/etc/postfix/main.cf"
MASTER_CF = "/etc/postfix/master.cf"
STATE = "/var/lib/milter-console"
KEY = "/etc/dkimkeys/lab.private"

SOCKETS = (
    "/run/milter-greylist/milter-greylist.sock",
    "/run/clamav/clamav-milter.ctl",
    "/var/spool/postfix/spamass/spamass.sock",
    "/run/opendkim/opendkim.sock",
    "/run/milter-manager/milter-manager.sock",
    CONTROL,
    SYSLOG,
)
LONGEST_SOCKET = max(len(path) for path in SOCKETS)


class Place(Record):
    """A folder of the lab."""

    path: str
    mode: int = 0o755
    owner: str = ""
    """A service's user; empty for who started the lab."""


PLACES = (
    Place("/.lab", 0o700),
    Place("/dev"),
    Place("/etc"),
    Place("/etc/dkimkeys", 0o700, "opendkim"),
    Place("/run"),
    Place("/run/milter-greylist", owner="greylist"),
    Place("/run/clamav", owner="clamav"),
    Place("/run/opendkim", owner="opendkim"),
    Place("/run/milter-manager", owner=MILTER_MANAGER),
    Place("/usr"),
    Place("/usr/sbin"),
    Place("/var"),
    Place("/var/lib"),
    Place(STATE, 0o700),
    Place("/var/log"),
    Place("/var/mail", 0o700, POSTFIX),
    Place("/var/spool"),
    Place("/var/spool/postfix"),
    Place("/var/spool/postfix/incoming", 0o700, POSTFIX),
    Place("/var/spool/postfix/deferred", 0o700, POSTFIX),
    Place("/var/spool/postfix/hold", 0o700, POSTFIX),
    Place("/var/spool/postfix/spamass", owner="spamass-milter"),
)

PROGRAMS = {
    PROGRAM: "console.lab.services.milter_manager.program",
    "/usr/sbin/postqueue": "console.lab.queue.postqueue",
    "/usr/sbin/postsuper": "console.lab.queue.postsuper",
    "/usr/sbin/postcat": "console.lab.queue.postcat",
}
"""The lab's commands, and the module of each."""

_TREE = Path(__file__).with_name("tree")
_PACKAGES = str(Path(__file__).parents[2])


def furnish(root: str, port: int, faults: tuple[Fault, ...]) -> None:
    """Lay out the lab below *root*.

    Args:
        root: the lab's folder, empty.
        port: the SMTP front's.
        faults: those that are made by a setting are made here.

    Raises:
        ActionError: the users can't be given numbers, or the folders can't be given away.
    """
    try:
        crew = number_crew(_numbers_of_other_labs(root))
    except NoFreeNumbers as error:
        raise ActionError(str(error), Exit.UNDECIDED, "end other labs on this machine") from None
    try:
        _make_places(root, crew)
    except OSError as error:
        raise ActionError(
            f"{error.filename}: can't be given to a service's user: {error.strerror}",
            Exit.NOT_PERMITTED,
            "run the lab as an ordinary user",
        ) from error
    _write(root, "/etc/passwd", passwd_text(crew))
    _write(root, "/etc/group", group_text(crew))
    _write_key(root, crew)
    for path, module in PROGRAMS.items():
        _write(root, path, _program(root, module), 0o755)
    for path, text in _templates():
        filled = text.replace("@ROOT@", root).replace("@PORT@", str(port))
        _write(root, path, _broken(path, filled, faults))


def smtp_port(root: str) -> int:
    """Return the port that master.cf gives to the SMTP front; raises OSError or ValueError."""
    text = Path(root + MASTER_CF).read_text(encoding="utf-8")
    for words in (line.split() for line in text.splitlines()):
        if len(words) > 1 and words[1] == "inet" and not words[0].startswith("#"):
            return int(words[0].rpartition(":")[2])
    raise ValueError(f"{MASTER_CF}: no inet service")


def _make_places(root: str, crew: Crew) -> None:
    if os.geteuid() == 0:  # the services' users pass, and nobody else
        os.chown(root, 0, crew.everybody)
        os.chmod(root, 0o710)  # noqa: S103
    users = {user.name: user for user in crew.users}
    for place in PLACES:
        path = Path(root + place.path)
        path.mkdir(mode=place.mode)
        path.chmod(place.mode)
        if place.owner:
            user = users[place.owner]
            os.chown(path, user.uid, user.gid)


def _write_key(root: str, crew: Crew) -> None:
    signer = next(user for user in crew.users if user.name == "opendkim")
    path = Path(root + KEY)
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    os.chown(path, signer.uid, signer.gid)


def _program(root: str, module: str) -> str:
    """Return a command of the lab, as a script that runs *module* of this very copy of the console.

    It needs neither a package nor an environment, whoever runs it.
    """
    lines = (
        f"import sys; sys.path.insert(0, {_PACKAGES!r})",
        f"from {module} import main",
        f"sys.exit(main({root!r}, sys.argv[1:]))",
    )
    command = shlex.join([sys.executable, "-I", "-S", "-c", "; ".join(lines)])
    return f'#!/bin/sh\nexec {command} "$@"\n'


def _templates() -> Iterator[tuple[str, str]]:
    for path in sorted(_TREE.rglob("*")):
        if path.is_file():
            yield f"/{path.relative_to(_TREE)}", path.read_text(encoding="utf-8")


def _broken(path: str, text: str, faults: tuple[Fault, ...]) -> str:
    for fault in faults:
        if fault.edit and fault.edit.path == path:
            assert fault.edit.old in text, f"{path} no longer has what {fault.name} replaces"
            text = text.replace(fault.edit.old, fault.edit.new)
    return text


def _write(root: str, path: str, text: str, mode: int = 0o644) -> None:
    target = Path(root + path)
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def _numbers_of_other_labs(root: str) -> Iterator[int]:
    for other in lab_folders(str(Path(root).parent)):
        try:
            text = Path(other, "etc/group").read_text(encoding="utf-8")
        except OSError:
            continue
        yield from map(int, re.findall(r":x:(\d+):", text))
