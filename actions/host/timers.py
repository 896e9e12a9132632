"""What systemd does later: a timer and a service of its own for each, which clear up after it.

They run plain commands and need nothing of this program. What a reboot may clear is below /run;
what has to outlive one is below /etc, and systemd makes up for one that was missed meanwhile
(systemd.timer(5), Persistent=).
"""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.commands import SEARCHED
from actions.host.errors import HostError, NotPermitted
from actions.host.kept import Kept
from actions.host.ports import Timer
from actions.host.unit_words import from_unit, to_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions.host.files import Files
    from actions.host.ports import Commands

FOLDERS = {False: "/run/systemd/system", True: "/etc/systemd/system"}
"""By whether it is to outlive a reboot."""

STAMPS = "/var/lib/systemd/timers"
"""Where systemd notes when a persistent timer ran last."""

MARK = "# Made by milter-console: it ends by itself, and removes this file then."
_WANTS = "timers.target.wants"
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_MOMENT = "%Y-%m-%d %H:%M:%S UTC"
_TOKEN = "timer"  # noqa: S105 - it names a temporary file

PATIENCE = 60.0
"""Seconds for systemd to read its units again."""

_LONGEST = 900
"""Seconds that the commands of one timer may take together; clamd alone takes minutes to start."""

_DENIED = ("access denied", "authentication required", "permission denied", "not authorized")


