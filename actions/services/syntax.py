"""Which program tells whether a service's configuration is right, before it is taken up.

Seen with Postfix 3.7, ClamAV 1.4, opendkim 2.11; the others from their manuals: doveconf(1),
milter-greylist(8), spamassassin(1), rsyslogd(8), opendmarc(8), rspamadm(8).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from actions.action import ActionError, Exit
from actions.changes import ConfigCheck
from actions.host.errors import UnknownAccount
from actions.mailhost.managed import PROGRAM as MILTER_MANAGER
from actions.mailhost.shown_config import REFUSAL
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Host, UnitState
    from actions.mailhost.service import MailService


class Syntax(Record):
    """How one program is asked."""

    argv: tuple[str, ...]
    file_options: tuple[str, ...] = ()
    """By which it is told its configuration; the unit's own command gives which."""
    rights: Literal["any", "service", "service only", "rules"] = "any"
    """With whose it runs: "any" where it reads only what root wrote and runs none of it;
    "service" for the service's user where it has one. Where a service's user can choose what is
    run, never with root's: "service only", or "rules" for who fetches SpamAssassin's."""


_BY_PROGRAM: dict[str, tuple[Syntax, ...]] = {
    "master": (
        Syntax(("postconf", "-n")),
        Syntax(("postconf", "-M")),
        Syntax(("postfix", "check")),
    ),
    "opendkim": (Syntax(("opendkim", "-n"), ("-x",)),),
    "opendmarc": (Syntax(("opendmarc", "-n"), ("-c",)),),
    "milter-greylist": (Syntax(("milter-greylist", "-c"), ("-f",)),),
    # With --version clamd reads its configuration first, and ends with 1 where it is wrong. It
    # opens the signatures too, which its user may write.
    "clamd": (Syntax(("clamd", "--version"), ("--config-file", "-c"), "service"),),
    # Rules may load plugins, which are Perl (Mail::SpamAssassin::Conf(3)).
    "spamd": (Syntax(("spamassassin", "--lint", "--local", "--nocreate-prefs"), (), "rules"),),
    "dovecot": (Syntax(("doveconf", "-n"), ("-c",)),),
    "rsyslogd": (Syntax(("rsyslogd", "-N1"), ("-f",)),),
    # It runs Lua, and includes files of its user's folder (rspamd's options.inc: $DBDIR).
    "rspamd": (Syntax(("rspamadm", "configtest"), ("-c",), "service only"),),
}

_RULES = "/var/lib/spamassassin"
"""Where sa-update puts rules (sa-update(1)); whoever owns it says what they load."""


_PLACE = r"(?<![\w/.])(/[^\s:;,'\"<>()\[\]]+)(?::(\d+)\b|[^/;]{0,60}?\bline (\d+))?"


def checks(host: Host, service: MailService, state: UnitState) -> tuple[ConfigCheck, ...]:
    """Return what to ask before *service* takes up its configuration; none where none is known."""
    if service.role == "milter manager":
        return (manager_check(host, service),)
    program = "master" if service.role == "MTA" else service.program
    # What the lab has of these programs is this machine's, with another configuration.
    here = [
        syntax
        for syntax in _BY_PROGRAM.get(program, ())
        if host.kind == "system" and is_here(syntax.argv[0])
    ]
    users = [(syntax, _user(host, service, syntax)) for syntax in here]
    return tuple(
        ConfigCheck(_argv(syntax, state), user) for syntax, user in users if user is not None
    )


def _user(host: Host, service: MailService, syntax: Syntax) -> str | None:
    """Return who runs *syntax*, empty for the user of this process; None where nobody may."""
    name = service.user
    if syntax.rights == "any" or (syntax.rights == "service" and (not name or name == "root")):
        return ""
    if syntax.rights == "rules":
        try:
            name = host.accounts.user_name(os.stat(host.at(_RULES)).st_uid)
        except OSError:
            return None
    return name if name and not is_root(host, name) else None


def is_root(host: Host, user: str) -> bool:
    """Return whether *user* has root's rights, or is nobody here."""
    try:
        return host.accounts.user(user).uid == 0
    except UnknownAccount:
        return True


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

    Raises:
        ActionError: it runs as root, and so would what its configuration says.
    """
    user = service.user or "milter-manager"
    if user == "root" or (user != "milter-manager" and is_root(host, user)):
        raise ActionError(
            f"{service.name} runs as {user}: its configuration is a program, which is not run "
            "with root's rights to check it",
            Exit.PROBLEM,
            "let it run as a user of its own (USER=milter-manager where its unit says who)",
        )
    names = f", and names {', '.join(children)}" if children else ""
    dropped = f", and no more {', '.join(gone)}" if gone else ""
    program = host.at(MILTER_MANAGER) if os.path.exists(host.at(MILTER_MANAGER)) else ""
    return ConfigCheck(
        (program or "milter-manager", "--show-config"),
        "" if host.kind == "lab" else user,
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


def place_told(refusal: str, program: str) -> str:
    """Return the file that *program* blames in its *refusal*, and the line; "" for none.

    It may tell them as ``FILE:3:``, ``FILE: line 3``, ``FILE line 3`` or ``FILE: … at line 3``.
    """
    import re

    for place in re.finditer(_PLACE, refusal):
        path, number, other = place.groups()
        # Its own files, and those of its language, are not what is to be mended.
        if path != program and not path.startswith("/usr/"):
            line = number or other
            return f"{path}, line {line}" if line else path
    return ""


def is_here(program: str) -> bool:
    """Return whether this machine has *program*."""
    import shutil

    from actions.host.commands import SEARCHED

    return shutil.which(program, path=SEARCHED) is not None
