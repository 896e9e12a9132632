"""The names of the ways, for completion."""

from __future__ import annotations


def names() -> tuple[str, ...]:
    """Return the name of every way."""
    from actions.sockets.ways.offers import WAYS

    return tuple(name for name, _ in WAYS)
