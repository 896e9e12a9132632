"""Every action by its name. The module that declares one is imported when it is asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from actions.action import DECLARED, ActionError, Exit

if TYPE_CHECKING:
    from actions.action import Action

MODULES = {
    "overview.check": "actions.overview.declared",
    "overview.ack": "actions.overview.declared",
    "chain.discover": "actions.chain.declared.discover",
    "chain.load": "actions.chain.declared.load",
    "chain.scenario": "actions.chain.declared.scenario",
    "chain.send": "actions.chain.declared.send",
    "chain.test": "actions.chain.declared.test",
    "services.status": "actions.services.declared.status",
    "services.start": "actions.services.declared.operate",
    "services.stop": "actions.services.declared.operate",
    "services.restart": "actions.services.declared.operate",
    "services.reload": "actions.services.declared.operate",
    "services.enable": "actions.services.declared.operate",
    "services.disable": "actions.services.declared.operate",
    "services.drop": "actions.services.declared.operate",
    "services.take": "actions.services.declared.operate",
    "services.asked": "actions.services.declared.operate",
    "services.wait": "actions.services.declared.operate",
    "services.freshclam": "actions.services.declared.operate",
    "services.signatures": "actions.services.declared.operate",
    "sockets.check": "actions.sockets.declared",
    "sockets.ways": "actions.sockets.declared",
    "sockets.fix": "actions.sockets.declared",
    "debug.status": "actions.debug.declared",
    "debug.on": "actions.debug.declared",
    "debug.off": "actions.debug.declared",
    "debug.run": "actions.debug.declared",
    "setup.check": "actions.setup.declared",
    "setup.fix": "actions.setup.declared",
    "queue.list": "actions.queue.declared",
    "queue.show": "actions.queue.declared",
    "queue.where": "actions.queue.declared",
    "queue.flush": "actions.queue.declared",
    "queue.hold": "actions.queue.declared",
    "queue.release": "actions.queue.declared",
    "queue.requeue": "actions.queue.declared",
    "queue.delete": "actions.queue.declared",
    "journal.finish": "actions.journal.declared",
    "journal.leave": "actions.journal.declared",
    "journal.list": "actions.journal.declared",
    "journal.undo": "actions.journal.declared",
}
"""Every action, in the order in which they are listed, and the module that declares it."""


def find(name: str) -> Action:
    """Return the action called *name*, such as "chain.test".

    Raises:
        ActionError: there is none; the next step names those that come close.
    """
    if name in MODULES:
        return _declared(name)
    raise ActionError(f"no action is called {name!r}", Exit.USAGE, _close_to(name))


def all_actions() -> tuple[Action, ...]:
    """Return every action in the order of the table."""
    return tuple(map(_declared, MODULES))


def _declared(name: str) -> Action:
    module = MODULES[name]
    if module not in sys.modules:
        # importlib costs more than what it would bring here.
        __import__(module)
    return DECLARED[name]


def _close_to(name: str) -> str:
    import difflib

    close = [known for known in MODULES if known.startswith(f"{name}.")]
    close = close or difflib.get_close_matches(name, MODULES, 3, 0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"known are: {', '.join(MODULES)}"
