"""The overview pane: how mail flows through this host, what is wrong, and what to do."""

from widgets.overview.pane import OverviewPane

__all__ = ["OverviewPane"]
