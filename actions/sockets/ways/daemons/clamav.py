"""clamav-milter and clamd: the mode and the group of their sockets, as clamd.conf(5) names them.

A daemon that may not give its socket to the group that is set leaves it with mode 000, and ends. A
user may give away to groups that it is in, and to the one that the folder gives anyhow (chown(2)).
Started as root, clamav-milter gives it before it becomes its user, clamd afterwards (seen with
ClamAV 1.4).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.mailhost import files
from actions.settings.directives import CLAMAV
from actions.sockets.ways.daemons.modes import opens_to_group
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.draft import configured, first_naming, first_with
from actions.sockets.ways.groups import daemon_users
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from actions.sockets.ways.draft import Draft

_MODE = "660"


def _opens(setting: str, usual: tuple[str, ...], draft: Draft, wish: Wish) -> None:
    _require_own_socket(draft)
    file = first_naming(draft, configured(draft.case, usual), partial(_spec, setting))
    text = draft.text(file) or ""
    if not opens_to_group(CLAMAV.value(text, f"{setting}Mode"), unset=wish.is_open):
        _set(draft, file, f"{setting}Mode", _MODE)
    if wish.group:
        _set(draft, file, f"{setting}Group", wish.group)
    group = CLAMAV.value(draft.text(file) or "", f"{setting}Group")
    if group:
        _let_give(draft, setting, text, group)


def _moves(setting: str, usual: tuple[str, ...], draft: Draft, path: str, group: str) -> None:
    file = first_with(draft, configured(draft.case, usual), partial(_spec, setting))
    _set(draft, file, setting, path)
    _set(draft, file, f"{setting}Mode", _MODE)
    # The folder gives it to the socket already, so that the user need not be in it.
    _set(draft, file, f"{setting}Group", group)


def _set(draft: Draft, file: str, name: str, value: str) -> None:
    text = CLAMAV.with_value(draft.text(file) or "", name, value)
    draft.edit(file, text, f"{name} {value}")


def _let_give(draft: Draft, setting: str, text: str, group: str) -> None:
    """Put who gives the socket away into *group*, where it could not give it to that."""
    unit = draft.case.unit
    name = unit.user if unit else next(iter(daemon_users(draft.case)), "")
    if setting == "LocalSocket":
        name = CLAMAV.value(text, "User") or name
    draft.lend(group, name)


def _require_own_socket(draft: Draft) -> None:
    """Refuse where systemd makes the socket, whatever the daemon's settings say."""
    unit = draft.case.unit
    makers = [one for one in (unit.starters if unit else ()) if one.endswith(".socket")]
    for state in draft.host.units.states(makers):
        if state.activity == "active":
            raise Declined(
                f"systemd makes the socket, by {state.name}",
                f"set SocketGroup= and SocketMode= there: systemctl edit {state.name}",
            )


def _spec(setting: str, text: str) -> str:
    return CLAMAV.value(text, setting)


CLAMAV_MILTER = Opener(
    "clamav-milter",
    partial(_opens, "MilterSocket", files.CLAMAV_MILTER),
    moves=partial(_moves, "MilterSocket", files.CLAMAV_MILTER),
)
CLAMD = Opener("clamd", partial(_opens, "LocalSocket", files.CLAMD))
