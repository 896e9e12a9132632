"""A program of the host that changes something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes.failed import last_words
from actions.changes.reading import text, texts
from actions.host.errors import HostError
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.host.ports import Host
    from actions.plan import Undo


class Command(Record):
    """A program run to its end; that it was run can't be seen on the host."""

    argv: tuple[str, ...]
    """Never with a secret in it: it is shown, logged and kept."""
    user: str = ""
    """Who runs it; empty for the user of this process."""
    undo_argv: tuple[str, ...] = ()
    why_no_undo: str = ""
    """Why nothing undoes it, where *undo_argv* is empty."""
    timeout: float = 120.0
    note: str = ""
    stoppable: bool = False
    """Whether the operator may end it amid its work: it leaves nothing half done then."""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Command:
        """Return the change of a journal *record*."""
        timeout = record["timeout"]
        if not isinstance(timeout, int | float):
            raise TypeError("timeout is no number")
        return cls(
            texts(record, "argv"),
            text(record, "user"),
            texts(record, "undo_argv"),
            text(record, "why_no_undo"),
            float(timeout),
            text(record, "note"),
            record.get("stoppable") is True,
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "run"

    @property
    def target(self) -> str:
        """The command line."""
        return _joined(self.argv)

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "compensating" if self.undo_argv else "none"

    @property
    def undo_note(self) -> str:
        """What undoing means here, or why it can't be."""
        if self.undo_argv:
            return f"by {_joined(self.undo_argv)}"
        return self.why_no_undo or "nothing is known that undoes it"

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return the command."""
        return (Line("$", self.as_command()),)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        if not self.user:
            return _joined(self.argv)
        return f"runuser -u {_joined((self.user,))} -- {_joined(self.argv)}"

    def stands(self, host: Host) -> Standing:
        """Return that it can't be told."""
        return Standing.UNTOLD

    def apply(self, host: Host, token: str) -> None:
        """Run it; raises `HostError` where it fails or takes too long."""
        self.apply_aloud(host, token, lambda _: None, lambda: False)

    def apply_aloud(
        self,
        host: Host,
        token: str,
        tell: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        """Run it and hand its lines to *tell*; raises `HostError`."""
        from actions.changes.aloud import run_aloud

        ended, heard = run_aloud(
            host,
            self.argv,
            tell,
            user=self.user or None,
            timeout=self.timeout,
            is_cancelled=is_cancelled if self.stoppable else None,
        )
        if ended.exit_code:
            code, why = ended.exit_code, last_words(ended, heard)
            raise HostError(f"{self.target}: ended with {code}: {why}")

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: what a command leaves is its own."""

    def inverse(self) -> Command | None:
        """Return the command that undoes it, or None."""
        if not self.undo_argv:
            return None
        return Command(self.undo_argv, self.user, self.argv, timeout=self.timeout)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        lists = {"argv": list(self.argv), "undo_argv": list(self.undo_argv)}
        return {"change": "command", **self._asdict(), **lists}


def _joined(argv: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(argv)
