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
    again: tuple[str, ...] = ()
    """The command that brings up a lab like this one, where it ends with the report."""

    def command(self, action: str, arguments: Iterable[tuple[str, str]]) -> str:
        """Return the shell command that does *action* there.

        Where the lab is gone by then, it is the command for another one like it: what names
        this one's files is left out, and in place of a plan the console is opened.
        """
        if self.again:
            return printable(shlex.join(self._once_more(action, arguments)))
        words = ["console", "run", action, *_options(action, arguments)]
        if self.lab:
            words += ["--lab", self.lab]
        return printable(shlex.join(words))

    def _once_more(self, action: str, arguments: Iterable[tuple[str, str]]) -> Iterable[str]:
        from actions.registry import find

        if find(action).kind == "plan":
            return self.again
        kept = [(name, value) for name, value in arguments if self.lab not in value]
        return (*self.again, "run", action, *_options(action, kept))


def _options(action: str, arguments: Iterable[tuple[str, str]]) -> Iterable[str]:
    from actions.registry import find

    places = {one.name for one in find(action).parameters if one.option.positional}
    for name, value in arguments:
        yield from (value,) if name in places else (f"--{name}", value)
