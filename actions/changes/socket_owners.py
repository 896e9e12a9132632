"""The owner, group and mode of sockets, kept while another start of their daemon makes them anew.

An init script may give its daemon's socket away once that is there; what runs in its place is
started without the script.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.host.kept import FileState
    from actions.host.ports import Host


class SocketOwners:
    """The sockets among *specs* that stand on *host* now, and whose they are."""

    def __init__(self, host: Host, specs: Iterable[str]) -> None:
        self._files = host.files
        self._before = dict(self._seen(specs))

    def keep(self) -> None:
        """Give each socket that is there the owner, group and mode it had before."""
        for path, before in self._before.items():
            with suppress(HostError):
                now = self._files.state(path)
                if _is_socket(now) and now[1:4] != before[1:4]:
                    # A folder of the daemon's own may hold what it likes by now.
                    self._files.own(path, before.uid, before.gid, before.mode, _is_socket)

    def _seen(self, specs: Iterable[str]) -> Iterator[tuple[str, FileState]]:
        for spec in specs:
            with suppress(HostError, BadEndpoint):
                endpoint = parse_endpoint(spec)
                if endpoint.family != "unix":
                    continue
                state = self._files.state(endpoint.place)
                if _is_socket(state):
                    yield endpoint.place, state


def _is_socket(state: FileState) -> bool:
    return state.kind == "socket"
