"""What ``milter-manager --show-config`` prints, read line by line.

It prints its configuration as Ruby, one setting on a line, each below a comment that says where
it comes from (milter-manager's configuration guide). Nothing of it is evaluated here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


MOST_MILTERS = 100
"""Milters that are read; each is shown, and may be asked."""

REFUSAL = (
    r"(?i)^(?!\s*#)(?!\s*\")(?!\s*\w+(?:\.\w+)+\s*=)"
    r"(?!\s*(?:\w+\.)?\w+\(.*\)\s*(?:do\b.*)?$).*error"
)
"""A line of --show-config that is no configuration and speaks of an error: it still exits 0."""


class ShownMilter(Record):
    """One define_milter."""

    name: str
    settings: dict[str, str]
    """As written, without quotes: connection_spec, enabled, fallback_status, ….

    nil is the empty string.
    """
    conditions: tuple[str, ...]


class ShownConfig(Record):
    """The configuration."""

    settings: dict[str, str]
    """What stands outside of any define: manager.connection_spec, …; nil is empty."""
    milters: tuple[ShownMilter, ...]
    errors: tuple[str, ...]
    """Lines that are no configuration: what the program says of an error in it."""
    left_out: int = 0
    """How many milters there are beyond `MOST_MILTERS`."""


def read_shown(stdout: str, stderr: str = "") -> ShownConfig:
    """Return the configuration in *stdout*; of a line that is none, nothing is believed."""
    settings: dict[str, str] = {}
    milters: dict[str, _Milter] = {}
    left_out: set[str] = set()
    errors = [line.strip() for line in stderr.split("\n") if _is_error(line)]
    lines = _meaningful(stdout)
    for line in lines:
        kind, name = _opened(line)
        if kind:
            block = list(_until_end(lines))
            if kind == "define_milter" and (name in milters or len(milters) < MOST_MILTERS):
                milters.setdefault(name, _Milter()).read(block)
            elif kind == "define_milter":
                left_out.add(name)
        elif "=" in line and "." in line.partition("=")[0]:
            key, _, value = line.partition("=")
            settings[key.strip()] = _plain(value)
        elif _is_error(line):
            errors.append(line)
    shown = (
        ShownMilter(name, one.settings, tuple(one.conditions)) for name, one in milters.items()
    )
    return ShownConfig(settings, tuple(shown), tuple(errors), len(left_out))


def _is_error(line: str) -> bool:
    import re

    return "error" in line.lower() and re.search(REFUSAL, line) is not None


def _meaningful(text: str) -> Iterator[str]:
    """Yield the lines without blanks around them, comments and empty lines left out."""
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _opened(line: str) -> tuple[str, str]:
    """Return kind and name where *line* opens a block: ``define_milter("NAME") do |milter|``."""
    head, bracket, rest = line.partition("(")
    quoted, closing, tail = rest.rpartition(")")
    if bracket and closing and head.isidentifier() and tail.split()[:1] == ["do"]:
        return head, _plain(quoted)
    return "", ""


def _until_end(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == "end":
            return
        yield line


class _Milter:
    """A define_milter while it is read; it may stand in several blocks."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}
        self.conditions: dict[str, None] = {}

    def read(self, block: list[str]) -> None:
        """Take over what the lines *block* say."""
        lines = iter(block)
        for line in lines:
            if line.startswith("milter.add_applicable_condition("):
                self.conditions.update(dict.fromkeys(_strings(line)))
                continue
            key, equals, value = line.removeprefix("milter.").partition("=")
            if not equals:
                continue
            key = key.strip()
            if key != "applicable_conditions":
                self.settings[key] = _plain(value)
                continue
            self.conditions = dict.fromkeys(_strings(value))
            while "]" not in value and (value := next(lines, "]")):
                self.conditions.update(dict.fromkeys(_strings(value)))


def _plain(value: str) -> str:
    """Return a Ruby string's text, or *value* as it stands; nil is the empty string."""
    text = value.strip()
    if text.startswith('"'):
        return next(_strings(text), "")
    return "" if text == "nil" else text.partition(" #")[0].strip()


def _strings(text: str) -> Iterator[str]:
    """Yield the strings in double quotes in *text*."""
    inside, escaped = False, False
    found: list[str] = []
    for char in text:
        if not inside:
            inside = char == '"'
        elif escaped:
            found.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            yield "".join(found)
            inside, found = False, []
        else:
            found.append(char)
