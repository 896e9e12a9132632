"""The edges of a host by the names that an operator gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.mailhost.edges import Edge


def names() -> tuple[str, ...]:
    """Return the name of every edge of this machine, for completion."""
    from actions.host.system import SystemHost
    from actions.mailhost.edges import find_edges

    try:
        return tuple(edge.name for edge in find_edges(SystemHost()).edges)
    except HostError:
        return ()


def chosen(edges: tuple[Edge, ...], wanted: Iterable[str]) -> tuple[Edge, ...]:
    """Return those of *edges* that are called *wanted*, in that order.

    Raises:
        ActionError: one is called by no name of these; the next step names what there is.
    """
    by_name = {edge.name: edge for edge in edges}
    unknown = next((name for name in wanted if name not in by_name), None)
    if unknown is not None:
        raise ActionError(
            f"{unknown!r} is no edge of this mail host",
            Exit.USAGE,
            f"name one of: {', '.join(by_name)}" if by_name else "it has none",
        )
    return tuple(by_name[name] for name in dict.fromkeys(wanted))
