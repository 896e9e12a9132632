"""Postfix's master.cf, read into its services (master(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.ports import PostfixService
from actions.host.words import BLANKS, BadBraces, name_and_value, unwrapped, words

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = 8
"""The command is the last column; its arguments follow."""


def read_master(text: str, *, chroot: bool) -> tuple[PostfixService, ...]:
    """Return the services in *text*, a master.cf or what ``postconf -M`` prints.

    Args:
        text: the file.
        chroot: what "-" means in the column of that name: y before Postfix 3.0, and with a
            compatibility_level below 1; else n.

    Raises:
        HostError: a line has too few columns, or a setting that can't be read.
    """
    return tuple(_service(line, chroot) for line in _logical_lines(text))


def _logical_lines(text: str) -> Iterator[str]:
    line = ""
    for physical in text.split("\n"):
        if not physical.strip() or physical.lstrip().startswith("#"):
            continue
        if physical[0].isspace():
            line += physical
            continue
        if line:
            yield line
        line = physical
    if line:
        yield line


def _service(line: str, chroot: bool) -> PostfixService:  # noqa: FBT001
    columns = words(line, BLANKS)
    if len(columns) < COLUMNS:
        raise HostError(f"master.cf: {line.strip()!r} has fewer than {COLUMNS} columns")
    arguments, overrides = _told(columns[COLUMNS:])
    return PostfixService(
        name=columns[0],
        kind=columns[1],
        private=_chosen(columns[2], default=True),
        unprivileged=_chosen(columns[3], default=True),
        chroot=_chosen(columns[4], default=chroot),
        program=os.path.basename(columns[7]),
        arguments=arguments,
        overrides=overrides,
    )


def _chosen(column: str, *, default: bool) -> bool:
    return default if column == "-" else column == "y"


def _told(given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the plain arguments, and the settings given with ``-o``."""
    plain: list[str] = []
    overrides: list[tuple[str, str]] = []
    rest = iter(given)
    for word in rest:
        if not word.startswith("-o"):
            plain.append(word)
            continue
        try:
            overrides.append(name_and_value(unwrapped(word[2:] or next(rest, ""))))
        except BadBraces as error:
            raise HostError(f"master.cf: -o: {error}") from error
    return tuple(plain), tuple(overrides)
