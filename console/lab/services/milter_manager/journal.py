"""What milter-manager tells the mail log, in its own form (its "List of logs")."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Protocol

from console.lab.maillog import MAIL_DEBUG, MAIL_INFO, MAIL_WARNING

if TYPE_CHECKING:
    from actions.milter.session import Trouble

_KINDS = {"start": "connection", "end-of-message": "end-of-message"}
"""By state: which of its timeouts a child has missed there; any other is for reading."""


class Log(Protocol):
    """Where lines go."""

    def write(self, text: str, *, priority: int) -> None:
        """Log *text*."""


class Terminal:
    """Takes the log of a milter-manager in the foreground."""

    def write(self, text: str, *, priority: int = MAIL_INFO) -> None:
        """Print *text*."""
        del priority
        print(text, flush=True)


class Register:
    """What all sessions share: numbers, and how many there are.

    Args:
        log: the mail log.
        verbose: whether every step of every session is told.
    """

    def __init__(self, log: Log, *, verbose: bool = False) -> None:
        self._log = log
        self._verbose = verbose
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._now = self._finished = 0

    def begin(self) -> Journal:
        """Return the journal of a session that begins."""
        with self._lock:
            self._now += 1
        return Journal(self, self.next_number())

    def next_number(self) -> int:
        """Return a number that no session and no child had."""
        return next(self._numbers)

    def end(self) -> None:
        """Count a session that has ended."""
        with self._lock:
            self._now -= 1
            self._finished += 1
            self.tell(f"[sessions][finished] {self._finished}(+1) {self._now}")

    def tell(self, text: str) -> None:
        """Log *text* as statistics."""
        self._log.write(f"[statistics] {text}", priority=MAIL_INFO)

    def detail(self, text: str) -> None:
        """Log *text*, one step of a session, where that is wanted."""
        if self._verbose:
            self._log.write(text, priority=MAIL_DEBUG)

    def complain(self, text: str) -> None:
        """Log *text* as an error."""
        self._log.write(text, priority=MAIL_WARNING)


class Journal:
    """What is told of one session.

    Args:
        register: what all sessions share.
        number: the session's own.
    """

    def __init__(self, register: Register, number: int) -> None:
        self._register = register
        self._number = number

    def next_number(self) -> int:
        """Return a number for a child."""
        return self._register.next_number()

    def child_asked(self, number: int, name: str, state: str, said: str) -> None:
        """Tell what a child said to one event."""
        text = f"[{self._number}] [children][reply][{state}][{said}] [{number}] {name}"
        self._register.detail(text)

    def child_failed(
        self, number: int, name: str, spec: str, state: str, status: str, trouble: Trouble
    ) -> None:
        """Tell that a child could not be asked, or broke off."""
        place = f"[{self._number}]"
        if trouble.kind == "timeout":
            tags = f"[timeout][{_KINDS.get(state, 'reading')}][{state}][{status}]"
            self._register.complain(f"{place} [children]{tags} [{number}] {name}")
        elif state == "start":
            text = f"Failed to connect to {spec}: {trouble.text}"
            self._register.complain(
                f"{place} [children][error][connection] [{number}] {text}: {name}"
            )
        else:
            tags = f"[error][{state}][{status}]"
            self._register.complain(f"{place} [children]{tags} [{number}] {trouble.text}: {name}")

    def child_ended(self, number: int, name: str, state: str, status: str, seconds: float) -> None:
        """Tell that a child left before the session did."""
        self._register.tell(f"[milter][end][{state}][{status}][{seconds:g}]({number}): {name}")

    def header_added(self, name: str, value: str, child: str) -> None:
        """Tell of a header field that a child has added."""
        added = f"[header][add]({self._number}): <{name}>=<{value}>"
        self._register.tell(f"[milter]{added}: {child}")
        self._register.tell(f"[session]{added}")

    def message_ended(self, state: str, status: str, seconds: float) -> None:
        """Tell what became of a message, or of a session that had none."""
        self._register.tell(f"[session][end][{state}][{status}][{seconds:g}]({self._number})")

    def disconnected(self, seconds: float) -> None:
        """Tell that the client left in the middle of a message."""
        self._register.tell(f"[session][disconnected][{seconds:g}]({self._number})")

    def edit_refused(self, kind: str, text: str) -> None:
        """Tell that the MTA can't do what a child has asked for."""
        tag = kind.replace(" ", "-")
        self._register.complain(f"[{self._number}] [leader][error][{tag}] {text}")

    def end(self) -> None:
        """Tell that the session is over."""
        self._register.end()
