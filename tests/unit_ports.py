"""What a stand-in for a host can't do: run something in a unit's place, or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.host.ports import Timer


class NoForeground:
    """The part of `Units` that a stand-in leaves out."""

    def reread(self) -> None:
        raise HostError("no unit here has a file")

    def run_instead(
        self,
        unit: str,
        argv: Sequence[str],
        take: Callable[[str, float], None],
        is_cancelled: Callable[[], bool],
        seconds: float,
    ) -> str:
        raise HostError("nothing runs in the foreground here")


class NoTimers:
    """Timers where nothing is done later."""

    def absent(self) -> str:
        return "nothing is done later here"

    def all(self) -> tuple[Timer, ...]:
        return ()

    def set(self, timer: Timer) -> None:
        raise HostError(self.absent())

    def remove(self, name: str) -> None:
        raise HostError(self.absent())
