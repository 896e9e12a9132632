"""Commands that a report names as the next step, on the host that it is about."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from actions.printable import printable
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable


class Hints(Record):
    """Where commands are meant to run."""

    lab: str = ""
    """The folder of the lab; empty for this machine."""

    def command(self, action: str, arguments: Iterable[tuple[str, str]]) -> str:
        """Return the shell command that does *action* there."""
        words = ["console", "run", action]
        for name, value in arguments:
            words += [f"--{name}", value]
        if self.lab:
            words += ["--lab", self.lab]
        return printable(shlex.join(words))
