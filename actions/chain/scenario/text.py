"""What a text is expected to be: exactly something, containing or matching it, there or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.chain.scenario.pattern import search
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence


class Text(Record):
    """An expectation of a text; all that is given must hold."""

    present: bool = True
    exact: str | None = None
    contains: str | None = None
    matches: str | None = None
    """A regular expression that is to be found in its first 10,000 characters."""

    @property
    def words(self) -> str:
        """The expectation, for people."""
        if not self.present:
            return "none"
        said = [shown(self.exact)] if self.exact is not None else []
        if self.contains is not None:
            said.append(f"something with {shown(self.contains)}")
        if self.matches is not None:
            said.append(f"something that matches {shown(self.matches)}")
        return " and ".join(said) or "any"


ABSENT = Text(present=False)


def meets(wish: Text, came: str) -> bool:
    """Return whether *came* is what *wish* says, it being there."""
    if not wish.present:
        return False
    if wish.exact is not None and came != wish.exact:
        return False
    if wish.contains is not None and wish.contains not in came:
        return False
    return wish.matches is None or search(wish.matches, came)


def any_meets(wish: Text, came: Sequence[str]) -> bool:
    """Return whether one of *came* is what *wish* says; or whether there is none, as it says."""
    return any(meets(wish, one) for one in came) if wish.present else not came


def shown(text: str) -> str:
    """Return *text* in quotes."""
    return f'"{text}"'


def listed(texts: Sequence[str]) -> str:
    """Return *texts* for people: the first few, and how many more there are."""
    most = 4
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return (", ".join(texts[:most]) + more) if texts else "none"


def unfolded(value: str) -> str:
    """Return a header's value in one line, without the white space around it."""
    return re.sub(r"\r?\n[ \t]+", " ", value).strip()
