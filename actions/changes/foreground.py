"""A service's daemon run in the foreground in its place, as long as somebody looks on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes.looked import Looked
from actions.changes.reading import text, texts
from actions.host.errors import HostError
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.host.ports import Host
    from actions.plan import Tell, Undo

FOLDER = "debug"
"""Below the state folder: what the daemons wrote."""

ANSWERING = 60.0
"""Seconds in which the service must answer again; clamd reads its signatures first."""


class Foreground(Record):
    """One program run in the place of a unit until the operator ends it, or its time is over.

    The host brings the unit back by itself, whatever becomes of the console.
    """

    unit: str
    argv: tuple[str, ...]
    """Never with a secret in it: it is shown, logged and kept."""
    seconds: float
    """The longest that it may run."""
    sockets: tuple[tuple[str, str], ...] = ()
    """Where the service answers, and the user who asks it there: a socket that takes connections
    before takes them again after."""
    note: str = ""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Foreground:
        """Return the change of a journal *record*."""
        seconds, sockets = record["seconds"], record["sockets"]
        if not isinstance(seconds, int | float) or not isinstance(sockets, list):
            raise TypeError("seconds is no number, or sockets no list")
        pairs = [texts({"pair": pair}, "pair") for pair in sockets]
        return cls(
            text(record, "unit"),
            texts(record, "argv"),
            float(seconds),
            tuple((spec, client) for spec, client in pairs),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "run"

    @property
    def target(self) -> str:
        """The unit."""
        return self.unit

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "nothing"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return "its end brings the unit back as it was"

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return what runs, how long, and where its output is kept."""
        import shlex

        from actions.amounts import span

        until = f"until you end it, for {span(self.seconds)} at most"
        return (
            Line("-", f"{self.unit} as it is started now"),
            Line("+", shlex.join(self.argv)),
            Line(" ", f"in its place, with its user and folders, {until}; then the unit again"),
        )

    def as_command(self) -> str:
        """Return what an operator would type for nearly the same."""
        import shlex

        unit = shlex.quote(self.unit)
        return f"systemctl stop {unit}; {shlex.join(self.argv)}; systemctl start {unit}"

    def stands(self, host: Host) -> Standing:
        """Return that it is not done, as it never is: its end leaves nothing."""
        return Standing.OTHER if self.remains(host) else Standing.BEFORE

    def remains(self, host: Host) -> str:
        """Return what is left of a run that was cut off, or may be, or nothing."""
        from actions.host.unit_state import is_in_foreground

        state = host.units.state(self.unit)
        if state.activity == "unknown":
            return f"whether {self.unit} still runs in the foreground can't be seen: {state.detail}"
        return f"{self.unit} still runs in the foreground" if is_in_foreground(state) else ""

    def apply(self, host: Host, token: str) -> None:
        """Run it for all its time; raises `HostError`."""
        self.apply_aloud(host, token, lambda *_: None, lambda: False)

    def apply_aloud(
        self,
        host: Host,
        token: str,
        tell: Tell,
        is_cancelled: Callable[[], bool],
    ) -> str:
        """Run it, hand each of its lines to *tell*, and wait until the unit is back.

        Returns:
            How it ended, and where its output is kept.

        Raises:
            HostError: it could not be started, ended by a fault, or the unit is not as before.
        """
        from actions.changes.recorded import Recorded
        from actions.changes.socket_owners import SocketOwners

        owners = SocketOwners(host, (spec for spec, _ in self.sockets))

        def is_over() -> bool:
            owners.keep()
            return is_cancelled()

        answering = [socket for socket in self.sockets if _answers(host, socket)]
        name = f"{self.unit.removesuffix('.service')}-{token.rpartition('-')[0]}"
        with Recorded(host.state_folder, os.path.join(host.state_folder, FOLDER), name) as kept:

            def take(line: str, when: float) -> None:
                kept.write(line, when)
                tell(line, when)

            try:
                words = host.units.run_instead(self.unit, self.argv, take, is_over, self.seconds)
            except HostError as error:
                raise type(error)(f"{error}; its output is kept in {kept.path}") from error
        for socket in answering:
            _await_answer(host, socket)
        return f"{words}; the unit is back; its output is kept in {kept.path}"

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: the host itself brings the unit back."""

    def inverse(self) -> Looked:
        """Return what takes it back: nothing is left of it."""
        return Looked(self)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        lists = {"argv": list(self.argv), "sockets": [list(pair) for pair in self.sockets]}
        return {"change": "foreground", **self._asdict(), **lists}


def _answers(host: Host, socket: tuple[str, str]) -> bool:
    from actions.host.endpoint import parse_endpoint

    spec, client = socket
    try:
        host.connect_as(client, parse_endpoint(spec), 1.0).close()
    except (OSError, HostError, ValueError):
        return False
    return True


def _await_answer(host: Host, socket: tuple[str, str]) -> None:
    from actions.changes.answering import Answering

    Answering(*socket, ANSWERING).apply(host, "")
