"""What the pane's lists have in common: a report by name, and items with what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.content import Content

    from actions.finding import Remedy
    from widgets.lines import Row


class Act(Record):
    """Something that can be done: an action with its arguments, as data."""

    title: str
    summary: str
    action: str
    given: Mapping[str, object]


class Item(Record):
    """One row of a list, and what is behind it."""

    key: str
    """Stays the same from look to look."""
    title: str
    row: Row
    details: tuple[Row, ...]
    """What there is to know, in the lines below the list and on a page of its own."""
    acts: tuple[Act, ...] = ()
    remedy: Remedy | None = None
    opens: Act | None = None
    """The report that tells more of it, where there is one."""


class Sheet(Protocol):
    """One of the pane's lists."""

    @property
    def title(self) -> str:
        """What it is called."""

    @property
    def action(self) -> str:
        """The report that it shows."""

    @property
    def words(self) -> tuple[tuple[str, str], ...]:
        """Its terms and signs, for the help."""

    @property
    def is_shared(self) -> bool:
        """Whether the app's one look at the host tells it; else the list looks by itself."""

    @property
    def given(self) -> Mapping[str, object]:
        """The arguments of its own look."""

    def take(self, report: object) -> None:
        """Take note of a new *report*, before it is drawn."""

    def heading(self, report: object) -> Content:
        """Return the whole in one line."""

    def items(self, report: object) -> Sequence[Item]:
        """Return the rows of *report*."""

    def acts(self, report: object) -> tuple[Act, ...]:
        """Return what can be done with all of it."""

    def below(self, report: object) -> Sequence[Row]:
        """Return what stands below the list besides the details of a row."""
