"""The lab as a host: the same ports as the real machine's, over the folder and its processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.host.accounts import FolderAccounts
from actions.host.commands import SystemCommands
from actions.host.files import Files
from actions.host.opener import Opener
from console.lab.control import LabUnits
from console.lab.layout import MAIN_CF, STATE
from console.lab.postfix import MainCf
from console.lab.timers import LabTimers

if TYPE_CHECKING:
    import socket

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Accounts, Commands, Postfix, Timers, Units


class LabHost:
    """One lab.

    Args:
        root: its folder.
    """

    kind: Literal["system", "lab"] = "lab"

    def __init__(self, root: str) -> None:
        self.root = root
        self.again: tuple[str, ...] = ()
        """The command that brings up a lab like it, where this one ends with one action."""
        self.files = Files()
        self.accounts: Accounts = FolderAccounts(root, self.files)
        self.commands: Commands = SystemCommands()
        units = LabUnits(root)
        self.units: Units = units
        self.timers: Timers = LabTimers(units)
        self.postfix: Postfix = MainCf(root + MAIN_CF)
        self.name = self.postfix.setting("myhostname")
        self.state_folder = root + STATE
        self._opener = Opener()

    def at(self, path: str) -> str:
        """Return where the lab keeps what a real host has at the absolute *path*."""
        return self.root + path

    def connect_as(
        self, user: str, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        """Connect to *endpoint* with the rights of *user*, confined to *chroot* where given.

        Without root the lab's users are all the one who runs it, and so is this process.

        Raises:
            OSError: what the connection met, exactly as *user* meets it.
            HostError: the user does not exist, or this process may not become it.
        """
        return self._opener.connect_as(self.accounts.user(user), endpoint, timeout, chroot)

    def close(self) -> None:
        """End the process that connects as other users."""
        self._opener.close()
