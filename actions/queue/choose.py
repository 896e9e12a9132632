"""Which messages of the queue are meant: by queue, sender, recipient and reason."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from actions.host.queue import Queued

BOUNCE = "<>"
"""The empty sender, as an operator writes it."""


class Choice(Record):
    """What a message has to be like; what is empty does not matter."""

    state: str = ""
    sender: str = ""
    """An address, "@domain", a pattern with "*", or "<>"."""
    recipient: str = ""
    """An address, "@domain" or a pattern with "*"; one recipient of several is enough."""
    reason: str = ""
    """A text in the reason that a recipient waits for; capitals don't matter."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing was asked for, and every message is meant."""
        return self == Choice()

    def means(self, message: Queued) -> bool:
        """Return whether *message* is one of those."""
        if self.state and message.state != self.state:
            return False
        if self.sender and not matches(message.sender, self.sender):
            return False
        return self._means_recipient(message)

    def _means_recipient(self, message: Queued) -> bool:
        if not self.recipient and not self.reason:
            return True
        wanted = self.reason.lower()
        return any(
            (not self.recipient or matches(one.address, self.recipient))
            and (not wanted or wanted in one.reason.lower())
            for one in message.recipients
        )


def matches(address: str, wanted: str) -> bool:
    """Return whether *address* is what was *wanted*; capitals don't matter."""
    if wanted == BOUNCE:
        return not address
    pattern = wanted.lower()
    if pattern.startswith("@"):
        return address.lower().endswith(pattern) if "*" not in pattern else _like(address, pattern)
    return _like(address, pattern) if "*" in pattern else address.lower() == pattern


def _like(address: str, pattern: str) -> bool:
    """Match by "*" alone: brackets and question marks are signs of an address."""
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatchcase(address.lower(), f"*{plain}" if plain.startswith("@") else plain)
