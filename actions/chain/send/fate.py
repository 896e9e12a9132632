"""How a mail ended for each recipient, out of the facts that the log told. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.send.report import Fate, worst
from actions.chain.send.trace import stays_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actions.chain.send.lines import Fact
    from actions.chain.send.report import Status

STATUSES: Mapping[str, Status] = {
    "sent": "delivered",
    "deferred": "deferred",
    "bounced": "bounced",
    "expired": "bounced",
}
"""Postfix's words for an attempt; "expired" is returned to the sender."""

FINAL = {"sent", "bounced", "expired"}
"""After these there is no other attempt."""


class Ends:
    """What the facts say of the mail under each of its queue ids."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts: dict[str, list[Fact]] = {}
        for fact in facts:
            self._facts.setdefault(fact.queue_id, []).append(fact)
        self._known: dict[tuple[str, str], Fate] = {}
        self._under_way: set[tuple[str, str]] = set()

    def over(self, queue_id: str) -> bool:
        """Return whether nothing more will happen to *queue_id* and what it became."""
        seen, open_ids = {queue_id}, [queue_id]
        while open_ids:
            one = open_ids.pop()
            if self._verdict(one):
                continue
            if not self._removed(one):
                return False
            following = {self._next_id(fact) for fact in self._facts[one]} - seen - {""}
            seen |= following
            open_ids += following
        return True

    def fate(self, address: str, queue_id: str) -> Fate:
        """Return how the mail under *queue_id* ended for *address*."""
        asked = (address, queue_id)
        if asked not in self._known:
            self._under_way.add(asked)
            self._known[asked] = self._found(address, queue_id)
            self._under_way.discard(asked)
        return self._known[asked]

    def contradictions(self) -> list[str]:
        """Return the lines that give an address another end than one before."""
        ends: dict[tuple[str, str], str] = {}
        told = []
        for queue_id, facts in self._facts.items():
            for fact in facts:
                if fact.delivery and fact.delivery.status in FINAL:
                    status = fact.delivery.status
                    if ends.setdefault((queue_id, fact.delivery.to), status) != status:
                        told.append(fact.line.text)
        return told

    def _found(self, address: str, queue_id: str) -> Fate:
        if verdict := self._verdict(queue_id):
            return self._judged(address, verdict)
        found = [self._attempt(address, fact) for fact in self._attempts(address, queue_id)]
        if not found:
            return Fate(address, "accepted", queue_id=queue_id)
        status = worst(tuple(one.status for one in found))
        return next(one for one in found if one.status == status)

    def _removed(self, queue_id: str) -> bool:
        return any(fact.kind == "removed" for fact in self._facts.get(queue_id, []))

    def _verdict(self, queue_id: str) -> Fact | None:
        """Return the verdict on the whole mail, unless it was released and went on since."""
        for fact in reversed(self._facts.get("NOQUEUE", []) + self._facts.get(queue_id, [])):
            if fact.kind in {"delivery", "queued"}:
                return None
            if fact.judged and (fact.judged.action != "reject" or fact.judged.stage != "RCPT"):
                return fact
        return None

    def _judged(self, address: str, fact: Fact) -> Fate:
        assert fact.judged
        ends: Mapping[str, Status] = {
            "hold": "held",
            "discard": "discarded",
            "reject": "refused",
        }
        return Fate(
            address,
            ends[fact.judged.action],
            by=fact.judged.by,
            queue_id=fact.queue_id,
            words=fact.judged.text,
            evidence=fact.line.text,
        )

    def _attempts(self, address: str, queue_id: str) -> Sequence[Fact]:
        """Return the last attempt for every address that *address* was expanded to."""
        last: dict[str, Fact] = {}
        for fact in self._facts.get(queue_id, []):
            if fact.delivery and not _ended_worse(last.get(fact.delivery.to)):
                last[fact.delivery.to] = fact
        wanted = address.casefold()
        found = [
            fact
            for fact in last.values()
            if fact.delivery
            and wanted in {fact.delivery.to.casefold(), fact.delivery.orig_to.casefold()}
        ]
        if found or len(last) != 1 or not self._removed(queue_id):
            return found
        return list(last.values())  # the only one, under a name it was rewritten to

    def _next_id(self, fact: Fact) -> str:
        """Return the queue id under which *fact*'s mail goes on, where this log has it."""
        delivery = fact.delivery
        if delivery is None or delivery.status != "sent" or not stays_here(delivery.relay):
            return ""
        return delivery.next_id if delivery.next_id in self._facts else ""

    def _attempt(self, address: str, fact: Fact) -> Fate:
        delivery = fact.delivery
        assert delivery
        next_id = self._next_id(fact)
        # Whoever takes the mail names the next id: it may be one that was before.
        if next_id and (delivery.to, next_id) not in self._under_way:
            return self.fate(delivery.to, next_id)._replace(address=address)
        status = STATUSES.get(delivery.status, "accepted")
        if status == "delivered" and fact.line.daemon == "discard":
            status = "discarded"  # the transport of that name, discard(8)
        return Fate(
            address,
            status,
            queue_id=fact.queue_id,
            relay=delivery.relay,
            delay=delivery.delay,
            dsn=delivery.dsn,
            words=delivery.words,
            evidence=fact.line.text,
        )


def _ended_worse(earlier: Fact | None) -> bool:
    """Return whether a recipient was given up before: nothing that is logged later mends that."""
    return bool(earlier and earlier.delivery and earlier.delivery.status in {"bounced", "expired"})
