"""Which program tells whether a service's configuration is right, before it is taken up.

Seen with Postfix 3.7, ClamAV 1.4, opendkim 2.11; the others from their manuals: doveconf(1),
milter-greylist(8), spamassassin(1), rsyslogd(8), opendmarc(8), rspamadm(8).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import ConfigCheck
from actions.mailhost.managed import PROGRAM as MILTER_MANAGER
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Host, UnitState
    from actions.mailhost.service import MailService


class Syntax(Record):
    """How one program is asked."""

    argv: tuple[str, ...]
    file_options: tuple[str, ...] = ()
    """By which it is told its configuration; the unit's own command gives which."""


_BY_PROGRAM: dict[str, tuple[Syntax, ...]] = {
    "master": (
        Syntax(("postconf", "-n")),
        Syntax(("postconf", "-M")),
        Syntax(("postfix", "check")),
    ),
    "opendkim": (Syntax(("opendkim", "-n"), ("-x",)),),
    "opendmarc": (Syntax(("opendmarc", "-t"), ("-c",)),),
    "milter-greylist": (Syntax(("milter-greylist", "-c"), ("-f",)),),
    # With --version clamd reads its configuration first, and ends with 1 where it is wrong.
    "clamd": (Syntax(("clamd", "--version"), ("--config-file", "-c")),),
    "spamd": (Syntax(("spamassassin", "--lint", "--local", "--nocreate-prefs")),),
    "dovecot": (Syntax(("doveconf", "-n"), ("-c",)),),
    "rsyslogd": (Syntax(("rsyslogd", "-N1"), ("-f",)),),
    "rspamd": (Syntax(("rspamadm", "configtest"), ("-c",)),),
}

REFUSAL = (
    r"(?i)^(?!\s*#)(?!\s*\")(?!\s*\w+(?:\.\w+)+\s*=)"
    r"(?!\s*(?:\w+\.)?\w+\(.*\)\s*(?:do\b.*)?$).*error"
)
"""A line of --show-config that is no configuration and speaks of an error: it still exits 0."""


def checks(host: Host, service: MailService, state: UnitState) -> tuple[ConfigCheck, ...]:
    """Return what to ask before *service* takes up its configuration; none where none is known."""
    if service.role == "milter manager":
        return (manager_check(host, service),)
    program = "master" if service.role == "MTA" else service.program
    return tuple(
        ConfigCheck(_argv(syntax, state))
        for syntax in _BY_PROGRAM.get(program, ())
        # What the lab has of these programs is this machine's, with another configuration.
        if host.kind == "system" and is_here(syntax.argv[0])
    )


def manager_check(
    host: Host,
    service: MailService,
    *,
    children: tuple[str, ...] = (),
    gone: tuple[str, ...] = (),
) -> ConfigCheck:
    """Return the check of milter-manager's configuration, evaluated as its own user.

    Args:
        host: the host.
        service: the milter-manager.
        children: the milters that it must name as enabled.
        gone: those that it must not.
    """
    names = f", and names {', '.join(children)}" if children else ""
    dropped = f", and no more {', '.join(gone)}" if gone else ""
    program = host.at(MILTER_MANAGER) if os.path.exists(host.at(MILTER_MANAGER)) else ""
    return ConfigCheck(
        (program or "milter-manager", "--show-config"),
        "" if host.kind == "lab" else service.user or "milter-manager",
        REFUSAL,
        tuple((f"milter-manager would ask {name} no more", _enabled(name)) for name in children),
        tuple((f"milter-manager would still ask {name}", _enabled(name)) for name in gone),
        note=f"its configuration parses{names}{dropped}",
    )


def _enabled(name: str) -> str:
    """Return the pattern of a define_milter block of --show-config that is enabled."""
    import re

    block = rf'^define_milter\("{re.escape(name)}"\) do\b'
    return rf"(?ms){block}(?:(?!^end\b).)*?^\s+\w+\.enabled = true\b"


def _argv(syntax: Syntax, state: UnitState) -> tuple[str, ...]:
    """Return the command, with the configuration that the unit's own command names."""
    words = state.command
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, _ = word.partition("=")
        if name in syntax.file_options:
            return (*syntax.argv, word) if equals else (*syntax.argv, word, following)
    return syntax.argv


def is_here(program: str) -> bool:
    """Return whether this machine has *program*."""
    import shutil

    from actions.host.commands import SEARCHED

    return shutil.which(program, path=SEARCHED) is not None
