"""milter-greylist's greylist.conf: statements of words, as greylist.conf(5) describes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.record import Record
from actions.settings.text import line_at, line_end, line_start, with_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCESS_LISTS = ("racl", "acl", "dacl")

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+)
    |(?P<continued>\\[^\n]*\n?)     # whatever stands behind the backslash is ignored
    |(?P<comment>\#[^\n]*)
    |(?P<end>\n)
    |(?P<word>"(?:\\.|[^"\\\n])*"
      |/\d{1,3}(?=[\s}\\]|\Z)       # a net mask, which would else begin an expression
      |/(?:\\.|[^/\\\n])*/[a-z]*
      |[{}]
      |[^\s"{}\\]+)
    |(?P<other>.)""",
    re.VERBOSE,
)


class Word(Record):
    """One word of a statement."""

    text: str
    """Without quotes."""
    start: int
    end: int


class Statement(Record):
    """One statement, over as many lines as its continuations make it."""

    words: tuple[Word, ...]
    line: int

    @property
    def name(self) -> str:
        """Its first word, in lower case; some may have a colon behind them."""
        return self.words[0].text.lower().rstrip(":")

    @property
    def texts(self) -> tuple[str, ...]:
        """Its words without quotes."""
        return tuple(word.text for word in self.words)

    def argument(self, index: int) -> str:
        """Return the word behind the name at *index*, from 1, or nothing."""
        return self.words[index].text if len(self.words) > index else ""


def statements(text: str) -> tuple[Statement, ...]:
    """Return the statements in their order."""
    return tuple(_statements(text))


def in_force(text: str, name: str) -> Statement | None:
    """Return the last statement called *name*."""
    return next((one for one in reversed(statements(text)) if one.name == name), None)


def value(text: str, name: str) -> str:
    """Return the first argument of the last statement called *name*, or nothing."""
    found = in_force(text, name)
    return found.argument(1) if found else ""


def with_value(text: str, name: str, value: str, index: int = 1) -> str:
    """Return *text* with the argument *index* of *name* at *value*.

    Where no statement sets it, a commented one is put in force, or a line is added before the
    access lists. A statement with fewer arguments gets one more.
    """
    found = in_force(text, name)
    if found is not None:
        return _with_word(text, found, index, value)
    example = _example(text, name)
    if example is not None:
        shorter = text[: example.start("sign")] + text[example.end("sign") :]
        # Where the line before goes on in it, the commented line is none of its own.
        if in_force(shorter, name) is not None:
            return with_value(shorter, name, value, index)
    lists = next((one for one in statements(text) if one.name in ACCESS_LISTS), None)
    return with_statements(text, f"{name} {value}", before=lists)


def with_statements(text: str, *lines: str, before: Statement | None) -> str:
    """Return *text* with *lines* before the statement *before*, or at the end."""
    if before:
        return with_lines(text, *lines, at=before.words[0].start)
    # A last line that goes on would take the first of them in.
    goes_on = next((_goes_on(text, one) for one in statements(text)[-1:]), False)
    return with_lines(text, *([""] if goes_on else []), *lines)


def without(text: str, statement: Statement) -> str:
    """Return *text* with every line of *statement* made a comment."""
    at = line_start(text, statement.words[0].start)
    end = line_end(text, statement.words[-1].end)
    lines = text[at:end].split("\n")
    return text[:at] + "\n".join("#" + line for line in lines) + text[end:]


def _with_word(text: str, statement: Statement, index: int, value: str) -> str:
    if len(statement.words) <= index:
        end = statement.words[-1].end
        return f"{text[:end]} {value}{text[end:]}"
    word = statement.words[index]
    quoted = text[word.start] == '"'
    return text[: word.start] + (f'"{value}"' if quoted else value) + text[word.end :]


def _goes_on(text: str, last: Statement) -> bool:
    """Return whether the *last* statement would take in a line added at the end."""
    matches = (match for match in _TOKEN.finditer(text, last.words[-1].end) if not match["blank"])
    behind = next(matches, None)
    return behind is not None and behind["continued"] is not None


def _statements(text: str) -> Iterator[Statement]:
    words: list[Word] = []
    for match in _TOKEN.finditer(text):
        if match["word"] or match["other"]:
            written = match[0]
            plain = written[1:-1] if written[0] == '"' and len(written) > 1 else written
            words.append(Word(plain, match.start(), match.end()))
        elif match["end"] and words:
            yield Statement(tuple(words), line_at(text, words[0].start))
            words = []
    if words:
        yield Statement(tuple(words), line_at(text, words[0].start))


def _example(text: str, name: str) -> re.Match[str] | None:
    pattern = rf"^[ \t]*(?P<sign>#[ \t]?){name}:?[ \t]+(?:\"[^\"\n]*\"|\S+)[ \t\r]*$"
    return re.compile(pattern, re.MULTILINE | re.IGNORECASE).search(text)
