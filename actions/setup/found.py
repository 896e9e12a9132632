"""A check as a function that tells, with each result, what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.plan import Change
    from actions.setup.check import Result


class Found(Record):
    """One result of a check, and how it is mended."""

    result: Result
    mend: Callable[[Context], tuple[Change, ...]] | None = None
    """Returns the changes; None where there is nothing to mend, or no plan can."""


class FoundCheck(Record):
    """One thing that should be so on a mail host."""

    name: str
    title: str
    find: Callable[[Context, str], Iterator[Found]]
    """Given the check's name, yields what was found."""

    def look(self, ctx: Context) -> Iterator[Result]:
        """Yield what was found; raises `HostError`."""
        for found in self.find(ctx, self.name):
            yield found.result

    def changes(self, ctx: Context, result: Result) -> tuple[Change, ...]:
        """Return what mends *result*; raises `HostError`."""
        # What was looked at is what is mended: the same look tells it again.
        for found in self.find(ctx, self.name):
            if found.result == result and found.mend:
                return found.mend(ctx)
        raise HostError(f"{self.name}: {result.unfixable or 'it is another now; look again'}")
