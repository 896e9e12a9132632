"""How a mail ended for each recipient, out of the facts that the log told. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.send.report import Fate, worst

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

HOPS = 20
"""How often a mail may go on under another queue id."""


class Ends:
    """What the facts say of the mail under each of its queue ids."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts: dict[str, list[Fact]] = {}
        for fact in facts:
            self._facts.setdefault(fact.queue_id, []).append(fact)

    def over(self, queue_id: str, hops: int = HOPS) -> bool:
        """Return whether nothing more will happen to *queue_id* and what it became."""
        if self._verdict(queue_id):
            return True
        if not hops or not self._removed(queue_id):
            return False
        following = {fact.delivery.next_id for fact in self._facts[queue_id] if fact.delivery}
        return all(self.over(one, hops - 1) for one in following if one in self._facts)

    def fate(self, address: str, queue_id: str, hops: int = HOPS) -> Fate:
        """Return how the mail under *queue_id* ended for *address*."""
        if verdict := self._verdict(queue_id):
            return self._judged(address, verdict)
        found = [self._attempt(address, fact, hops) for fact in self._attempts(address, queue_id)]
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
            if fact.delivery:
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

    def _attempt(self, address: str, fact: Fact, hops: int) -> Fate:
        delivery = fact.delivery
        assert delivery
        if hops and delivery.status == "sent" and delivery.next_id in self._facts:
            return self.fate(delivery.to, delivery.next_id, hops - 1)._replace(address=address)
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
