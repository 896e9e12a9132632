"""A program run to its end, each of its lines told as it comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.changes.failed import MOST_LINES
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.host.ports import Completed, Host

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""How a program moves the cursor and sets colours (ECMA-48)."""


class Heard(Record):
    """How a program ended, and the last lines that it wrote."""

    ended: Completed
    last: tuple[str, ...]


def run_aloud(
    host: Host,
    argv: Sequence[str],
    tell: Callable[[str], None],
    *,
    user: str | None = None,
    timeout: float,
    is_cancelled: Callable[[], bool] | None = None,
) -> Heard:
    """Run *argv* on *host* and hand its lines to *tell*, without codes for a terminal.

    Raises:
        HostError: it can't be run, takes longer than *timeout* seconds, or was cancelled.
    """
    last: list[str] = []

    def take(line: str) -> None:
        plain = _TERMINAL_CODE.sub("", line).strip()
        if plain:
            last[:] = [*last[1 - MOST_LINES :], plain]
            tell(plain)

    ended = host.commands.stream(argv, take, user=user, timeout=timeout, is_cancelled=is_cancelled)
    return Heard(ended, tuple(last))
