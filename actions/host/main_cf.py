"""The lines of Postfix's main.cf and master.cf: where each setting stands (postconf(5)).

What the settings come to is Postfix's own to say; here is only where they are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class Logical(Record):
    """One logical line: it goes on where a line begins with a blank."""

    pieces: tuple[tuple[int, str], ...]
    """The number of each physical line, from 1, and its text; comments are left out."""

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.pieces[0][0]

    @property
    def text(self) -> str:
        """All of it as one line."""
        return " ".join(text.strip() for _, text in self.pieces)

    def line_of(self, words: str) -> int:
        """Return the physical line that has *words*, or the first."""
        return next((number for number, text in self.pieces if words in text), self.line)


class Entry(Record):
    """One setting of main.cf as it is written."""

    name: str
    value: str
    where: Logical


def logical_lines(text: str) -> Iterator[Logical]:
    """Yield the logical lines of *text*."""
    pieces: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace() and pieces:
            yield Logical(tuple(pieces))
            pieces = []
        pieces.append((number, line))
    if pieces:
        yield Logical(tuple(pieces))


def entries(text: str) -> tuple[Entry, ...]:
    """Return the settings of *text*, a main.cf, in their order; the last of a name counts."""
    found = []
    for line in logical_lines(text):
        name, equals, value = line.text.partition("=")
        if equals:
            found.append(Entry(name.strip(), value.strip(), line))
    return tuple(found)


def entry_of(text: str, name: str) -> Entry | None:
    """Return the setting *name* of a main.cf as it is in force, or None where it is not there."""
    return next((one for one in reversed(entries(text)) if one.name == name), None)


def service_line(text: str, name: str, kind: str) -> Logical | None:
    """Return where service *name* of type *kind* stands in *text*, a master.cf."""
    return next((one for one in logical_lines(text) if one.text.split()[:2] == [name, kind]), None)


def override_line(where: Logical, setting: str) -> int:
    """Return the physical line of a service with its ``-o`` for *setting*, or its first."""
    import re

    pattern = re.compile(rf"(?:^|[\s{{]|-o){re.escape(setting)}\s*=")
    return next((number for number, text in where.pieces if pattern.search(text)), where.line)


def in_its_place(before: bytes, after: bytes, name: str, kind: str) -> bytes:
    """Return master.cf with one service as it is in *after*, and all else as in *before*.

    postconf puts a service that it edits below the comments that followed it, which mostly are
    about the next one.
    """
    old, new = (text.decode("utf-8", "surrogateescape") for text in (before, after))
    was, is_now = service_line(old, name, kind), service_line(new, name, kind)
    if was is None or is_now is None:
        return after
    lines = old.split("\n")
    for number, _ in reversed(was.pieces[1:]):
        del lines[number - 1]
    lines[was.line - 1 : was.line] = [text for _, text in is_now.pieces]
    return "\n".join(lines).encode("utf-8", "surrogateescape")
