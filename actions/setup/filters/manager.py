"""The checks of milter-manager: its socket's group, its options, and the milters it found.

What it makes of its configuration only it can tell (``--show-config``, run as its user).
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from actions.changes import ConfigCheck, FileEdit
from actions.host.endpoint import same_socket
from actions.host.errors import HostError, UnknownAccount
from actions.mailhost.managed import CONFIGURATION, LOCAL, program_of
from actions.mailhost.milter_manager import show_config
from actions.mailhost.shown_config import REFUSAL, ShownConfig, read_shown
from actions.settings import ruby, shell
from actions.settings.text import content_of
from actions.setup.check import Result
from actions.setup.filters.daemons import (
    MILTER_MANAGER,
    NOT_SET,
    Configuration,
    Daemon,
    as_wanted,
    differs,
    read,
    read_file,
    real,
    taken_up,
)
from actions.setup.filters.reach import (
    MILTERS,
    asked_by_postfix,
    has_manager,
    is_wanted,
    manager_user,
    milter_sockets,
)
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import LookingHost, looking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.plan import Change
    from actions.setup.filters.reach import Socket


def socket_group(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether Postfix is in the group that milter-manager gives its socket."""
    conf = read(ctx.host, MILTER_MANAGER)
    spec = shell.value(conf.text, "CONNECTION_SPEC") if conf else ""
    if conf is None or not spec.startswith("unix:"):
        return
    found = shell.in_force(conf.text, "SOCKET_GROUP")
    group = found.value if found else ""
    line = found.line if found else 0
    user = ctx.host.postfix.user()
    try:
        account = ctx.host.accounts.user(user)
        wanted = ctx.host.accounts.group_name(account.gid)
    except UnknownAccount:
        return
    try:
        reached = bool(group) and ctx.host.accounts.group_id(group) in account.groups
        why = f"{user} is not in group {group}" if group else "the group is milter-manager's own"
    except UnknownAccount:
        reached, why = False, f"this host has no group {group}"
    if reached:
        yield as_wanted(name, conf, line, f'SOCKET_GROUP="{group}"')
        return
    yield differs(
        name,
        conf,
        line,
        f'SOCKET_GROUP="{group}"' if found else NOT_SET,
        f'SOCKET_GROUP="{wanted}"',
        f"{why}, so Postfix gets Permission denied on milter-manager's socket, and no milter "
        "is asked",
        lambda text: shell.with_value(text, "SOCKET_GROUP", wanted),
        advice="a chown of the socket is gone with the next start",
        severe=True,
    )


