"""The way for clamav-milter where a socket left behind keeps it from making its own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actions.changes import FileEdit
from actions.host.errors import HostError
from actions.mailhost import files
from actions.settings.directives import CLAMAV
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.way import Offer, Way

if TYPE_CHECKING:
    from actions.sockets.ways.case import Case

_SETTING = "FixStaleSocket"
"""Whether a socket left behind is removed at the start; yes by default (clamav-milter.conf(5))."""
_OFF = frozenset({"no", "false", "0", "off"})


def offer(case: Case) -> Offer | None:
    """Let clamav-milter remove what it left behind, by its own setting."""
    is_left = case.state.cause == "stale"
    if not is_left or case.service is None or case.service.name != "clamav-milter":
        return None
    host = case.host
    for path in (*case.service.configuration, *map(host.at, files.CLAMAV_MILTER)):
        with suppress(HostError):
            file = host.files.resolve(path)
            text = host.files.read(file).decode("utf-8", "surrogateescape")
            if CLAMAV.value(text, _SETTING).lower() not in _OFF:
                continue
            content = CLAMAV.with_value(text, _SETTING, "yes").encode("utf-8", "surrogateescape")
            changes = (FileEdit.planned(host, file, content), *settled(case))
            does = (f"{_SETTING} yes in {file}", *told(changes))
            title = "the daemon's own setting"
            return Offer(Way("stale", title, lasting=True, does=does, risk=""), changes)
    return None
