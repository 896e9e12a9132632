"""Mail of the lab's queue tried again by a command, with the rights of Postfix's own user."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.accounts import FolderAccounts
from actions.host.files import Files
from console.lab.layout import MAIN_CF
from console.lab.maillog import Syslog
from console.lab.postfix import MainCf
from console.lab.services.delivery import Delivery
from console.lab.services.front import read_front

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.lab.queue.file import QueueFile


class Deliverer:
    """Delivers what is in the queue.

    Args:
        root: the lab's folder.
    """

    def __init__(self, root: str) -> None:
        main_cf = MainCf(root + MAIN_CF)
        self._log = Syslog(root, "postfix/qmgr")
        self._delivery = Delivery(read_front(main_cf), self._write)
        self._account = FolderAccounts(root, Files()).user(main_cf.user())

    def become_postfix(self) -> None:
        """Give root's rights up, for good."""
        if os.geteuid() == 0:
            account = self._account
            os.setgroups(account.groups)
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)

    def deliver(self, wanted: Iterable[QueueFile]) -> None:
        """Try each of *wanted* now."""
        self.become_postfix()
        for file in wanted:
            with suppress(FileNotFoundError, ValueError):  # it has left the queue
                letter, _ = file.read()
                file.move("incoming")
                self._delivery.send(file, letter)

    def _write(self, program: str, text: str) -> None:
        self._log.write(text, tag=f"postfix/{program}")
