"""spamass-milter and spamd: variables of their init script, and options of their command lines.

Debian's init script of spamass-milter gives the socket away as SOCKETOWNER and SOCKETMODE say.
EPEL's spamass-milter has ``-g GROUP``, which makes the socket of that group, with mode 0660. Of
spamd's options tells spamd(1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.mailhost import files
from actions.mailhost.roles.site import option_of
from actions.mailhost.socket_owners import CHROOTED_SPAMASS
from actions.settings import shell
from actions.sockets.ways.daemons.modes import opens_to_group
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.draft import names_socket
from actions.sockets.ways.groups import daemon_users
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from actions.sockets.ways.draft import Draft

_MODE = "0660"
_DEFAULT, _SYSCONFIG = files.SPAMASS_MILTER
_FURTHER = "/etc/sysconfig/spamass-milter-postfix"
"""What EPEL's spamass-milter-postfix sets beside it; it goes before."""

_OPTIONS = ("SOCKET_OPTIONS", "EXTRA_FLAGS")


def _opens(draft: Draft, wish: Wish) -> None:
    if draft.text(_DEFAULT) is None:
        _opens_by_option(draft, wish.has_group, is_moved=False)
        return
    text = draft.text(_DEFAULT) or ""
    spec = shell.value(text, "SOCKET") or draft.host.at(CHROOTED_SPAMASS)
    _require_named(draft, spec)
    if not opens_to_group(shell.value(text, "SOCKETMODE"), unset=wish.is_open):
        _set(draft, _DEFAULT, "SOCKETMODE", _MODE)
    if wish.group:
        _give(draft, wish.group)


def _moves(draft: Draft, path: str, group: str) -> None:
    if draft.text(_DEFAULT) is not None:
        _set(draft, _DEFAULT, "SOCKET", path)
        _set(draft, _DEFAULT, "SOCKETMODE", _MODE)
        _give(draft, group)
        return
    told = [one for one in (_FURTHER, _SYSCONFIG) if shell.value(draft.text(one) or "", "SOCKET")]
    _set(draft, (*told, _SYSCONFIG)[0], "SOCKET", path)
    _opens_by_option(draft, group, is_moved=True)


def _give(draft: Draft, group: str) -> None:
    owner = shell.value(draft.text(_DEFAULT) or "", "SOCKETOWNER").partition(":")[0] or "postfix"
    _set(draft, _DEFAULT, "SOCKETOWNER", f"{owner}:{group}")


def _opens_by_option(draft: Draft, group: str, *, is_moved: bool) -> None:
    """Give the daemon ``-g``, where it is told of its options.

    Its user must be in the group, where no folder gives that to the socket; the folder that it
    *is_moved* to does.
    """
    _require_any(draft)
    file, name = next(
        (
            (file, name)
            for file in (_FURTHER, _SYSCONFIG)
            for name in _OPTIONS
            if option_of(shell.words(shell.value(draft.text(file) or "", name)), "-g")
        ),
        (_SYSCONFIG, ""),
    )
    if name:
        value = shell.value(draft.text(file) or "", name)
        _set(draft, file, name, re.sub(r"(?<!\S)-g\s*\S+", f"-g {group}", value))
    else:
        text = shell.with_more(draft.text(file) or "", "EXTRA_FLAGS", f"-g {group}")
        draft.edit(file, text, f"-g {group} in EXTRA_FLAGS")
    if not is_moved:
        for user in daemon_users(draft.case):
            draft.lend(group, user)


def _require_any(draft: Draft) -> None:
    if draft.text(_SYSCONFIG) is None:
        raise Declined(f"neither {_DEFAULT} nor {_SYSCONFIG} is here")


def _require_named(draft: Draft, spec: str) -> None:
    if not names_socket(draft.case, spec if ":" in spec else f"unix:{spec}"):
        raise Declined(f"no known daemon's settings name the socket {draft.case.socket}")


def _set(draft: Draft, file: str, name: str, value: str) -> None:
    text = shell.with_value(draft.text(file) or "", name, value)
    draft.edit(file, text, f'{name}="{value}"')


def _spamd_opens(draft: Draft, wish: Wish) -> None:
    """Edit the variable that has ``--socketpath``; its mode is 0666 where none is set."""
    file, name = _spamd_options(draft)
    words = shell.words(shell.value(draft.text(file) or "", name))
    _require_named(draft, option_of(words, "--socketpath"))
    if not opens_to_group(option_of(words, "--socketmode"), unset=wish.is_open):
        _set_option(draft, file, name, "--socketmode", _MODE)
    if wish.group:
        _set_option(draft, file, name, "--socketgroup", wish.group)


def _spamd_options(draft: Draft) -> tuple[str, str]:
    service = draft.case.service
    for file in service.configuration if service else ():
        for one in shell.settings(draft.text(file) or ""):
            if option_of(shell.words(one.value), "--socketpath"):
                return file, one.name
    raise Declined(
        "spamd's options are in its unit", "set --socketmode there: systemctl edit --full"
    )


def _set_option(draft: Draft, file: str, name: str, option: str, value: str) -> None:
    text = draft.text(file) or ""
    given = shell.value(text, name)
    if option_of(shell.words(given), option):
        other = re.sub(rf"(?<!\S){option}[=\s]\s*\S+", f"{option}={value}", given)
        after = shell.with_value(text, name, other)
    else:
        after = shell.with_more(text, name, f"{option}={value}")
    draft.edit(file, after, f"{option}={value} in {name}")


SPAMASS_MILTER = Opener("spamass-milter", _opens, moves=_moves)
SPAMD = Opener("spamd", _spamd_opens)
