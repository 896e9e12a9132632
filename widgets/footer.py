"""`KeyLine`: the keys that work now, folded onto as many lines as they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from widgets.ink import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.binding import Binding
    from textual.events import Click
    from textual.geometry import Size
    from textual.screen import Screen

GAP = 2
"""Cells between two keys."""


class KeyLine(Widget):
    """The footer. Every key in it works, also by a click.

    Args:
        everywhere: which of the app's own actions are shown here; the others work too.
    """

    ALLOW_SELECT = False

    def __init__(self, *everywhere: str) -> None:
        super().__init__()
        self._everywhere = everywhere

    def on_mount(self) -> None:
        """Follow the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_click(self, event: Click) -> None:
        """Press the key that was clicked."""
        key = event.style.meta.get("key")
        if key:
            self.app.simulate_key(key)

    def get_content_height(self, _container: Size, _viewport: Size, width: int) -> int:
        """Return how many lines the keys need."""
        return max(len(folded(tuple(self._keys()), width)), 1)

    def render(self) -> Content:
        """Draw the keys."""
        return Content("\n").join(folded(tuple(self._keys()), self.content_size.width))

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.refresh(layout=True)

    def _keys(self) -> Iterator[Content]:
        """Yield the keys: the view's own, then the way back, then the app's."""
        own: dict[str, Binding] = {}
        apps: dict[str, Binding] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled:
                (apps if node is self.app else own).setdefault(binding.action, binding)
        ordered = sorted(own.values(), key=lambda binding: binding.key == "escape")
        ordered += [apps[action] for action in self._everywhere if action in apps]
        return map(self._key, ordered)

    def _key(self, binding: Binding) -> Content:
        key = said(self.app.get_key_display(binding), "key")
        shown = key + said(f" {binding.description}")
        return shown.stylize(Style.from_meta({"key": binding.key}))


def folded(keys: tuple[Content, ...], width: int) -> list[Content]:
    """Return *keys* side by side, on as few lines of *width* cells as they fit."""
    lines: list[Content] = []
    for key in keys:
        last = lines[-1] if lines else None
        if last is not None and last.cell_length + GAP + key.cell_length <= width:
            lines[-1] = last + Content(" " * GAP) + key
        else:
            lines.append(key)
    return lines
