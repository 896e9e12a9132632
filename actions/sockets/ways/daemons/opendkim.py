"""opendkim and opendmarc: ``UMask`` in opendkim.conf(5) and opendmarc.conf(5).

The socket is of the daemon's own group; no setting gives it another.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.mailhost import files
from actions.settings.directives import OPENDKIM as LINES
from actions.sockets.ways.daemons.modes import mask_opens_to_group
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.draft import configured, first_naming, first_with

if TYPE_CHECKING:
    from actions.sockets.ways.draft import Draft

_MASK = "007"


def _opens(usual: tuple[str, ...], draft: Draft, wish: Wish) -> None:
    file = first_naming(draft, configured(draft.case, usual), _spec)
    _unmask(draft, file, unset=wish.is_open)


def _moves(usual: tuple[str, ...], draft: Draft, path: str, _group: str) -> None:
    file = first_with(draft, configured(draft.case, usual), _spec)
    text = LINES.with_value(draft.text(file) or "", "Socket", f"local:{path}")
    draft.edit(file, text, f"Socket local:{path}")
    _unmask(draft, file, unset=False)


def _unmask(draft: Draft, file: str, *, unset: bool) -> None:
    text = draft.text(file) or ""
    if not mask_opens_to_group(LINES.value(text, "UMask"), unset=unset):
        draft.edit(file, LINES.with_value(text, "UMask", _MASK), f"UMask {_MASK}")


def _spec(text: str) -> str:
    return LINES.value(text, "Socket")


def _opener(name: str, usual: tuple[str, ...]) -> Opener:
    opens, moves = partial(_opens, usual), partial(_moves, usual)
    return Opener(name, opens, gives_group=False, moves=moves)


OPENDKIM = _opener("opendkim", files.OPENDKIM)
OPENDMARC = _opener("opendmarc", files.OPENDMARC)
