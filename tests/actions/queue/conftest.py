"""A queue with mail in it: that of a private Postfix."""

from __future__ import annotations

import smtplib
import subprocess
from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.registry import find
from tests.milters.running import eventually
from tests.postfix.fixtures import postfix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from actions.host.system import SystemHost
    from tests.postfix.running import Postfix

__all__ = ["postfix"]


class Mail:
    """The private Postfix, as these tests use it."""

    def __init__(self, postfix: Postfix, state_folder: Path) -> None:
        self.postfix = postfix
        self.host: SystemHost = postfix.host()
        self.host.state_folder = str(state_folder)
        self.ctx = Context(self.host)

    def look(self, action: str, **arguments: object) -> object:
        return find(action).function(self.ctx, **arguments)

    def send(self, *recipients: str, sender: str = "alice@example.org", text: str = "hi") -> None:
        with smtplib.SMTP("127.0.0.1", self.postfix.ports["plain"]) as smtp:
            smtp.sendmail(sender, recipients, text.encode())

    def wait(self, **folders: int) -> None:
        """Wait until each folder of the queue has as many messages, and nothing moves."""
        wanted = {"active": 0, "incoming": 0, **folders}
        eventually(
            lambda: all(len(self.postfix.queued(name)) == number for name, number in wanted.items())
        )

    def attempts(self, address: str) -> int:
        """Return how often a delivery to *address* was tried."""
        return self.postfix.log.read_text().count(f"to=<{address}>")

    def run(self, program: str, *words: str) -> None:
        config = str(self.postfix.config)
        subprocess.run([program, "-c", config, *words], check=True, capture_output=True)


@pytest.fixture
def mail(postfix: Postfix, tmp_path: Path) -> Iterator[Mail]:
    """An empty queue, empty again afterwards."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    here = Mail(postfix, state)
    here.run("postsuper", "-d", "ALL")
    yield here
    here.run("postsuper", "-d", "ALL")
