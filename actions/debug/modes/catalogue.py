"""The daemons with a debug mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.debug.modes.options import Options
from actions.mailhost import files
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.mailhost.service import MailService

Language = Literal["clamav", "opendkim", "greylist"]


class Directive(Record):
    """The settings of a daemon's own file that switch its debug mode on."""

    language: Language
    names: tuple[str, ...]
    """Each of them switches it on."""
    files: tuple[str, ...]
    """Where the file may be; the first that exists counts."""
    sets: tuple[tuple[str, str], ...] = ()
    """What is set, names and values; empty where it is switched on by other means."""


class Mode(Record):
    """The debug mode of one daemon."""

    service: str
    """As `MailService.name`."""
    shown: str
    """What is switched on, in the daemon's own words."""
    programs: tuple[str, ...] = ()
    """File names of what its process runs."""
    options: Options | None = None
    """Its command line; None for a daemon that has no option for it."""
    directive: Directive | None = None
    """Where it says what it is to set, that goes before the command line."""
    variables: tuple[str, ...] = ()
    """Of an init script: where it takes options from; the first that it reads counts."""
    defaults: tuple[str, ...] = ()
    """The files that set those variables."""
    output: str = ""
    """Where its words go."""


POSTFIX = "postfix"
ENIGMA = "enigma"

_MAIL_LOG = "the mail log"
_JOURNAL = "the journal of its unit"

MODES = (
    Mode(
        POSTFIX,
        "smtpd -v, or debug_peer_list",
        ("smtpd",),
        output=_MAIL_LOG,
    ),
    Mode(
        "milter-manager",
        "--verbose",
        ("milter-manager",),
        Options(
            ("--verbose",),
            "--verbose",
            foreground=("--no-daemon",),
            stays="--no-daemon",
            leaves="--daemon",
        ),
        variables=("OPTION_ARGS",),
        defaults=files.MILTER_MANAGER,
        output=_JOURNAL,
    ),
    Mode(
        "milter-greylist",
        "-v",
        ("milter-greylist",),
        Options(
            ("-v",),
            "-[ADSTclqrv]*v[ADSTclqrv]*",
            foreground=("-D",),
            stays="-[ADSTclqrv]*D[ADSTclqrv]*",
        ),
        Directive("greylist", ("verbose",), files.MILTER_GREYLIST),
        variables=("OPTIONS", "DAEMON_ARGS"),
        defaults=("/etc/default/milter-greylist", "/etc/sysconfig/milter-greylist"),
        output=f"{_MAIL_LOG}, and {_JOURNAL}",
    ),
    Mode(
        "clamav-milter",
        "LogVerbose",
        ("clamav-milter",),
        # It has little to say of mail without the others.
        directive=Directive(
            "clamav",
            ("LogVerbose",),
            files.CLAMAV_MILTER,
            (("LogVerbose", "yes"), ("LogInfected", "Full"), ("LogClean", "Full")),
        ),
        output="where LogFile and LogSyslog say",
    ),
    Mode(
        "spamass-milter",
        "-d func,misc,net,rcpt,spamc",
        ("spamass-milter",),
        Options(("-d", "func,misc,net,rcpt,spamc"), "-d.*", leaves="-f", valued=True),
        variables=("OPTIONS", "EXTRA_FLAGS"),
        defaults=files.SPAMASS_MILTER,
        output=_MAIL_LOG,
    ),
    Mode(
        "opendkim",
        "-W (LogWhy)",
        ("opendkim",),
        Options(("-l", "-W"), "-W", foreground=("-f",), stays="-f"),
        Directive("opendkim", ("LogWhy",), files.OPENDKIM),
        variables=("DAEMON_OPTS", "OPTIONS"),
        defaults=("/etc/default/opendkim", "/etc/sysconfig/opendkim"),
        output=_MAIL_LOG,
    ),
    Mode(
        "rspamd",
        "--debug",
        ("rspamd",),
        Options(("--debug",), "-d|--debug", foreground=("-f",), stays="-f|--no-fork"),
        output="its own log, /var/log/rspamd/rspamd.log",
    ),
    Mode(
        "clamd",
        "LogVerbose, Debug",
        ("clamd",),
        # By itself the option says nothing: it keeps open where the setting Debug writes to.
        Options(
            ("--debug",),
            "--debug",
            foreground=("--foreground=true",),
            stays="-F|--foreground(=true|=yes|=1)?",
            leaves="--foreground=(false|no|0)",
        ),
        Directive(
            "clamav",
            ("LogVerbose", "Debug"),
            files.CLAMD,
            (("LogVerbose", "yes"), ("Debug", "yes")),
        ),
        output=f"where LogFile and LogSyslog say, and {_JOURNAL}",
    ),
    Mode(
        "spamd",
        "--debug",
        ("spamd",),
        Options(
            ("--debug",),
            "-D.*|--debug(=.*)?",
            # The last of both counts, and its short form may stand among others: -dc.
            foreground=("--nodaemonize",),
            stays="--nodaemonize",
        ),
        variables=("OPTIONS", "SPAMDOPTIONS"),
        defaults=("/etc/default/spamd", "/etc/default/spamassassin", "/etc/sysconfig/spamassassin"),
        output=_MAIL_LOG,
    ),
    Mode(ENIGMA, "enigma_debug", output="Roundcube's log, logs/enigma.log"),
)
"""In the order in which mail meets them."""

_BY_NAME: Mapping[str, Mode] = {mode.service: mode for mode in MODES}


def names() -> tuple[str, ...]:
    """Return the services that have one, for completion."""
    return tuple(_BY_NAME)


def mode_of(service: MailService) -> Mode | None:
    """Return the debug mode of *service*, or None where it has none."""
    if service.name in _BY_NAME:
        return _BY_NAME[service.name]
    # A second daemon of a kind is called as its unit is.
    return next((mode for mode in MODES if service.program in mode.programs), None)
