"""The ports of a host, as types: what an action may ask of the machine it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from actions.record import Record

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from actions.host.endpoint import Endpoint
    from actions.host.files import Files


class Account(Record):
    """One user of the host."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    """Every group of the user, the primary one included."""


class Accounts(Protocol):
    """Users and groups."""

    def user(self, name: str) -> Account:
        """Return the user called *name*; raises `UnknownAccount`."""

    def user_name(self, uid: int) -> str:
        """Return the name of *uid*, or its number as text where it has none."""

    def group_name(self, gid: int) -> str:
        """Return the name of *gid*, or its number as text where it has none."""

    def group_id(self, name: str) -> int:
        """Return the number of group *name*; raises `UnknownAccount`."""

    def members(self, group: str) -> tuple[str, ...]:
        """Return the users listed in *group*; raises `UnknownAccount`."""

    def add_member(self, group: str, user: str) -> None:
        """Put *user* into *group*; raises `HostError`."""

    def remove_member(self, group: str, user: str) -> None:
        """Take *user* out of *group*; raises `HostError`."""

    def sweep(self) -> None:
        """Remove what a change of members left on the way when it was killed."""


class Completed(Record):
    """A command that has ended."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str


class Commands(Protocol):
    """Programs of the host, always as an argument list."""

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        """Run *argv* to its end, as *user* where given, for at most *timeout* seconds.

        Raises:
            HostError: the program is missing, may not be run, or took too long.
        """

    def stream(
        self,
        argv: Sequence[str],
        take: Callable[[str], None],
        *,
        user: str | None = None,
        timeout: float = 30.0,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> Completed:
        """Run *argv* as `run` does, and hand each line of its output to *take* as it comes.

        A line comes without its newline; what ends by a carriage return, written over next,
        comes with it. Where *take* raises, the program is ended. As soon as *is_cancelled*,
        asked again and again, says so, it is ended too: a `HostError`.

        Returns:
            What `run` returns, with an empty standard output.
        """


Activity = Literal["active", "inactive", "failed", "changing", "unknown"]
Operation = Literal["start", "stop", "restart", "reload", "enable", "disable"]


class UnitState(Record):
    """What the service manager says of one unit."""

    name: str
    activity: Activity
    enabled: bool | None
    """Whether it starts at boot; None where that can't be told."""
    main_pid: int
    """0 where no process runs."""
    invocation: str
    """Changes with every start of the unit; empty where that can't be told."""
    detail: str
    description: str = ""
    known: bool = True
    """Whether the host has such a unit."""
    masked: bool = False
    since: float | None = None
    """When it came into this activity, in seconds since the epoch."""
    memory: int | None = None
    """Bytes that its processes take together."""
    restarts: int | None = None
    """How often the service manager has started it again by itself."""
    command: tuple[str, ...] = ()
    """What is run to start it, as an argument list; of an init script, the script."""
    files: tuple[str, ...] = ()
    """The unit's own file (or its init script) and its drop-ins."""
    group: str = ""
    """Its control group below /sys/fs/cgroup, which tells the processes that are its own."""
    user: str = ""
    """With whose rights it is started; empty for root."""
    reloads: bool | None = None
    """Whether it can take up new settings while it runs; None where that can't be told."""
    startup: str = ""
    """How its start at boot is set, in the service manager's word: "enabled", "static", …."""
    starters: tuple[str, ...] = ()
    """The units that start it when something happens: its sockets, timers and paths."""


class UnitWatch(Protocol):
    """A look-out for changes of units, which goes on until it is closed."""

    def close(self) -> None:
        """Look no more; returns when no further call will be made."""


class Units(Protocol):
    """Services under the service manager."""

    def absent(self) -> str:
        """Return why no service manager can be asked here, or nothing where one can."""

    def names(self) -> tuple[str, ...]:
        """Return every service that is loaded or could be; raises `HostError`."""

    def state(self, unit: str) -> UnitState:
        """Return the state of *unit*; activity is "unknown" where it can't be seen."""

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        """Return the states of *units*, in their order, by one question for all."""

    def watch(self, changed: Callable[[str], None]) -> UnitWatch:
        """Call *changed* with a unit's name, from another thread, whenever its state changes.

        An empty name says that any may have changed.

        Raises:
            HostError: nothing here tells of changes; the caller has to look again and again.
        """

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        """Do *operation* on *unit* and wait until it has ended.

        Raises:
            HostError: the service manager refused, the unit failed, or it took too long.
        """

    def reread(self) -> None:
        """Take up what has changed in the units' own files; nothing is restarted by it.

        Raises:
            HostError: the service manager refused.
        """

    def run_instead(
        self,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
        seconds: float,
    ) -> str:
        """Run *argv* in the place of *unit*, in the foreground, and bring *unit* back at its end.

        It has the unit's own user, folders and environment, and ends by itself, as soon as
        *is_cancelled* says so, after *seconds*, or when this process is gone, however it went.
        In each case the service manager brings the unit back as it was before, by itself.

        Args:
            unit: it need not run; then it does not afterwards.
            argv: a program that stays in the foreground.
            take: is handed each line that it writes, without its newline, and when that was, in
                seconds since the epoch.
            is_cancelled: is asked again and again.
            seconds: the longest that it may run.

        Returns:
            How it ended, in the service manager's words.

        Raises:
            HostError: it could not be started, or the unit did not come back.
        """


class Timer(Record):
    """Plain commands that the host runs by itself when their time has come."""

    name: str
    """Of letters, digits and "-"; the host keeps one of each name."""
    at: float
    """When, in seconds since the epoch."""
    commands: tuple[tuple[str, ...], ...]
    """Argument lists, in their order; one that fails keeps none of the others from being run."""
    lasting: bool = False
    """Whether it outlives a reboot; one missed meanwhile is made up for at the boot."""


class Timers(Protocol):
    """What the host does later, though nobody is there any more."""

    def absent(self) -> str:
        """Return why nothing can be left to the host here, or nothing where it can."""

    def all(self) -> tuple[Timer, ...]:
        """Return those that this program has set and that are still to come; raises `HostError`."""

    def set(self, timer: Timer) -> None:
        """Set *timer*, in place of any other of its name; raises `HostError`."""

    def remove(self, name: str) -> None:
        """Forget the timer called *name*, where there is one; raises `HostError`."""


PostfixFile = Literal["main.cf", "master.cf"]
PostfixEdit = Literal["-e", "-#", "-P", "-PX", "-F"]


class PostfixService(Record):
    """One service of master.cf."""

    name: str
    """Such as "smtp", or "127.0.0.1:10025"."""
    kind: str
    """"inet", "unix", "unix-dgram", "fifo" or "pass"."""
    private: bool
    unprivileged: bool
    """Whether it runs as mail_owner; else it runs as root."""
    chroot: bool
    """Whether it runs below queue_directory; what "-" stands for is resolved."""
    program: str
    arguments: tuple[str, ...]
    """Without the settings given with -o."""
    overrides: tuple[tuple[str, str], ...]
    """The settings given with -o, as written; `Postfix.setting_of` tells what they come to."""


class Postfix(Protocol):
    """The MTA's settings, as the MTA itself reads them."""

    def setting(self, name: str) -> str:
        """Return the value of *name* with its parameters expanded; raises `HostError`."""

    def setting_of(self, service: PostfixService, name: str) -> str:
        """Return the value of *name* in *service*: its -o settings go before main.cf's.

        Parameters are expanded with those settings too. Raises `HostError`.
        """

    def default(self, name: str) -> str:
        """Return Postfix's own value of *name*, without expansion; raises `HostError`."""

    def services(self) -> tuple[PostfixService, ...]:
        """Return the services of master.cf in their order; raises `HostError`."""

    def user(self) -> str:
        """Return the user that Postfix's network services run as (mail_owner)."""

    def folder(self) -> str:
        """Return the folder of main.cf and master.cf; raises `HostError`."""

    def warnings(self) -> tuple[str, ...]:
        """Return what Postfix says against its own files when it reads them.

        Raises:
            HostError: Postfix's tool can't be asked.
        """

    def edited(self, files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
        """Return what a file becomes by an edit of Postfix's own; nothing is written.

        Args:
            files: main.cf and master.cf as they are.
            edit: an option of postconf(1), which tells the file too: "-e" sets NAME=VALUE in
                main.cf and "-#" comments NAME out there; in master.cf "-P" sets and "-PX"
                takes away SERVICE/TYPE/NAME, and "-F" sets SERVICE/TYPE/FIELD.
            argument: what the option is given.

        Raises:
            HostError: Postfix's tool refused, or is too old for it.
        """


class Host(Protocol):
    """Everything an action may touch."""

    name: str
    kind: Literal["system", "lab"]
    files: Files
    accounts: Accounts
    commands: Commands
    units: Units
    timers: Timers
    postfix: Postfix
    state_folder: str
    """Where the journal and its backups are kept, mode 0700."""

    def at(self, path: str) -> str:
        """Return where this host keeps what a real host has at the absolute *path*."""

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        """Connect to *endpoint* with the rights of *user*.

        Args:
            user: whose rights.
            endpoint: where to, as *user* sees it.
            timeout: seconds.
            chroot: the folder that *user* is confined to, as a chrooted smtpd is; needs root.

        Raises:
            OSError: what the connection met, exactly as *user* meets it.
            HostError: the user does not exist, or this process may not become it.
        """
