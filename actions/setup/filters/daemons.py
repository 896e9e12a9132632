"""The filters and their engines: by which files and units each is known, as data.

The places are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import FileEdit, UnitOperation
from actions.host.errors import HostError
from actions.host.walk import is_ours, settled
from actions.mailhost import files
from actions.record import Record
from actions.settings.text import content_of, text_of
from actions.setup.check import Result
from actions.setup.found import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.host.kept import Kept
    from actions.host.ports import Host, Operation, UnitState
    from actions.plan import Change
    from actions.setup.check import Verdict


class Daemon(Record):
    """A daemon, by the files and units it may have."""

    name: str
    files: tuple[str, ...]
    """The first that exists counts."""
    units: tuple[str, ...]
    """The first that this host has counts."""
    note: str = ""
    """What happens to mail while it restarts."""
    users: tuple[str, ...] = ()
    """Who it runs as, by its packages, where its settings name another for its socket."""


CLAMD = Daemon(
    "clamd",
    files.CLAMD,
    ("clamd@scan.service", "clamav-daemon.service", "clamd.service"),
    "mail waits, or is deferred, until clamd has read its signatures again",
)
FRESHCLAM = Daemon(
    "freshclam",
    files.FRESHCLAM,
    ("clamav-freshclam.service",),
)
CLAMAV_MILTER = Daemon(
    "clamav-milter",
    files.CLAMAV_MILTER,
    ("clamav-milter.service",),
    "mail is not scanned while it restarts",
)
SPAMASSASSIN = Daemon(
    "spamassassin",
    files.SPAMASSASSIN,
    ("spamd.service", "spamassassin.service"),
)
SPAMASS_MILTER = Daemon(
    "spamass-milter",
    files.SPAMASS_MILTER,
    ("spamass-milter.service",),
    "spam is not filtered while it restarts",
    ("spamass-milter", "sa-milt"),
)
MILTER_GREYLIST = Daemon(
    "milter-greylist",
    files.MILTER_GREYLIST,
    ("milter-greylist.service",),
    "mail is not greylisted while it restarts",
)
OPENDKIM = Daemon("opendkim", files.OPENDKIM, ("opendkim.service",))
MILTER_MANAGER = Daemon(
    "milter-manager",
    files.MILTER_MANAGER,
    ("milter-manager.service",),
    "no milter behind it is asked while it restarts",
)

NOT_SET = "not set"


class Configuration(Record):
    """One file of a daemon's settings, as it stands."""

    daemon: Daemon
    path: str
    kept: Kept
    text: str

    def edited(self, text: str, note: str = "") -> FileEdit:
        """Return the edit that gives the file this *text*."""
        return FileEdit(self.path, self.kept, self.kept._replace(content=content_of(text)), note)

    @property
    def is_roots(self) -> bool:
        """Whether nobody but root says what it says, so that groups may be given by it."""
        try:
            return is_ours(self.path)
        except (HostError, OSError):
            return False


def read(host: Host, daemon: Daemon) -> Configuration | None:
    """Return the file that *daemon* has its settings in; None where this host has none.

    Raises:
        HostError: it may not be read.
    """
    return next((one for file in daemon.files if (one := read_file(host, daemon, file))), None)


def read_file(host: Host, daemon: Daemon, file: str) -> Configuration | None:
    """Return the *file* of *daemon*, or None where there is none; raises `HostError`."""
    if not os.path.lexists(host.at(file)):
        return None
    path = host.files.resolve(host.at(file))
    kept = host.files.keep(path)
    return Configuration(daemon, path, kept, text_of(kept.content)) if kept else None


def unit_of(host: Host, daemon: Daemon) -> UnitState | None:
    """Return the unit of *daemon* that this host has."""
    states = (host.units.state(unit) for unit in daemon.units)
    return next((state for state in states if state.known and state.activity != "unknown"), None)


def taken_up(
    host: Host, daemon: Daemon, operation: Operation = "restart"
) -> tuple[UnitOperation, ...]:
    """Return what makes *daemon* take up its settings; nothing where it does not run."""
    state = unit_of(host, daemon)
    if state is None or state.activity == "inactive":
        return ()
    if state.activity == "failed":
        operation = "restart"
    return (UnitOperation.planned(host, operation, state.name, daemon.note),)


def as_wanted(name: str, conf: Configuration, line: int, found: str) -> Found:
    """Return that a setting of *conf* is as it should be."""
    return Found(Result(name, "as wanted", conf.path, line, found))


def differs(
    name: str,
    conf: Configuration,
    line: int,
    found: str,
    wanted: str,
    why: str,
    edit: Callable[[str], str] | None,
    *,
    verdict: Verdict = "deviates",
    advice: str = "",
    unfixable: str = "",
    severe: bool = False,
    operation: Operation = "restart",
    also: Callable[[Context], Iterator[Change]] | None = None,
) -> Found:
    """Return that a setting of *conf* is another than wanted, and the *edit* that mends it.

    Args:
        name: of the check.
        conf: the file.
        line: where the setting is, 0 where it is not there.
        found: in the file's own words, or `NOT_SET`.
        wanted: in the same words.
        why: what happens with the value found.
        edit: returns the text with the value wanted; None where no plan can mend it.
        verdict: "choice" where the value may be meant.
        advice: what to think of.
        unfixable: why no plan can mend it.
        severe: whether mail is lost, refused or unfiltered because of it.
        operation: how the daemon takes up its settings.
        also: yields further changes that the value wanted needs.
    """
    result = Result(name, verdict, conf.path, line, found, wanted, why, advice, unfixable, severe)
    if edit is None:
        return Found(result)

    def mend(ctx: Context) -> tuple[Change, ...]:
        further = tuple(also(ctx)) if also else ()
        # Who asks a daemon is restarted after it.
        clients = [change for change in further if isinstance(change, UnitOperation)]
        before = [change for change in further if change not in clients]
        settled = taken_up(ctx.host, conf.daemon, operation)
        return (conf.edited(edit(conf.text)), *before, *settled, *clients)

    return Found(result, mend)


def same_place(host: Host, one: str, other: str) -> bool:
    """Return whether two paths of configuration files lead to one place on *host*."""
    return real(host, one) == real(host, other)


def real(host: Host, path: str) -> str:
    """Return where *path* leads, whether the files of *host* name it with its folder or not.

    No link is followed that a service's user could have put there.
    """
    root = host.at("/").rstrip("/")
    there = path if root and path.startswith(root + "/") else host.at(path)
    if there.startswith(f"{root}/var/run/"):
        there = f"{root}/run/{there.removeprefix(f'{root}/var/run/')}"
    return settled(there)
