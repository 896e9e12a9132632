"""What every daemon's module tells: how its settings open its socket, and how they move it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.sockets.ways.draft import Draft


class Wish(Record):
    """What a daemon's settings are to come to."""

    group: str
    """The group that the socket must get; empty where it may stay with the one it has."""
    has_group: str
    """The group that it has from then on."""
    is_open: bool
    """Whether its mode lets the group connect as it stands."""


class Opener(Record):
    """One daemon, and how its settings are edited.

    Both functions put their edits into a draft, and raise `Declined` where they can't tell what
    is in force, `HostError` where a file can't be read.
    """

    name: str
    opens: Callable[[Draft, Wish], None]
    """Lets the socket be open to a group."""
    gives_group: bool = True
    """Whether a setting gives the socket its group."""
    keeps_own_group: bool = False
    """Whether it gives the socket its own group wherever that is, its folder's group bit or not."""
    moves: Callable[[Draft, str, str], None] | None = None
    """Lets the socket be at another path, for a group: the one that its new folder gives to what
    is made in it. None where no setting moves it."""
