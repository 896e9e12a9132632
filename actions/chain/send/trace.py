"""Which lines of the log are about our mail: followed by queue id, message-id and refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.send.lines import read_fact
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.chain.send.lines import Fact, Judged, Refusal
    from actions.mailhost.logline import LogLine

LINES_KEPT = 100_000
"""Lines of a busy host's log that are kept, for a queue id that is known only later."""


class Ours(Record):
    """What our mail is known by."""

    message_id: str
    """With its angle brackets."""
    sender: str
    helo: str
    recipients: tuple[str, ...]
    client: str
    """The address that we spoke from; empty where there was no connection."""
    refusals: tuple[Refusal, ...]
    postfix: str = "postfix"
    """What its Postfix is called in the log."""


class Trace:
    """The story of one mail.

    Args:
        ours: what it is known by.
        queue_id: the id that the server's last reply named; empty where it named none.
    """

    def __init__(self, ours: Ours, queue_id: str) -> None:
        self._ours = ours
        self._facts: list[Fact] = []
        self._told: set[int] = set()
        self._removed: dict[str, int] = {}
        self._sessions: dict[int, int] = {}
        """By smtpd's process: the line at which its present session began."""
        self._busy: set[int] = set()
        """Processes that work on our mail at the moment."""
        self.ids: list[str] = [queue_id] if queue_id else []
        self.unread = 0
        """Lines that came when too many were kept already."""

    def add(self, lines: Iterable[LogLine]) -> list[Fact]:
        """Take new *lines* and return those facts about our mail that were not known before."""
        before = set(self._told)
        for line in lines:
            if len(self._facts) >= LINES_KEPT:
                self.unread += 1
                continue
            fact = read_fact(line, self._ours.postfix)
            self._facts.append(fact)
            self._note_session(fact, len(self._facts) - 1)
            self._look(len(self._facts) - 1)
        return [self._facts[at] for at in sorted(self._told - before)]

    @property
    def story(self) -> list[Fact]:
        """Everything about our mail, in the order of the log."""
        return [self._facts[at] for at in sorted(self._told)]

    def _look(self, at: int) -> None:
        fact = self._facts[at]
        if self._is_ours(fact, at):
            self._told.add(at)
            self._follow(fact, at)
        elif fact.line.pid in self._busy and fact.line.text.startswith("warning: "):
            self._told.add(at)

    def _note_session(self, fact: Fact, at: int) -> None:
        pid, text = fact.line.pid, fact.line.text
        if text.startswith("connect from "):
            self._sessions[pid] = at
            self._busy.discard(pid)
        elif text.startswith("disconnect from "):
            self._sessions.pop(pid, None)
            self._busy.discard(pid)
        elif fact.kind == "message-id":
            self._busy.discard(pid)

    def _is_ours(self, fact: Fact, at: int) -> bool:
        if fact.queue_id in self.ids:
            return at <= self._removed.get(fact.queue_id, at)
        if fact.kind == "message-id" and fact.value == self._ours.message_id:
            return True
        return fact.judged is not None and self._is_our_verdict(fact.judged)

    def _is_our_verdict(self, judged: Judged) -> bool:
        ours = self._ours
        if judged.client is not None and ours.client and judged.client != ours.client:
            return False
        if judged.sender not in {None, ours.sender} or judged.helo not in {None, ours.helo}:
            return False
        if judged.action != "reject":
            return judged.recipient in ours.recipients
        return judged.recipient in {None, "", *ours.recipients} and any(
            refusal.was_given_by(judged) for refusal in ours.refusals
        )

    def _follow(self, fact: Fact, at: int) -> None:
        if fact.kind == "removed":
            self._removed[fact.queue_id] = at
        if fact.line.daemon in {"smtpd", "cleanup", "postscreen"}:
            self._take_session(fact.line.pid, at)
        if fact.queue_id != "NOQUEUE":
            self._take_id(fact.queue_id)
        if fact.delivery and stays_here(fact.delivery.relay):
            self._take_id(fact.delivery.next_id)

    def _take_session(self, pid: int, at: int) -> None:
        """Take the warnings that a process gave while it worked for us."""
        begun = self._sessions.get(pid, len(self._facts) - 1)
        if not pid or pid in self._busy or begun > at:
            return  # it works for others by now
        self._busy.add(pid)
        for earlier in range(begun, at):
            line = self._facts[earlier].line
            if line.pid == pid and line.text.startswith("warning: "):
                self._told.add(earlier)

    def _take_id(self, queue_id: str) -> None:
        """Follow *queue_id* too, from what was logged of it already."""
        if not queue_id or queue_id in self.ids:
            return
        self.ids.append(queue_id)
        for at in self._with_id(queue_id):
            self._look(at)

    def _with_id(self, queue_id: str) -> Iterator[int]:
        return (at for at, fact in enumerate(self._facts) if fact.queue_id == queue_id)


def stays_here(relay: str) -> bool:
    """Return whether a mail that goes on by *relay* is in this host's log again."""
    return relay in {"local", "virtual"} or any(
        word in relay for word in ("[127.", "[::1]", "[private/")
    )
