"""The greetings: for each protocol what is asked, and what a healthy service answers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.mailhost.greeting.heard import Heard, Talk

MODULES = {
    "smtp": "mail",
    "lmtp": "mail",
    "imap": "mailbox",
    "pop3": "mailbox",
    "managesieve": "mailbox",
    "clamd": "engines",
    "spamd": "engines",
    "dovecot-auth": "stores",
    "mysql": "stores",
    "http": "stores",
}
"""By speech: the module here with a function of that name."""


def speaker(speech: str) -> Callable[[Talk], Heard]:
    """Return what speaks *speech*."""
    module = import_module(f"{__name__}.{MODULES[speech]}")
    spoken: Callable[[Talk], Heard] = getattr(module, speech.replace("-", "_"))
    return spoken
