"""A program run in the place of a systemd unit, and the unit brought back, whatever happens.

What is made for it stands below /run, where a reboot clears it:

- a keeper, the service ``milter-console-run-UNIT``: a ``cat`` that reads a pipe of which this
  process alone has the other end. When this process is gone, in whatever way, the pipe is at
  its end, and so is ``cat``. What systemd does then (ExecStopPost=) takes the drop-in away,
  reads the units again and starts the unit as it was. It is made first and ended last, so
  there is no moment in which nobody would do that; and its time is limited.
- a drop-in of the unit, by which it runs the program in the foreground. All else that the unit
  sets holds: its user, its folders, its environment.

The keeper is a unit of its own, since systemd forgets what is left of a list of commands when
the file that they stand in is taken away. It restarts the unit: a stop and a start would leave
stopped whatever requires it.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted
from actions.host.keeper import STARTING, Keeper
from actions.host.processes import is_alive
from actions.host.unit_state import FOREGROUND
from actions.host.unit_words import to_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from actions.host.ports import Commands, Units

_FOLDER = "/run/systemd/system"

LATE = 5.0
"""Seconds beyond its time after which systemd ends a run, should nobody else."""

MOST_LINES = 4
"""Last lines that a failure quotes."""

STOPPED, OVER = "stopped by the operator", "stopped, its time was over"
TAKEN = "somebody else has ended it"

_AGAIN = 0.05
_NAME = re.compile(r"[A-Za-z0-9:_.@\\-]+\.service", re.ASCII)

_SETTINGS = """\
# Made by milter-console while it runs this service in the foreground; taken away at the end.
[Unit]
StartLimitIntervalSec=0

