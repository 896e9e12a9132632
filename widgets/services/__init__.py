"""The services pane: what runs on this host, what waits in the queue, and how it is set up."""

from widgets.services.pane import ServicesPane

__all__ = ["ServicesPane"]
