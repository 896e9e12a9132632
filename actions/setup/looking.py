"""The host as one run of checks sees it.

What several checks ask is asked once, and what a plan has changed so far is seen by the changes
that come after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.host.errors import HostError
from actions.setup.pending import PendingFiles, PendingPostfix

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from actions.action import Context
    from actions.host.endpoint import Endpoint
    from actions.host.files import Files
    from actions.host.ports import Accounts, Commands, Host, Postfix, Timers, Units
    from actions.mailhost.discovery import Discovery
    from actions.mailhost.roles import FoundServices
    from actions.mailhost.service import MailService


class LookingHost:
    """A host for one run of checks, or for one plan.

    Args:
        host: the host itself.
        asked: the checks that the operator named in full.
    """

    name: str
    kind: Literal["system", "lab"]
    accounts: Accounts
    commands: Commands
    units: Units
    timers: Timers
    postfix: Postfix
    """With what `take_pending` took."""
    state_folder: str

    def __init__(self, host: Host, asked: Sequence[str] = ()) -> None:
        self._host = host
        self._discovery: Discovery | None = None
        self._services: FoundServices | None = None
        self._texts: dict[str, str] = {}
        self.asked = frozenset(asked)
        self.pending = PendingFiles()
        self.files: Files = self.pending

    def __getattr__(self, name: str) -> object:
        return getattr(self._host, name)

    def take_pending(self) -> None:
        """See Postfix's settings as planned so far from now on.

        Between two checks only: what one check found is told and mended as one.

        Raises:
            HostError: main.cf or master.cf can't be read.
        """
        try:
            folder = self._host.postfix.folder()
        except HostError:  # this host has no Postfix
            return
        paths = [self._host.files.resolve(f"{folder}/{name}") for name in ("main.cf", "master.cf")]
        planned = [self.pending.planned(path) for path in paths]
        if planned == [None, None]:
            return
        real = [self._read(path) for path in paths]
        main, master = (
            was if text is None else text for text, was in zip(planned, real, strict=True)
        )
        self.postfix = PendingPostfix(self._host.postfix, real[0], main, master)
        self._texts.update(zip(paths, (main, master), strict=True))
        self._discovery = None

    def at(self, path: str) -> str:
        """Return where this host keeps what a real host has at the absolute *path*."""
        return self._host.at(path)

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        """Connect to *endpoint* with the rights of *user*; raises OSError and `HostError`."""
        return self._host.connect_as(user, endpoint, timeout, chroot)

    def text(self, path: str) -> str:
        """Return the text of a file as it was when first asked for; raises `HostError`.

        Of main.cf and master.cf, what `take_pending` took counts.
        """
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> str:
        return self._host.files.read(path).decode("utf-8", "surrogateescape")

    def discovery(self) -> Discovery:
        """Return the chains of this host; raises `HostError`."""
        if self._discovery is None:
            from actions.mailhost.discovery import discover

            self._discovery = discover(self)
        return self._discovery

    def mail_services(self) -> tuple[MailService, ...]:
        """Return the services that make up this mail host; raises `HostError`."""
        if self._services is None:
            from actions.mailhost.roles import find_services

            self._services = find_services(self._host)
        return self._services.services

    def notes(self) -> tuple[str, ...]:
        """Return what could not be seen by what was asked so far."""
        return self._services.notes if self._services else ()


def looking(ctx: Context) -> LookingHost:
    """Return the host of *ctx* as this run sees it."""
    return ctx.host if isinstance(ctx.host, LookingHost) else LookingHost(ctx.host)
