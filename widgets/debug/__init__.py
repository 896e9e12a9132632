"""The debug pane: which services log more than usual, until when, and one of them live."""

from widgets.debug.pane import DebugPane

__all__ = ["DebugPane"]
