"""Every check of the setup: the modules that have them, imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.setup.check import Check

MODULES = (
    "actions.setup.postfix.settings",
    "actions.setup.postfix.milters",
    "actions.setup.postfix.asked",
    "actions.setup.postfix.sockets",
    "actions.setup.postfix.written",
    "actions.setup.postfix.clients",
    "actions.setup.postfix.folders",
    "actions.setup.filters",
    "actions.setup.units",
    "actions.setup.packages",
    "actions.setup.selinux",
)
"""In the order of the report. Each has ``CHECKS``, a tuple of `actions.setup.check.Check`."""


def all_checks() -> tuple[Check, ...]:
    """Return every check, in the order of the report."""
    return tuple(_all())


def names() -> tuple[str, ...]:
    """Return the name of every check."""
    return tuple(check.name for check in _all())


def matching(checks: Sequence[Check], names: Sequence[str]) -> tuple[Check, ...]:
    """Return those of *checks* that *names* mean, or all where it is empty.

    Args:
        checks: every check.
        names: names, or the beginnings of names before a dot, such as "postfix".

    Raises:
        KeyError: a name means no check; its argument is that name.
    """
    for name in names:
        if not any(_means(name, check) for check in checks):
            raise KeyError(name)
    return tuple(c for c in checks if not names or any(_means(name, c) for name in names))


def _means(name: str, check: Check) -> bool:
    return check.name == name or check.name.startswith(f"{name}.")


def _all() -> Iterator[Check]:
    for module in MODULES:
        yield from import_module(module).CHECKS
