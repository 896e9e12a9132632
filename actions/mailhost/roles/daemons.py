"""The daemons of mail hosts, as data: what each is called, what it does, who reads its files.

Programs and files are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from actions.host.ending import is_init_script
from actions.mailhost import files
from actions.mailhost.roles import filters, mailboxes, mta, webmail
from actions.mailhost.roles.site import Told
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.host.ports import UnitState
    from actions.mailhost.roles.site import Site
    from actions.mailhost.service import Role


def _nothing(_site: Site) -> Told:
    return Told()


class Daemon(Record):
    """One kind of daemon."""

    name: str
    """The same on every platform."""
    role: Role
    programs: tuple[str, ...]
    """File names of what its unit runs, or of its init script; ``*`` stands for anything."""
    read: Callable[[Site], Told] = _nothing
    """Returns what its configuration says."""
    defaults: tuple[str, ...] = ()
    """Shell files that set its options where its unit names none."""
    files: tuple[str, ...] = ()
    """Its configuration: where one stands, the daemon may be here without a unit."""
    several: bool = False
    """Whether a host may run more than one, each with a configuration of its own."""
    front: str = ""
    """A unit that runs nothing and stands before `instance` on some systems."""
    instance: str = ""
    template: str = ""
    """A unit for each of several, with ``{}`` for which: "clamd@{}.service"."""
    instances: str = ""
    """The folder with a file NAME.conf for each of them, whether it was ever started or not."""


DAEMONS = (
    Daemon(
        "postfix",
        "MTA",
        ("master", "postfix", "postmulti"),
        mta.postfix,
        files=("/etc/postfix/main.cf",),
        front="postfix.service",
        instance="postfix@-.service",
    ),
    Daemon(
        "milter-manager",
        "milter manager",
        ("milter-manager",),
        filters.milter_manager,
        defaults=files.MILTER_MANAGER,
        files=("/etc/milter-manager/milter-manager.conf",),
    ),
    Daemon(
        "milter-greylist",
        "milter",
        ("milter-greylist",),
        filters.milter_greylist,
        files=filters.OWNERS["milter-greylist"].files,
    ),
    Daemon(
        "clamav-milter",
        "milter",
        ("clamav-milter",),
        filters.clamav_milter,
        files=filters.OWNERS["clamav-milter"].files,
    ),
    Daemon(
        "spamass-milter",
        "milter",
        ("spamass-milter",),
        filters.spamass_milter,
        defaults=filters.OWNERS["spamass-milter"].files,
        files=filters.OWNERS["spamass-milter"].files,
    ),
    Daemon(
        "opendkim",
        "milter",
        ("opendkim",),
        filters.opendkim,
        files=filters.OWNERS["opendkim"].files,
    ),
    Daemon(
        "opendmarc",
        "milter",
        ("opendmarc",),
        filters.opendmarc,
        files=filters.OWNERS["opendmarc"].files,
    ),
    Daemon("rspamd", "milter", ("rspamd",), filters.rspamd, files=("/etc/rspamd/rspamd.conf",)),
    Daemon(
        "clamd",
        "engine",
        ("clamd",),
        filters.clamd,
        files=files.CLAMD,
        several=True,
        template="clamd@{}.service",
        instances="/etc/clamd.d",
    ),
    Daemon("spamd", "engine", ("spamd",), filters.spamd, defaults=filters.SPAMD_DEFAULTS),
    Daemon("freshclam", "engine", ("freshclam",), filters.freshclam),
    Daemon("dovecot", "MDA", ("dovecot",), mailboxes.dovecot, files=(mailboxes.CONFIGURATION,)),
    Daemon("php-fpm", "web mail", ("php-fpm*",), webmail.web_server),
    Daemon("apache", "web mail", ("apache2", "apachectl", "httpd"), webmail.web_server),
    Daemon("nginx", "web mail", ("nginx",), webmail.web_server),
    Daemon(
        "mariadb",
        "database",
        ("mariadbd", "mysqld", "mysqld_safe", "mariadbd-safe"),
        webmail.database,
        files=webmail.MYSQL_FILES,
    ),
    Daemon("rsyslog", "log", ("rsyslogd",)),
    Daemon("syslog-ng", "log", ("syslog-ng",)),
    Daemon("journald", "log", ("systemd-journald",)),
)
"""In the order in which mail meets them; within a role, a chain's own order goes before this."""

_INTERPRETERS = ("python*", "perl*", "sh", "bash", "dash", "env", "ruby*")


def daemon_of(state: UnitState) -> Daemon | None:
    """Return the daemon that the unit of *state* runs, or None where it is none of these."""
    for name in _programs(state):
        for daemon in DAEMONS:
            if any(fnmatchcase(name, program) for program in daemon.programs):
                return daemon
    return None


def _programs(state: UnitState) -> list[str]:
    """Return the file names of what a unit runs: an interpreter's script counts in its place."""
    if is_init_script(state):
        return [_file_name(state.files[0])]
    first, *further = map(_file_name, state.command or ("",))
    if any(fnmatchcase(first, name) for name in _INTERPRETERS):
        return further
    return [first]


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
