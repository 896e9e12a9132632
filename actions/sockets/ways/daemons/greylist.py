"""milter-greylist: ``socket "PATH" 660`` in greylist.conf(5).

The daemon gives the socket to its own user and group, wherever it is; there is no setting for
another group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost import files
from actions.settings import greylist
from actions.sockets.ways.daemons.modes import opens_to_group
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.draft import configured, first_naming, first_with

if TYPE_CHECKING:
    from actions.sockets.ways.draft import Draft

_MODE = "660"


def _opens(draft: Draft, wish: Wish) -> None:
    file = first_naming(draft, _files(draft), _spec)
    text = draft.text(file) or ""
    statement = greylist.in_force(text, "socket")
    written = statement.argument(2) if statement else ""
    if not opens_to_group(written, unset=wish.is_open):
        draft.edit(file, greylist.with_value(text, "socket", _MODE, 2), f"socket … {_MODE}")


def _moves(draft: Draft, path: str, _group: str) -> None:
    file = first_with(draft, _files(draft), _spec)
    text = greylist.with_value(draft.text(file) or "", "socket", path)
    draft.edit(file, greylist.with_value(text, "socket", _MODE, 2), f'socket "{path}" {_MODE}')


def _files(draft: Draft) -> tuple[str, ...]:
    return configured(draft.case, files.MILTER_GREYLIST)


def _spec(text: str) -> str:
    return greylist.value(text, "socket")


MILTER_GREYLIST = Opener(
    "milter-greylist", _opens, gives_group=False, keeps_own_group=True, moves=_moves
)
