"""Drop-ins of the lab's units below /run, of which the command line alone is taken up."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress

from actions.host.unit_words import from_unit
from actions.record import Record

RUNTIME = "/run/systemd/system"


class Overridden(Record):
    """What the drop-ins of one unit say."""

    files: tuple[str, ...] = ()
    """Where a real host has them."""
    command: tuple[str, ...] = ()
    """Empty where none sets it."""


def overridden(root: str, unit: str) -> Overridden:
    """Return what the drop-ins of *unit*, with its suffix, say in the lab below *root*."""
    folder = f"{RUNTIME}/{unit}.d"
    try:
        names = sorted(name for name in os.listdir(root + folder) if name.endswith(".conf"))
    except OSError:
        return Overridden()
    command: tuple[str, ...] = ()
    for name in names:
        with suppress(OSError), open(f"{root}{folder}/{name}", encoding="utf-8") as file:
            for line in file:
                setting, equals, value = line.strip().partition("=")
                if equals and setting.strip() == "ExecStart":
                    command = _words(value.strip())
    return Overridden(tuple(f"{folder}/{name}" for name in names), command)


def _words(line: str) -> tuple[str, ...]:
    with suppress(ValueError):
        return from_unit(line)
    with suppress(ValueError):
        return tuple(shlex.split(line))
    return ()
