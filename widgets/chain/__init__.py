"""The chain pane: send a test message through the milters and see who decided, and why."""

from widgets.chain.pane import ChainPane

__all__ = ["ChainPane"]
