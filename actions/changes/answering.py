"""A wait, between two changes, until a socket takes connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.changes.looked import NOTE, Looked
from actions.changes.reading import text
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError, NotPermitted
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.host.ports import Host
    from actions.plan import Undo

AGAIN = 0.1
"""Seconds between two attempts."""


class Answering(Record):
    """A socket that a service just started is to open, before anybody is sent there.

    It changes nothing: there is nothing to undo.
    """

    spec: str
    client: str
    """With whose rights it is opened."""
    timeout: float = 30.0
    note: str = ""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Answering:
        """Return the change of a journal *record*."""
        timeout = record["timeout"]
        if not isinstance(timeout, int | float):
            raise TypeError("timeout is no number")
        return cls(
            text(record, "spec"),
            text(record, "client"),
            float(timeout),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "wait"

    @property
    def target(self) -> str:
        """The socket."""
        return self.spec

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "exact"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return NOTE

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return what is waited for."""
        return (Line(" ", f"until {self.client} can connect, for {self.timeout:g} s at most"),)

    def as_command(self) -> str:
        """Return a comment: no common command does it."""
        return f"# wait until {self.spec} takes connections"

    def stands(self, host: Host) -> Standing:
        """Return that it can't be told."""
        return Standing.UNTOLD

    def apply(self, host: Host, token: str) -> None:
        """Wait; raises `HostError` where it does not come in time."""
        self.apply_aloud(host, token, lambda _: None, lambda: False)

    def apply_aloud(
        self,
        host: Host,
        token: str,
        tell: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        """Wait and say what is met; raises `HostError`."""
        endpoint = parse_endpoint(self.spec)
        until = time.monotonic() + self.timeout
        while True:
            try:
                host.connect_as(self.client, endpoint, self.timeout).close()
            except NotPermitted:
                raise
            except (OSError, HostError) as error:
                why = getattr(error, "strerror", None) or str(error)
            else:
                return
            if is_cancelled() or time.monotonic() + AGAIN > until:
                raise HostError(f"{self.spec} does not take a connection of {self.client}: {why}")
            tell(why)
            time.sleep(AGAIN)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> Looked:
        """Return what takes it back: nothing is waited for."""
        return Looked(self)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"change": "answering", **self._asdict()}
