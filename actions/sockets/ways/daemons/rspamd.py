"""rspamd: ``bind_socket = "PATH mode=0660 owner=USER group=GROUP"`` of its proxy, its milter.

An operator's own settings belong into local.d; override.d goes before it (rspamd's documentation
of its configuration files, "Sockets" and "Local and override files").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.settings.text import with_lines
from actions.sockets.ways.daemons.modes import opens_to_group
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.draft import names_socket
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from actions.sockets.ways.draft import Draft

_LOCAL = "/etc/rspamd/local.d/worker-proxy.inc"
_FILES = ("/etc/rspamd/override.d/worker-proxy.inc", _LOCAL, "/etc/rspamd/worker-proxy.inc")
_BIND = re.compile(
    r'^[ \t]*bind_socket[ \t]*=[ \t]*(?P<value>"[^"\n]*"|[^;"#\n]+?)[ \t]*(?:;|(?=#|$))',
    re.MULTILINE,
)
_MODE = "0660"


def _opens(draft: Draft, wish: Wish) -> None:
    file, value = _bound(draft)
    if not names_socket(draft.case, f"unix:{value.split()[0]}"):
        raise Declined(f"no known daemon's settings name the socket {draft.case.socket}")
    options = dict(word.partition("=")[::2] for word in value.split()[1:])
    if not opens_to_group(options.get("mode", ""), unset=wish.is_open):
        options["mode"] = _MODE
    if wish.group:
        options["group"] = wish.group
    _bind(draft, file, value.split()[0], options)


def _moves(draft: Draft, path: str, group: str) -> None:
    file, value = _bound(draft)
    options = dict(word.partition("=")[::2] for word in value.split()[1:])
    _bind(draft, file, path, {**options, "mode": _MODE, "group": group})


def _bound(draft: Draft) -> tuple[str, str]:
    """Return the file whose bind_socket counts, and its value; raises `Declined`."""
    for file in _FILES:
        found = _BIND.findall(draft.text(file) or "")
        value = found[-1].strip('"') if found else ""
        if value.startswith("/"):
            return file, value
        if value:
            break
    raise Declined("rspamd's proxy listens on a port")


def _bind(draft: Draft, file: str, path: str, options: dict[str, str]) -> None:
    value = " ".join((path, *(f"{name}={value}" for name, value in options.items())))
    line = f'bind_socket = "{value}";'
    # The package's own file stays as it is.
    target = file if file in _FILES[:2] else _LOCAL
    text = draft.text(target) or ""
    matches = list(_BIND.finditer(text))
    if matches:
        at = matches[-1]
        text = text[: at.start()] + line + text[at.end() :]
    else:
        text = with_lines(text, line)
    draft.edit(target, text, line.rstrip(";"))


RSPAMD = Opener("rspamd", _opens, moves=_moves)