def debugging(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether options for finding an error were left in OPTION_ARGS."""
    conf = read(ctx.host, MILTER_MANAGER)
    if conf is None:
        return
    found = shell.in_force(conf.text, "OPTION_ARGS")
    value = found.value if found else ""
    left = [word for word in shell.words(value) if word in {"--verbose", "--no-daemon"}]
    if found is None or not left:
        written = f'OPTION_ARGS="{value}"' if found else NOT_SET
        yield as_wanted(name, conf, found.line if found else 0, written)
        return
    stops = "--no-daemon" in left or len(shell.words(value)) > 1
    yield differs(
        name,
        conf,
        found.line,
        f'OPTION_ARGS="{value}"',
        f"without {' and '.join(left)}",
        "under systemd milter-manager does not start with it: the unit hands all of it over as "
        "one word, and waits for a daemon"
        if stops
        else "it logs every step of every session: hundreds of lines for each mail",
        _without_debugging,
        advice="usual guides tell to set it to find an error; run milter-manager in a terminal "
        "instead, and leave the service alone",
        severe=stops,
    )


def _without_debugging(text: str) -> str:
    found = shell.in_force(text, "OPTION_ARGS")
    words = shell.words(found.value) if found else ()
    rest = [word for word in words if word not in {"--verbose", "--no-daemon"}]
    if not rest:
        try:
            return shell.without(text, "OPTION_ARGS")
        except ValueError:
            pass
    import shlex

    return shell.with_value(text, "OPTION_ARGS", shlex.join(rest))


def child(daemon: Daemon, ctx: Context, name: str) -> Iterator[Found]:
    """Look whether milter-manager knows *daemon* as it is: its socket, and whether it is used."""
    if not has_manager(ctx.host):
        return
    socket = next((one for one in milter_sockets(ctx.host) if one.daemon is daemon), None)
    wanted = is_wanted(ctx.host, daemon)
    if socket is None or wanted is None:
        return
    shown = _shown(looking(ctx))
    conf = _local(ctx.host)
    path = conf.path if conf else ctx.host.at(LOCAL)
    milter = next((one for one in shown.milters if one.name == daemon.name), None)
    if milter is None and (not wanted or socket.path in asked_by_postfix(ctx)):
        return
    at = ruby.setting(conf.text, daemon.name, "connection_spec") if conf else None
    spec = milter.settings.get("connection_spec", "") if milter else ""
    enabled = milter is not None and milter.settings.get("enabled", "true") == "true"
    says = f'connection_spec = "{spec}", enabled = {str(enabled).lower()}' if milter else NOT_SET
    is_there = milter is not None and _same_spec(ctx.host, spec, socket)
    if is_there and enabled == wanted:
        yield Found(Result(name, "as wanted", path, at.line if at else 0, says))
        return
    if milter is None:
        why = f"milter-manager does not know it, so mail passes without {daemon.name}"
    elif not is_there and wanted:
        why = f"{daemon.name} listens on {socket.spec}, not there: mail passes without it"
    elif not is_there:
        return  # It does not run, and where it would listen is no matter.
    elif wanted:
        why = f"it runs, but milter-manager does not ask it: mail passes without {daemon.name}"
    else:
        why = "it does not run, and milter-manager asks it all the same: each session waits for it"
    if not enabled and at is None and milter is not None and is_there:
        at = ruby.setting(conf.text, daemon.name, "enabled") if conf else None
    result = Result(
        name,
        "deviates",
        path,
        at.line if at else 0,
        says,
        f'connection_spec = "{socket.spec}", enabled = {str(wanted).lower()}',
        why,
        f"read in {socket.file}; milter-manager finds out by itself where that line is right",
        severe=wanted,
    )
    yield Found(result, partial(_redefined, socket, wanted))


def _redefined(socket: Socket, wanted: bool, ctx: Context) -> tuple[Change, ...]:  # noqa: FBT001
    """Return the edit, the look that milter-manager reads it, and the reload."""
    host = ctx.host
    conf = _local(host)
    text = conf.text if conf else ""
    name = socket.daemon.name
    for setting, value in (("connection_spec", socket.spec), ("enabled", wanted)):
        was = ruby.value(text, name, setting)
        if was != (str(value).lower() if isinstance(value, bool) else value):
            text = ruby.with_value(text, name, setting, value)
    if conf:
        edit: Change = conf.edited(text)
    else:
        edit = FileEdit.planned(host, host.at(LOCAL), content_of(text))
    user = manager_user(host)
    parsed = ConfigCheck(
        (program_of(host), "--show-config"),
        user if host.kind == "system" and os.geteuid() == 0 else "",
        REFUSAL,
        wanted=((f"{name} is not among its milters", rf'define_milter\("{name}"\)'),),
        note="a reload with an error in it would drop every milter",
    )
    return (edit, parsed, *taken_up(host, MILTER_MANAGER, "reload"))


_ASKED: WeakKeyDictionary[LookingHost, ShownConfig] = WeakKeyDictionary()
"""What was shown, for as long as one run of checks: each asking takes seconds."""


def _shown(host: LookingHost) -> ShownConfig:
    """Return what milter-manager makes of its configuration; raises `HostError`."""
    if host in _ASKED:
        return _ASKED[host]
    answer = show_config(host, program_of(host), manager_user(host))
    shown = read_shown(answer.stdout, answer.stderr)
    if shown.errors or answer.exit_code:
        said = shown.errors[0] if shown.errors else f"it ended with {answer.exit_code}"
        raise HostError(f"milter-manager --show-config: {said}")
    _ASKED[host] = shown
    return shown


def _local(host: Host) -> Configuration | None:
    """Return the file for an operator's own definitions: the one that the main file loads.

    Where it loads none, its own definitions are changed.
    """
    main = read_file(host, MILTER_MANAGER, CONFIGURATION)
    if main is None or ruby.loads(main.text, os.path.basename(LOCAL)):
        return read_file(host, MILTER_MANAGER, LOCAL)
    return main


def _same_spec(host: Host, spec: str, socket: Socket) -> bool:
    path = spec.removeprefix("unix:")
    if path.startswith("/"):
        return real(host, path) == socket.path
    return same_socket(spec, socket.spec)


CHECKS = (
    FoundCheck(
        "milter-manager.socket_group", "Postfix may open milter-manager's socket", socket_group
    ),
    FoundCheck("milter-manager.debugging", "milter-manager runs without debugging", debugging),
    *(
        FoundCheck(
            f"milter-manager.{daemon.name}",
            f"milter-manager knows {daemon.name} as it is",
            partial(child, daemon),
        )
        for daemon in MILTERS
    ),
)
