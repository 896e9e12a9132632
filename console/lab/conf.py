"""The notations of the lab's configuration files, read as tolerantly as the daemons read them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from actions.settings import shell

if TYPE_CHECKING:
    from collections.abc import Iterator


class BadSetting(ValueError):
    """A configuration file that says nothing a service can use; the text names the place."""


def read_pairs(text: str) -> dict[str, str]:
    """Read ``Key value`` lines, as clamav-milter and opendkim take them; keys in lower case."""
    pairs = {}
    for words in _lines(text):
        pairs[words[0].rstrip(":").lower()] = " ".join(words[1:])
    return pairs


def read_assignments(text: str) -> dict[str, str]:
    """Read ``NAME="value"`` lines, as an EnvironmentFile or a shell takes them."""
    return {one.name: one.value for one in shell.settings(text)}


def is_true(value: str) -> bool:
    """Return whether *value* switches something on."""
    return value.lower() in {"yes", "true", "on", "1"}


def octal(value: str, setting: str) -> int:
    """Return the mode that *value* writes, such as 660.

    Raises:
        BadSetting: it is no mode; *setting* names where it stands.
    """
    try:
        mode = int(value, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise BadSetting(f"{setting}: {value!r} is no mode; write one such as 660")
    return mode


def _lines(text: str) -> Iterator[list[str]]:
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise BadSetting(f"line {number}: {error}") from None
        if words:
            yield words
