"""milter-manager: SOCKET_GROUP of its service file, and manager.unix_socket_mode of its own.

What the service file says is handed over on the command line, which goes before the
configuration; that is Ruby, and only milter-manager can tell what it comes to.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import ConfigCheck
from actions.host.errors import HostError
from actions.mailhost import files
from actions.mailhost.discovery import discover
from actions.mailhost.managed import CONFIGURATION, LOCAL, program_of
from actions.mailhost.milter_manager import USER
from actions.mailhost.shown_config import REFUSAL
from actions.settings import ruby, shell
from actions.sockets.ways.daemons.modes import opens_to_group
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.draft import configured, first_naming, first_with
from actions.sockets.ways.groups import group_names
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Host
    from actions.mailhost.managed import Manager
    from actions.sockets.ways.draft import Draft

_MODE = "0660"
_MODE_SETTING = "manager.unix_socket_mode"


def _opens(draft: Draft, wish: Wish) -> None:
    file = first_naming(draft, configured(draft.case, files.MILTER_MANAGER), _spec)
    group = wish.group or _other_group(draft, shell.value(draft.text(file) or "", "SOCKET_GROUP"))
    if group:
        _set(draft, file, "SOCKET_GROUP", group)
        draft.lend(group, _user(draft) or USER)
    if not wish.is_open:
        _open_mode(draft)
    draft.check(check_of(draft.host, _user(draft)))


def _other_group(draft: Draft, given: str) -> str:
    """Return the client's group where *given*, which the next start gives the socket, is none."""
    client = draft.case.client
    if client is None or not given or given in group_names(draft.case, client):
        return ""
    return draft.host.accounts.group_name(client.gid)


def _moves(draft: Draft, path: str, group: str) -> None:
    file = first_with(draft, configured(draft.case, files.MILTER_MANAGER), _spec)
    _set(draft, file, "CONNECTION_SPEC", f"unix:{path}")
    _set(draft, file, "SOCKET_GROUP", group)
    draft.check(check_of(draft.host, _user(draft)))


def _user(draft: Draft) -> str:
    return draft.case.service.user if draft.case.service else ""


def _open_mode(draft: Draft) -> None:
    file = own_file(draft)
    text = draft.text(file) or ""
    written = ruby.top_setting(draft.text(CONFIGURATION) or "", _MODE_SETTING)
    own = ruby.top_setting(text, _MODE_SETTING) or written
    if own is None or not opens_to_group(own.value, unset=False):
        after = ruby.with_top_value(text, _MODE_SETTING, _MODE)
        draft.edit(file, after, f"{_MODE_SETTING} = {_MODE}")


def own_file(draft: Draft) -> str:
    """Return the file for an operator's own settings: the one that the main file loads, or that."""
    main = draft.text(CONFIGURATION)
    if main is None or ruby.loads(main, os.path.basename(LOCAL)):
        return LOCAL
    return CONFIGURATION


def check_of(host: Host, user: str) -> ConfigCheck:
    """Return the check that its configuration parses and that it asks the milters it asks now.

    With a mistake in it, milter-manager would drop every milter and let all mail pass unfiltered.

    Raises:
        Declined: what it asks is not known, or it runs as root.
        UnknownAccount: it runs as nobody of this host.
    """
    try:
        managers = [one for chain in discover(host).chains for one in chain.managers]
    except HostError as error:
        raise Declined(f"what milter-manager asks is not known: {error}") from error
    names = tuple(dict.fromkeys(_asked(managers)))
    user = user or USER
    account = host.accounts.user(user)
    if account.uid == 0 and host.kind != "lab":
        raise Declined(
            f"milter-manager runs as {user}: its configuration is a program, which is not run "
            "with root's rights to check it",
            "let it run as a user of its own (USER=milter-manager where its unit says who)",
        )
    return ConfigCheck(
        (program_of(host), "--show-config"),
        "" if host.kind == "lab" else user,
        REFUSAL,
        wanted=tuple(
            (f"milter-manager would ask {name} no more", _enabled(name)) for name in names
        ),
        note="its configuration parses, and names the milters that it asks now",
    )


def _asked(managers: list[Manager]) -> Iterator[str]:
    for manager in managers:
        if manager.trouble:
            raise Declined(
                f"the milters behind {manager.milter} are not known: {manager.trouble}",
                f"see what {manager.source} says",
            )
        yield from (child.link.name for child in manager.children if child.enabled)


def _enabled(name: str) -> str:
    import re

    block = rf'^define_milter\("{re.escape(name)}"\) do\b'
    return rf"(?ms){block}(?:(?!^end\b).)*?^\s+\w+\.enabled = true\b"


def _spec(text: str) -> str:
    return shell.value(text, "CONNECTION_SPEC")


def _set(draft: Draft, file: str, name: str, value: str) -> None:
    text = shell.with_value(draft.text(file) or "", name, value)
    draft.edit(file, text, f'{name}="{value}"')


MILTER_MANAGER = Opener("milter-manager", _opens, moves=_moves)
