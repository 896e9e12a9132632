"""The palette's entries: every action of the registry, and the commands of the view below."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from actions.record import Record
from actions.registry import all_actions
from widgets.choice import BORDERS, WIDEST
from widgets.ink import joined, said, spaced
from widgets.lines import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = 18
"""Cells for the name of a command."""


class Opener(Protocol):
    """The app, as the palette sees it."""

    def open_action(self, name: str) -> None:
        """Open an action."""


class Command(Record):
    """One thing that can be chosen."""

    name: str
    summary: str
    do: Callable[[], object]

    def shown(self, name: Content, width: int) -> Content:
        """Return it folded at *width*; the *name* may have its matching letters marked."""
        head = joined(name, spaced(max(NAME - name.cell_length, 2)))
        return Content("\n").join(Row(head, said(self.summary, "dim")).folded(width))


class Commands(Provider):
    """Everything that can be done here."""

    async def discover(self) -> Hits:
        """Yield everything, in its order."""
        for command in self._commands():
            yield DiscoveryHit(
                command.shown(said(command.name), self._width), command.do, command.name
            )

    async def search(self, query: str) -> Hits:
        """Yield what matches by its name or by what it does."""
        matcher = self.matcher(query)
        for command in self._commands():
            by_name = matcher.match(command.name)
            score = max(by_name, matcher.match(command.summary) * 0.8)
            if score > 0:
                name = matcher.highlight(command.name) if by_name else said(command.name)
                yield Hit(score, command.shown(name, self._width), command.do, command.name)

    @property
    def _width(self) -> int:
        return int(self.app.size.width * WIDEST) - BORDERS

    def _commands(self) -> Iterator[Command]:
        app = cast("Opener", self.app)
        for action in all_actions():
            yield Command(action.name, action.summary, partial(app.open_action, action.name))
        yield from self._keys()

    def _keys(self) -> Iterator[Command]:
        """Yield the commands of the view below, as its footer has them."""
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled and binding.action != "command_palette":
                shown = self.app.get_key_display(binding)
                yield Command(
                    binding.description,
                    f"{binding.tooltip or 'key'} ({shown})",
                    partial(self.app.simulate_key, binding.key),
                )
