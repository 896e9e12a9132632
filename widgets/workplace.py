"""`Workplace`: what every view is given by the program it is shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions.action import Action, Report
    from actions.host.ports import Host


class Workplace(Record):
    """The host that is worked on, and what the program around the views can do with it."""

    host: Host
    user: str
    """Who works here, for people: "root", or "alice, not root"."""
    read_only: bool
    """Whether every change is refused."""
    rendered: Callable[[Report], str]
    """A report as text; colour as SGR sequences, everything else harmless."""
    command_line: Callable[[Action, Mapping[str, object]], str]
    """The shell command that does the same as an action with these arguments."""
    as_root: Callable[[Action, Mapping[str, object]], Sequence[str]]
    """The argument list that runs an action's command as root, without asking a password."""
