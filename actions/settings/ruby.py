"""milter-manager's configuration: its define_milter blocks, and settings outside of them.

It is Ruby. It is read here as far as an operator writes it by hand: a block by block, a setting
by line. What a block comes to only milter-manager can tell (``--show-config``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.record import Record
from actions.settings.text import Setting, line_at, line_end, with_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENED = re.compile(
    r"^(?P<indent>[ \t]*)define_milter[ \t]*\(?[ \t]*(?P<quote>[\"'])(?P<name>[^\"'\n]*)(?P=quote)"
    r"[ \t]*\)?[ \t]*(?:do|\{)[ \t]*\|[ \t]*(?P<variable>\w+)[ \t]*\|[ \t]*(?:#.*)?\r?$",
    re.MULTILINE,
)
_LITERAL = re.compile(
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|true|false|nil|[0-9][0-9_.]*(?![\w.])"
)
_SET_ASIDE = re.compile(r"^=begin\b.*?^=end\b[^\n]*$", re.MULTILINE | re.DOTALL)
_DATA = re.compile(r"^__END__\r?$", re.MULTILINE)


class Block(Record):
    """One define_milter."""

    name: str
    variable: str
    """What the milter is called in it."""
    line: int
    indent: str
    settings: tuple[Setting, ...]
    """Those whose value is a literal: a string, true, false, nil or a number."""
    end: int
    """Where the line begins that closes it."""


def blocks(text: str) -> tuple[Block, ...]:
    """Return the define_milter blocks in their order; one that is not closed is left out."""
    return tuple(_blocks(text))


def value(text: str, milter: str, name: str) -> str:
    """Return what the last literal sets *name* of *milter* to, nil as "", or nothing."""
    found = setting(text, milter, name)
    return found.value if found else ""


def setting(text: str, milter: str, name: str) -> Setting | None:
    """Return the last literal that *name* of *milter* is set to."""
    found = (one for block in blocks(text) if block.name == milter for one in block.settings)
    return next((one for one in reversed(tuple(found)) if one.name == name), None)


def with_value(text: str, milter: str, name: str, value: str | bool) -> str:  # noqa: FBT001
    """Return *text* with *name* of *milter* at *value*, a string or true or false.

    It is changed where a literal sets it, else added at the end of the milter's last block,
    else in a block of its own at the end.
    """
    literal = _literal(value)
    found = setting(text, milter, name)
    mine = [block for block in blocks(text) if block.name == milter]
    if found is not None and mine and found in mine[-1].settings:
        return text[: found.start] + literal + text[found.end :]
    if mine:
        block = mine[-1]
        line = f"{block.indent}  {block.variable}.{name} = {literal}"
        return with_lines(text, line, at=block.end)
    lines = (
        f"define_milter({_literal(milter)}) do |milter|",
        f"  milter.{name} = {literal}",
        "end",
    )
    data = _DATA.search(text)
    return with_lines(text, *lines, at=data.start() if data else None)


def top_setting(text: str, name: str) -> Setting | None:
    """Return the last literal that *name*, such as "manager.unix_socket_mode", is set to."""
    data = _DATA.search(text)
    limit = data.start() if data else len(text)
    aside = [match.span() for match in _SET_ASIDE.finditer(text)]
    pattern = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*=(?!=)[ \t]*", re.MULTILINE)
    found = None
    for match in pattern.finditer(text, 0, limit):
        literal = _literal_at(text, match.end())
        if literal and not any(start <= match.start() < end for start, end in aside):
            line = line_at(text, match.start())
            found = Setting(name, _plain(literal[0]), line, literal.start(), literal.end())
    return found


def with_top_value(text: str, name: str, value: str) -> str:
    """Return *text* with *name* at the number *value*, in place or in a line at the end."""
    found = top_setting(text, name)
    if found is not None:
        return text[: found.start] + value + text[found.end :]
    data = _DATA.search(text)
    return with_lines(text, f"{name} = {value}", at=data.start() if data else None)


def loads(text: str, file: str) -> bool:
    """Return whether a line loads *file*, such as "milter-manager.local.conf"."""
    pattern = rf"^[ \t]*load(?:_if_exist)?[ \t]*\(?[ \t]*[\"'](?:[^\"'\n]*/)?{re.escape(file)}[\"']"
    return re.compile(pattern, re.MULTILINE).search(text) is not None


def _blocks(text: str) -> Iterator[Block]:
    data = _DATA.search(text)
    limit = data.start() if data else len(text)
    aside = [match.span() for match in _SET_ASIDE.finditer(text)]
    for match in _OPENED.finditer(text, 0, limit):
        if any(start <= match.start() < end for start, end in aside):
            continue
        closing = re.compile(rf"^{match['indent']}(?:end\b|\}})", re.MULTILINE)
        closed = closing.search(text, match.end(), limit)
        if closed:
            inside = tuple(_settings(text, match.end(), closed.start(), match["variable"]))
            yield Block(
                match["name"],
                match["variable"],
                line_at(text, match.start("name")),
                match["indent"],
                inside,
                closed.start(),
            )


def _settings(text: str, start: int, end: int, variable: str) -> Iterator[Setting]:
    pattern = re.compile(rf"^[ \t]*{variable}\.(?P<name>\w+)[ \t]*=(?!=)[ \t]*", re.MULTILINE)
    for match in pattern.finditer(text, start, end):
        literal = _literal_at(text, match.end())
        if literal:
            yield Setting(
                match["name"],
                _plain(literal[0]),
                line_at(text, match.start("name")),
                literal.start(),
                literal.end(),
            )


def _literal_at(text: str, at: int) -> re.Match[str] | None:
    """Return the literal at *at*, where nothing but a comment follows it in its line."""
    literal = _LITERAL.match(text, at)
    if literal and text[literal.end() : line_end(text, literal.end())].strip()[:1] in {"", "#"}:
        return literal
    return None


def _plain(literal: str) -> str:
    if literal[0] in {'"', "'"}:
        return re.sub(r"\\(.)", r"\1", literal[1:-1])
    return "" if literal == "nil" else literal


def _literal(value: str | bool) -> str:  # noqa: FBT001 - it is the value
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + re.sub(r'(["\\#])', r"\\\1", value) + '"'
