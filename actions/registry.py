"""Every action by its name. A capability's declarations are imported when it is asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from actions.action import DECLARED, ActionError, Exit

if TYPE_CHECKING:
    from actions.action import Action

CAPABILITIES = {
    "chain": "actions.chain.declared",
    "sockets": "actions.sockets.declared",
    "journal": "actions.journal.declared",
}
"""The first part of an action's name, and the module that declares its actions."""


def find(name: str) -> Action:
    """Return the action called *name*, such as "chain.test".

    Raises:
        ActionError: there is none; the next step names those that come close.
    """
    capability = name.partition(".")[0]
    if capability in CAPABILITIES:
        _declare(capability)
    if name in DECLARED:
        return DECLARED[name]
    raise ActionError(f"no action is called {name!r}", Exit.USAGE, _close_to(name))


def all_actions() -> tuple[Action, ...]:
    """Return every action, by capability in the order of the table, then by name."""
    for capability in CAPABILITIES:
        _declare(capability)
    order = tuple(CAPABILITIES)
    known = (action for action in DECLARED.values() if action.name.partition(".")[0] in order)
    return tuple(sorted(known, key=lambda one: (order.index(one.name.partition(".")[0]), one.name)))


def _declare(capability: str) -> None:
    module = CAPABILITIES[capability]
    if module not in sys.modules:
        # importlib costs more than what it would bring here.
        __import__(module)


def _close_to(name: str) -> str:
    import difflib

    names = [action.name for action in all_actions()]
    close = [known for known in names if known.startswith(f"{name}.")]
    close = close or difflib.get_close_matches(name, names, 3, 0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"known are: {', '.join(names)}"
