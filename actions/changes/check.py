"""A program of the host asked whether a configuration is right, before it is taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes.failed import MOST_LINES, last_words, quoted
from actions.changes.looked import NOTE, Looked
from actions.changes.reading import text, texts
from actions.host.errors import HostError
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Completed, Host
    from actions.plan import Undo


class ConfigCheck(Record):
    """A program that reads its configuration and ends; where it refuses it, the plan ends too.

    It changes nothing: there is nothing to undo.
    """

    argv: tuple[str, ...]
    user: str = ""
    """Who runs it; empty for the user of this process."""
    refusal: str = ""
    """A pattern; a line of its output in which it is found is a refusal, whatever the exit code."""
    wanted: tuple[tuple[str, str], ...] = ()
    """What its output must have: what is wrong where it does not, and a pattern."""
    unwanted: tuple[tuple[str, str], ...] = ()
    """What its output must not have, in the same form."""
    timeout: float = 60.0
    note: str = ""

    @classmethod
    def read(cls, record: Mapping[str, object]) -> ConfigCheck:
        """Return the change of a journal *record*."""
        timeout = record["timeout"]
        if not isinstance(timeout, int | float):
            raise TypeError("timeout is no number")
        return cls(
            texts(record, "argv"),
            text(record, "user"),
            text(record, "refusal"),
            _pairs(record, "wanted"),
            _pairs(record, "unwanted"),
            float(timeout),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return "check"

    @property
    def target(self) -> str:
        """The command line."""
        import shlex

        return shlex.join(self.argv)

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
        """Return the command."""
        return (Line("$", self.as_command()),)

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        return f"runuser -u {shlex.quote(self.user)} -- {self.target}" if self.user else self.target

    def stands(self, host: Host) -> Standing:
        """Return that it can't be told."""
        return Standing.UNTOLD

    def apply(self, host: Host, token: str) -> None:
        """Ask the program; raises `HostError` where it refuses its configuration."""
        if why := self.refused(host):
            raise HostError(why)

    def refused(self, host: Host) -> str:
        """Return why the configuration is refused, or nothing; raises `HostError`."""
        ended = host.commands.run(self.argv, user=self.user or None, timeout=self.timeout)
        if said := self._complaint(ended):
            return f"{self.argv[0]} refuses its configuration: {said}"
        return self._missed(ended.stdout)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: nothing is made on the way."""

    def inverse(self) -> Looked:
        """Return what takes it back: nothing is asked."""
        return Looked(self)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        lists = {
            "argv": list(self.argv),
            "wanted": [list(pair) for pair in self.wanted],
            "unwanted": [list(pair) for pair in self.unwanted],
        }
        return {"change": "check", **self._asdict(), **lists}

    def _complaint(self, ended: Completed) -> str:
        """Return what the program says against its configuration."""
        import re

        said = [line for line in f"{ended.stderr}\n{ended.stdout}".splitlines() if line.strip()]
        if ended.exit_code:
            blames = [line for line in said if re.search("(?i)error|fatal", line)]
            return quoted(blames[:MOST_LINES]) or last_words(ended)
        if not self.refusal:
            return ""
        return quoted([line for line in said if re.search(self.refusal, line)][:MOST_LINES])

    def _missed(self, output: str) -> str:
        import re

        missing = [why for why, pattern in self.wanted if not re.search(pattern, output)]
        standing = [why for why, pattern in self.unwanted if re.search(pattern, output)]
        return "; ".join((*missing, *standing))


def _pairs(record: Mapping[str, object], name: str) -> tuple[tuple[str, str], ...]:
    """Return the list of pairs *name* of *record*; raises `KeyError`, `TypeError`."""
    value = record[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    pairs = [texts({"pair": pair}, "pair") for pair in value]
    if any(len(pair) != 2 for pair in pairs):
        raise TypeError(f"{name} has what is no pair")
    return tuple((why, pattern) for why, pattern in pairs)
