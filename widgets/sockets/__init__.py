"""The sockets pane: who opens whose socket, what stands in the way, and what mends it."""

from widgets.sockets.pane import SocketsPane

__all__ = ["SocketsPane"]