class SystemdTimers:
    """The timers of this machine's service manager.

    Args:
        commands: how systemctl is asked.
        files: how units are written.
        absent: tells why there is no systemd, or nothing.
    """

    def __init__(self, commands: Commands, files: Files, absent: Callable[[], str]) -> None:
        self._commands = commands
        self._files = files
        self._absent = absent

    def absent(self) -> str:
        """Return why nothing can be left to systemd here, or nothing where it can."""
        return self._absent()

    def all(self) -> tuple[Timer, ...]:
        """Return those that wait for their time, by their names; raises `HostError`."""
        found = [timer for lasting in FOLDERS for timer in self._in_folder(lasting=lasting)]
        if not found or self.absent():
            return ()
        names = [f"{timer.name}.timer" for timer in found]
        asked = ["systemctl", "show", "--property=ActiveState", "--value", "--", *names]
        told = self._commands.run(asked, timeout=PATIENCE).stdout.split()
        if len(told) != len(found):
            raise HostError(f"systemctl tells nothing of {', '.join(names)}")
        waiting = [one for one, state in zip(found, told, strict=True) if state == "active"]
        return tuple(sorted(waiting))

    def set(self, timer: Timer) -> None:
        """Set *timer*, in place of any other of its name.

        Raises:
            NotPermitted: it needs root.
            HostError: its time is over, no systemd is here, or it refused.
        """
        self._require(timer.name)
        at = math.ceil(timer.at)
        if at <= time.time():
            raise HostError(f"the time of {timer.name} is over already: nothing would end it")
        if not timer.commands:
            raise HostError(f"{timer.name} has nothing to run")
        before = next((one for one in self.all() if one.name == timer.name), None)
        self._clear(timer.name)
        try:
            self._put(timer, at)
        except HostError:
            with suppress(HostError):
                self.remove(timer.name)
            # What was to end by the old one still has to.
            if before is not None and before.at > time.time():
                self._put(before, int(before.at))
            raise

    def remove(self, name: str) -> None:
        """Forget the timer called *name*, where there is one; raises `HostError`."""
        self._require(name)
        if not any(os.path.lexists(path) for path in self._paths(name)):
            return
        # One that has just elapsed is let alone: half done is worse.
        with suppress(HostError):
            self._systemctl("stop", f"{name}.timer")
        self._clear(name)
        self._systemctl("daemon-reload")

    def _require(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise HostError(f"{name!r} is no name for a timer")
        if absent := self.absent():
            raise HostError(f"nothing can be done later: {absent}")

    def _paths(self, name: str) -> Iterator[str]:
        """Yield every file that the timer called *name* may have; its link comes first."""
        for folder in FOLDERS.values():
            yield f"{folder}/{_WANTS}/{name}.timer"
            yield f"{folder}/{name}.timer"
            yield f"{folder}/{name}.service"
        yield f"{STAMPS}/stamp-{name}.timer"

    def _clear(self, name: str) -> None:
        for path in self._paths(name):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                what = f"{path}: can't be removed: {error.strerror}"
                denied = isinstance(error, PermissionError)
                raise (NotPermitted if denied else HostError)(what) from error

    def _put(self, timer: Timer, at: int) -> None:
        """Write the files of *timer* and have systemd wait for it; raises `HostError`."""
        folder = FOLDERS[timer.lasting]
        self._write(f"{folder}/{timer.name}.service", self._service(timer))
        self._write(f"{folder}/{timer.name}.timer", _timer(timer, at))
        if timer.lasting:
            try:
                os.makedirs(f"{folder}/{_WANTS}", exist_ok=True)
                os.symlink(f"../{timer.name}.timer", f"{folder}/{_WANTS}/{timer.name}.timer")
            except OSError as error:
                raise HostError(f"{folder}: can't be written: {error.strerror}") from error
        self._systemctl("daemon-reload")
        self._systemctl("restart", f"{timer.name}.timer")

    def _write(self, path: str, text: str) -> None:
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise HostError(f"{path}: a command has bytes that are no text") from error
        self._files.put(
            path, Kept(content, 0o644, os.geteuid(), os.getegid()), _TOKEN, replaces=None
        )

    def _service(self, timer: Timer) -> str:
        own = list(self._paths(timer.name))
        # What is left of a list of commands is dropped with the file that they stand in.
        clearing = (
            ("systemctl", "stop", "--", f"{timer.name}.timer"),
            ("rm", "-f", "--", *own),
            ("systemctl", "daemon-reload"),
        )
        commands = (*timer.commands, *clearing)
        lines = [f"ExecStart=-{_command(argv)}" for argv in commands]
        head = ("[Unit]", f"Description=What {timer.name} ends", "", "[Service]", "Type=oneshot")
        return "\n".join((MARK, *head, f"TimeoutStartSec={_LONGEST}", *lines, ""))

    def _in_folder(self, *, lasting: bool) -> Iterator[Timer]:
        folder = FOLDERS[lasting]
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return
        for name in names:
            if name.endswith(".timer") and _NAME.fullmatch(name.removesuffix(".timer")):
                timer = self._read(folder, name.removesuffix(".timer"), lasting=lasting)
                if timer is not None:
                    yield timer

    def _read(self, folder: str, name: str, *, lasting: bool) -> Timer | None:
        """Return the timer in two files, or None where they are another's or gone meanwhile."""
        try:
            when, what = (
                self._files.read(f"{folder}/{name}.{kind}").decode("utf-8", "replace").splitlines()
                for kind in ("timer", "service")
            )
        except HostError:
            return None
        moments = [line.partition("=")[2] for line in when if line.startswith("OnCalendar=")]
        if when[:1] != [MARK] or what[:1] != [MARK] or len(moments) != 1:
            return None
        lines = [line.partition("=-")[2] for line in what if line.startswith("ExecStart=-")]
        try:
            at = _seconds(moments[0])
            # The last three clear up.
            commands = tuple(_plain(from_unit(line)) for line in lines[:-3])
        except ValueError:
            return None
        return Timer(name, at, commands, lasting)

    def _systemctl(self, *words: str) -> None:
        argv = ["systemctl", "--no-ask-password", *words]
        ended = self._commands.run(argv, timeout=PATIENCE)
        if not ended.exit_code:
            return
        why = " ".join(ended.stderr.split()) or f"systemctl ended with {ended.exit_code}"
        if any(word in why.lower() for word in _DENIED):
            raise NotPermitted(f"cannot {' '.join(words)}: {why}; run as root or with sudo")
        raise HostError(f"cannot {' '.join(words)}: {why}")


def _timer(timer: Timer, at: int) -> str:
    moment = time.strftime(_MOMENT, time.gmtime(at))
    lines = [
        MARK,
        "[Unit]",
        f"Description=The end of {timer.name}",
        "",
        "[Timer]",
        f"OnCalendar={moment}",
        "AccuracySec=1s",
        # It is forgotten as soon as it has run.
        "RemainAfterElapse=no",
    ]
    if timer.lasting:
        lines += ["Persistent=true", "", "[Install]", "WantedBy=timers.target"]
    return "\n".join((*lines, ""))


def _seconds(moment: str) -> float:
    """Return *moment*, as it stands in a unit, in seconds since the epoch; raises ValueError."""
    import calendar

    return float(calendar.timegm(time.strptime(moment.strip(), _MOMENT)))


def _command(argv: Sequence[str]) -> str:
    """Return *argv* for a unit; its program by its whole path, which older versions need."""
    program = argv[0]
    found = program if "/" in program else shutil.which(program, path=SEARCHED)
    if not found:
        raise HostError(f"this host has no program {program}")
    try:
        return to_unit((found, *argv[1:]))
    except ValueError as error:
        raise HostError(str(error)) from error


def _plain(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return *argv* with its program by its name where it is found by that."""
    name = os.path.basename(argv[0])
    return (name, *argv[1:]) if shutil.which(name, path=SEARCHED) == argv[0] else argv
