"""Files of lines such as ``Name value``: clamav's, opendkim's and SpamAssassin's.

What each makes of case, quotes and repetition is from clamav's common/optparser.c,
opendkim.conf(5) and Mail::SpamAssassin::Conf(3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.record import Record
from actions.settings.text import Setting, commented_out, line_at, with_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(
    r"^[ \t]*(?P<name>[^\s#]+)(?:(?P<gap>[ \t]+)(?P<rest>[^\r\n]*?))?[ \t]*(?=\r?\n|\r?\Z)",
    re.MULTILINE,
)
_EXAMPLE = re.compile(
    r"^[ \t]*(?P<sign>#[ \t]?)(?P<name>[^\s#]+)(?P<gap>[ \t]+)(?P<rest>[^\r\n]*?)[ \t]*"
    r"(?=\r?\n|\r?\Z)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"(?<!\\)[ \t]*#.*\Z")


class Directives(Record):
    """One language of ``Name value`` lines."""

    last_counts: bool
    """Whether the last of several lines of one name is in force; else the first is."""
    folds: bool = True
    """Whether names are the same in small letters and capitals."""
    quotes: bool = False
    """Whether a value may stand in double quotes."""
    compound: tuple[str, ...] = ()
    """Names that need a further word to say what is set, in lower case: rewrite_header."""

    def settings(self, text: str) -> tuple[Setting, ...]:
        """Return every line that is in the file's own terms a setting, in their order."""
        return tuple(self._settings(text))

    def all_of(self, text: str, name: str) -> tuple[Setting, ...]:
        """Return the settings called *name*."""
        return tuple(one for one in self._settings(text) if self._same(one.name, name))

    def in_force(self, text: str, name: str) -> Setting | None:
        """Return which of the settings called *name* counts."""
        found = self.all_of(text, name)
        return found[-1 if self.last_counts else 0] if found else None

    def value(self, text: str, name: str) -> str:
        """Return the value in force, or nothing."""
        found = self.in_force(text, name)
        return found.value if found else ""

    def with_value(self, text: str, name: str, value: str) -> str:
        """Return *text* with *name* at *value*: in place, in a commented line, or at the end."""
        found = self.in_force(text, name)
        if found is not None:
            return self.rewritten(text, found, value)
        example = self._example(text, name, value)
        if example is None:
            return with_lines(text, f"{name} {self._quoted(value)}")
        start, end = example.span("sign")
        shorter = text[:start] + text[end:]
        uncommented = next(
            one
            for one in self._settings(shorter)
            if one.start >= start and self._same(one.name, name)
        )
        return self.rewritten(shorter, uncommented, value)

    def with_line(self, text: str, line: str) -> str:
        """Return *text* with *line*: where it stands as a comment, or at the end."""
        commented = re.compile(rf"^[ \t]*(#[ \t]*)(?={re.escape(line)}[ \t]*\r?$)", re.MULTILINE)
        example = commented.search(text)
        if example is None:
            return with_lines(text, line)
        return text[: example.start(1)] + text[example.end(1) :]

    def without(self, text: str, name: str) -> str:
        """Return *text* with every line that sets *name* made a comment."""
        for found in reversed(self.all_of(text, name)):
            text = commented_out(text, found.start)
        return text

    def _settings(self, text: str) -> Iterator[Setting]:
        for match in _LINE.finditer(text):
            yield self._setting(text, match)

    def _setting(self, text: str, match: re.Match[str]) -> Setting:
        name, rest = match["name"], match["rest"] or ""
        start = match.start("rest") if match["rest"] else match.end("name")
        parts = rest.split(None, 1)
        if name.lower() in self.compound and parts:
            name = f"{name} {parts[0]}"
            start += len(rest) - len(parts[1]) if parts[1:] else len(parts[0])
            rest = parts[1] if parts[1:] else ""
        rest = self._bare(rest)
        quoted = self.quotes and len(rest) > 1 and rest[0] == rest[-1] == '"'
        value = rest[1:-1] if quoted else rest
        return Setting(name, value, line_at(text, match.start("name")), start, start + len(rest))

    def _bare(self, rest: str) -> str:
        """Return *rest* without the comment behind it."""
        if self.quotes and rest.startswith('"') and rest.find('"', 1) > 0:
            return rest[: rest.find('"', 1) + 1]
        return "" if rest.startswith("#") else _COMMENT.sub("", rest).rstrip(" \t")

    def rewritten(self, text: str, found: Setting, value: str) -> str:
        """Return *text* with *found* at *value*, in quotes where it stood in quotes."""
        was = text[found.start : found.end]
        new = f'"{value}"' if was.startswith('"') and self.quotes else self._quoted(value)
        gap = "" if text[found.start - 1 : found.start] in {" ", "\t"} else " "
        return text[: found.start] + gap + new + text[found.end :]

    def _quoted(self, value: str) -> str:
        return f'"{value}"' if self.quotes and value[:1] == '"' else value

    def _same(self, one: str, other: str) -> bool:
        return one.lower() == other.lower() if self.folds else one == other

    def _example(self, text: str, name: str, value: str) -> re.Match[str] | None:
        """Return the commented line to set *name* in: one with this value, or the first.

        Prose that begins with the name has more words than the value wanted.
        """
        found: list[tuple[bool, re.Match[str]]] = []
        for match in _EXAMPLE.finditer(text):
            setting = self._setting(text, match)
            words = len(setting.value.split())
            if self._same(setting.name, name) and 0 < words <= max(1, len(value.split())):
                found.append((setting.value != value, match))
        return min(found, key=lambda one: one[0])[1] if found else None


CLAMAV = Directives(last_counts=False, folds=False, quotes=True)
"""clamd.conf, freshclam.conf and clamav-milter.conf: the first line of a name counts.

A comment behind a value is one since clamav 1.5; before, it is part of the value.
"""

OPENDKIM = Directives(last_counts=True)

SPAMASSASSIN = Directives(last_counts=True, compound=("rewrite_header",))
