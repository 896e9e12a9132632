"""Reasons of delay folded into groups: one line for each trouble, not one for each message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.queue.report import DomainCount, ReasonGroup
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.queue import Queued

GROUPS = 20
"""Groups that are told one by one."""

DOMAINS = 5
"""Destinations that are told one by one, in each group."""

LONGEST = 500
"""Characters of a reason that are compared: the rest is a stranger's, and may be of any kind."""

UNKNOWN = "no reason is known (not tried yet, or being tried now)"

_SUSPENDED = "delivery temporarily suspended: "
"""What qmgr(8) puts before the reason of a destination that it does not even try."""

_HOST = re.compile(r"[^\s\[<(]+\[[^\]\s]*\]")
_ADDRESS = re.compile(r"<[^<>]*>|(?<=name=)\S+")
_WORD = re.compile(
    r"(?P<kept>"
    r"\*(?::\d+)?"
    r"|(?<=said: )[245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?(?!\S)"
    r"|(?<!\S)[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3}(?!\S)"
    r"|(?<!\S)[245]\.\d{1,3}\.\d{1,3}(?!\S)"
    r")|\S*\d\S*"
)
"""What is kept of a host, an SMTP code, an enhanced status code; any other word with digits."""


def generalised(reason: str) -> str:
    """Return *reason* with "*" for what differs from message to message.

    Hosts, addresses, names that were looked up, and words with digits (times, ids, links) go;
    ports and reply codes stay.
    """
    plain = reason[:LONGEST].removeprefix(_SUSPENDED)
    plain = _ADDRESS.sub("*", _HOST.sub("*", plain))
    return _WORD.sub(lambda found: found["kept"] or "*", plain)


class _Group(Record):
    """A group while it grows; its lists and dictionaries are its own."""

    domains: dict[str, int]
    oldest: list[tuple[int, str]]
    """The first of the oldest message's arrival and its reason."""
    messages: list[int]


class Reasons:
    """Takes messages one by one and keeps what they wait for."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._generalised: dict[str, str] = {}

    def take(self, message: Queued) -> None:
        """Count *message* where it is deferred: its recipients, each for its reason."""
        if message.state != "deferred":
            return
        met: set[str] = set()
        for one in message.recipients:
            key = self._fold(one.reason)
            group = self._groups.setdefault(key, _Group({}, [], [0]))
            domain = one.address.rpartition("@")[2].lower()
            group.domains[domain] = group.domains.get(domain, 0) + 1
            if not group.oldest or message.arrival < group.oldest[0][0]:
                group.oldest[:] = [(message.arrival, one.reason)]
            if key not in met:
                met.add(key)
                group.messages[0] += 1

    def groups(self) -> tuple[tuple[ReasonGroup, ...], int]:
        """Return the groups that hinder most recipients, and how many there are besides."""
        every = sorted(
            (self._told(reason, group) for reason, group in self._groups.items()),
            key=lambda group: (-group.recipients, group.reason),
        )
        return tuple(every[:GROUPS]), max(0, len(every) - GROUPS)

    def _fold(self, reason: str) -> str:
        # Thousands of messages wait for the very same words.
        if reason not in self._generalised:
            self._generalised[reason] = generalised(reason) if reason else UNKNOWN
        return self._generalised[reason]

    def _told(self, reason: str, group: _Group) -> ReasonGroup:
        domains = sorted(group.domains.items(), key=lambda item: (-item[1], item[0]))
        (arrival, example) = group.oldest[0]
        return ReasonGroup(
            reason,
            group.messages[0],
            sum(group.domains.values()),
            tuple(DomainCount(*item) for item in domains[:DOMAINS]),
            max(0, len(domains) - DOMAINS),
            arrival,
            example,
        )
