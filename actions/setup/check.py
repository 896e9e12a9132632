"""A check of the setup, and what it comes to: the frame that every check of this host fits in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.plan import Change

Verdict = Literal["as wanted", "deviates", "choice", "unknown"]
"""A choice is a value that may be meant: it is told with what it means, and is no problem."""


class Result(Record):
    """What one check found at one place of this host."""

    name: str
    """The check's name, such as "postfix.milter_protocol"; what ``setup.fix`` is given."""
    verdict: Verdict
    file: str = ""
    """Where the setting is, or belongs."""
    line: int = 0
    """In that file, from 1; 0 where the setting is not there."""
    found: str = ""
    """The value in force, in the file's own words; or "not set"."""
    wanted: str = ""
    why: str = ""
    """Why it matters: what happens with the value found."""
    advice: str = ""
    """What to think of, where there is a choice or the usual advice is bad."""
    unfixable: str = ""
    """Why no plan can mend it; empty where one can."""
    severe: bool = False
    """Whether mail is lost, refused or unfiltered because of it."""
    needs_root: bool = False
    """Whether it could not be looked at for want of rights."""
    about: str = ""
    """Which unit, file or setting it is, where the check looks at several; it stays the same
    while the trouble does."""

    @property
    def finding(self) -> str:
        """What the finding is called that it makes where it deviates."""
        about = "".join(char if char.isprintable() and char != " " else "_" for char in self.about)
        return f"setup.{self.name}:{about}" if about else f"setup.{self.name}"


class Check(Protocol):
    """One thing that should be so on a mail host."""

    @property
    def name(self) -> str:
        """Its name, such as "clamd.example"."""

    @property
    def title(self) -> str:
        """What should be so, in one line."""

    def look(self, ctx: Context) -> Iterator[Result]:
        """Yield what was found; nothing where this host has no such thing.

        Raises:
            HostError: it could not be looked at.
        """

    def changes(self, ctx: Context, result: Result) -> tuple[Change, ...]:
        """Return what mends *result*, up to the services that must take it up.

        Raises:
            HostError: a file can't be read.
        """