[Service]
Type=simple
# Before version 240 systemd ignores this:
Type=exec
PIDFile=
ExecStart=
ExecStart={command}
ExecStartPost=
ExecStop=
KillMode=control-group
TimeoutStopSec=20
Restart=no
RemainAfterExit=no
WatchdogSec=0
StandardOutput=journal
StandardError=journal
LogRateLimitIntervalSec=0
"""


def run_instead(
    commands: Commands,
    units: Units,
    unit: str,
    argv: Sequence[str],
    take: Callable[[str, float], None],
    is_cancelled: Callable[[], bool],
    seconds: float,
) -> str:
    """Do what `actions.host.ports.Units.run_instead` promises.

    Raises:
        NotPermitted: this is not root.
        HostError: it could not be started, it ended by a fault of its own, or the unit did not
            come back.
    """
    run = _Run(commands, units, unit, argv, take)
    made = (run.drop_in, _new(run.drop_in))
    keeper = Keeper(run.unit, made, seconds + LATE, runs=run.ran)
    trouble: HostError | None = None
    words = ""
    try:
        run.start()
        words = run.follow(is_cancelled, time.monotonic() + seconds)
    except HostError as error:
        trouble = error
    finally:
        keeper.release()
        left = run.bring_back()
    run.hear_rest()
    if trouble or left:
        raise HostError("; ".join(str(one) for one in (trouble, left) if one))
    return words


class _Run:
    """One run of *argv* in the place of *unit*.

    Raises:
        HostError: it can't be done here.
    """

    def __init__(
        self,
        commands: Commands,
        units: Units,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
    ) -> None:
        if absent := units.absent():
            raise HostError(f"cannot run {unit} in the foreground: {absent}")
        if os.geteuid() != 0:
            raise NotPermitted(f"cannot run {unit} in the foreground: only root may; use sudo")
        self.unit = unit if unit.endswith(".service") else f"{unit}.service"
        if not _NAME.fullmatch(self.unit):
            raise HostError(f"{unit!r} is no service that could be run in the foreground")
        state = units.state(self.unit)
        if state.activity not in {"active", "inactive", "failed"} or not state.known:
            raise HostError(f"cannot run {unit} in the foreground: {state.detail}")
        if state.masked:
            raise HostError(f"cannot run {unit} in the foreground: it is masked")
        self.drop_in = f"{_FOLDER}/{self.unit}.d/{FOREGROUND}"
        self.ran = state.activity == "active"
        self._commands, self._units, self._take = commands, units, take
        self._program = argv[0]
        try:
            self._settings = _SETTINGS.format(command=to_unit(argv))
        except ValueError as error:
            raise HostError(str(error)) from error
        self._before = state.invocation
        self._invocation = ""
        self._began = time.time()
        self._main = 0
        self._cursor = ""
        self._last: list[str] = []

    def start(self) -> None:
        """Start the program in the unit's place; raises `HostError`."""
        _write(self.drop_in, self._settings)
        self._units.reread()
        trouble: HostError | None = None
        try:
            self._units.operate("restart" if self.ran else "start", self.unit, STARTING)
        except HostError as error:
            trouble = error
        now = self._units.state(self.unit).invocation
        self._invocation = now if now != self._before else ""
        if trouble:
            self.hear_rest()
            wrote = "; ".join(self._last)
            if not wrote:
                raise trouble
            raise HostError(f"{self._program} did not start; it wrote: {wrote}")

    def follow(self, is_cancelled: Callable[[], bool], until: float) -> str:
        """Hand on what the program writes until it has ended, or is to end; return why.

        Raises:
            HostError: it ended by a fault, or the journal can't be read.
        """
        self._main = main = self._units.state(self.unit).main_pid
        why: list[str] = []

        def is_over() -> bool:
            if is_cancelled():
                why.append(STOPPED)
            elif time.monotonic() > until:
                why.append(OVER)
            elif not main or is_alive(main) is False:
                why.append("")
            return bool(why)

        asked = ("--follow", "--no-tail")
        while not is_over():
            left = until - time.monotonic() + STARTING
            try:
                ended = self._commands.stream(
                    self._journal(*asked), self._hear, timeout=left, is_cancelled=is_over
                )
            except HostError:
                if not why:
                    raise
            else:
                told = ended.stderr.strip() or ended.exit_code
                raise HostError(f"what it writes can't be followed: journalctl: {told}")
        return why[0] or self._own_end()

    def bring_back(self) -> HostError | None:
        """See that the unit is as it was; return why it is not, where it is not."""
        try:
            if os.path.lexists(self.drop_in):  # the keeper was kept from its work
                os.unlink(self.drop_in)
                self._units.reread()
                self._units.operate("restart" if self.ran else "stop", self.unit, STARTING)
            # It is on its way: systemd takes this for the same.
            self._units.operate("start" if self.ran else "stop", self.unit, STARTING)
            state = self._units.state(self.unit)
            is_same = self.ran and state.invocation == self._invocation != ""
            if self.drop_in in state.files or is_same:
                return HostError(f"{self.unit} still runs in the foreground; restart it")
        except (HostError, OSError) as error:
            return HostError(f"{self.unit} did not come back: {error}")
        return None

    def hear_rest(self) -> None:
        """Hand on what was written last."""
        if not self._invocation:
            return
        with suppress(HostError):
            self._commands.run(["journalctl", "--sync"])
        with suppress(HostError):
            self._commands.stream(self._journal(), self._hear, timeout=STARTING)

    def _own_end(self) -> str:
        """Return how the program ended by itself; raises `HostError` where it was a fault."""
        until = time.monotonic() + STARTING
        while (state := self._units.state(self.unit)).activity in {"active", "changing"}:
            if state.invocation != self._invocation:
                return TAKEN
            if time.monotonic() > until:
                raise HostError(f"{self.unit}: its main process has ended, and it does not")
            time.sleep(_AGAIN)
        self.hear_rest()
        asked = ("Result", "ExecMainCode", "ExecMainStatus")
        argv = ["systemctl", "show", f"--property={','.join(asked)}", "--", self.unit]
        told = dict(_pairs(self._commands.run(argv).stdout))
        # ExecMainCode is si_code of waitid(2): 1 is an exit, the others are signals.
        how = "exited with status" if told.get("ExecMainCode") == "1" else "ended by signal"
        words = f"it {how} {told.get('ExecMainStatus', '?')}"
        if told.get("Result") == "success":
            return words
        wrote = f"; it wrote: {'; '.join(self._last)}" if self._last else ""
        raise HostError(f"{self._program} has ended by itself: {words}{wrote}")

    def _journal(self, *options: str) -> list[str]:
        """Return the command that prints what was logged of this run and not yet heard.

        A process can't feign the fields that begin with "_" (systemd.journal-fields(7)).
        """
        since = f"--since=@{self._began - 1:.0f}"
        after = f"--after-cursor={self._cursor}" if self._cursor else since
        whole = ("--output=json", "--all", "--quiet", "--no-pager")
        own = f"_SYSTEMD_INVOCATION_ID={self._invocation}"
        of_it = ("_PID=1", f"INVOCATION_ID={self._invocation}")
        # What it writes last may be taken for what the unit writes once it is back.
        last = ("+", f"_SYSTEMD_UNIT={self.unit}", f"_PID={self._main}") if self._main else ()
        return ["journalctl", *options, *whole, after, own, "+", *of_it, *last]

    def _hear(self, line: str) -> None:
        """Hand on one entry of the journal."""
        try:
            entry = json.loads(line)
            self._cursor = str(entry["__CURSOR"])
        except (ValueError, LookupError, TypeError):
            return
        is_own = entry.get("_PID") != "1"
        when = _moment(entry)
        for text in _message(entry.get("MESSAGE")).splitlines():
            if is_own and text.strip():
                self._last[:] = [*self._last[1 - MOST_LINES :], text.strip()]
            self._take(text, when)


def _moment(entry: Mapping[str, object]) -> float:
    """Return when an entry was written, in seconds since the epoch."""
    told = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry.get("__REALTIME_TIMESTAMP")
    return int(told) / 1e6 if isinstance(told, str) and told.isdecimal() else time.time()


def _message(told: object) -> str:
    """Return the text of an entry; what is not UTF-8 comes as a list of bytes."""
    if isinstance(told, list):
        with suppress(ValueError, TypeError):
            return bytes(told).decode("utf-8", "replace")
    return told if isinstance(told, str) else ""


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition("=")
        yield name, value


def _new(path: str) -> str:
    """Return where the file at *path* is made; it does not end in .conf, so nobody reads it."""
    return f"{path}.new"


def _write(path: str, text: str) -> None:
    """Make the file at *path*, whole or not at all; raises `HostError`."""
    folder, new = os.path.dirname(path), _new(path)
    try:
        # Below /run/systemd nobody but root can put anything.
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)  # noqa: S103 - systemctl tells everybody what it has read there
        with open(new, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
        os.rename(new, path)
    except OSError as error:
        raise HostError(f"{path}: can't be made: {error.strerror}") from error
