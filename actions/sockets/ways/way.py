"""One way to mend an edge, and what it would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from actions.plan import Change, Proof


class Way(Record):
    """One way to let a client open its socket, as an operator compares it with the others."""

    name: str
    """As ``--way`` takes it: "setting", "membership", "chroot", …."""
    title: str
    """In a few words: "the daemon's own setting"."""
    lasting: bool
    """Whether it survives restarts and reboots."""
    does: tuple[str, ...]
    """What it changes, one thing each, in their order."""
    risk: str
    """What an operator should weigh; empty where there is nothing."""
    recommended: bool = False
    """Whether it is what is done where no way is named."""


class Offer(Record):
    """A way, and the changes that it is made of, restarts and waits included."""

    way: Way
    changes: tuple[Change, ...]
    proof: Proof | None = None
    """The look that shows that it did what it is for; None for one at the edge itself."""


class Declined(Exception):
    """A way that would mend the edge, but is not offered here.

    Args:
        why: what keeps from it, as a part of a sentence behind the way's name.
        next_step: what the operator can do about it; empty for nothing.
    """

    def __init__(self, why: str, next_step: str = "") -> None:
        super().__init__(why)
        self.next_step = next_step
