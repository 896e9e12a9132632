"""Files of shell variables: /etc/default, /etc/sysconfig and systemd's EnvironmentFile.

They are read as a shell reads assignments; nothing is run. A line that is no assignment, such
as a command or a test, is passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.record import Record
from actions.settings.text import Setting, line_at, with_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?==)")
_DECLARING = re.compile(r"(?:export|readonly|declare|typeset|local)[ \t]+(?:-\w+[ \t]+)*")
_REFERENCE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::?-(?P<usual>[^}]*))?\}|(?P<plain>\w+))"
)
_BLANKS = re.compile(r"(?:[ \t]|\\\r?\n)*")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]*\Z")
_ENDS = frozenset("\n\r;&|()<>")


class _Assignment(Record):
    name: str
    start: int
    """Of the word."""
    end: int


def settings(text: str) -> tuple[Setting, ...]:
    """Return every assignment; values have the variables set above put in for their names."""
    values: dict[str, str] = {}
    found: list[Setting] = []
    for one in _assignments(text):
        value = _value(text[one.start : one.end], values)
        values[one.name] = value
        found.append(Setting(one.name, value, line_at(text, one.start), one.start, one.end))
    return tuple(found)


def in_force(text: str, name: str) -> Setting | None:
    """Return the last assignment to *name*."""
    return next((one for one in reversed(settings(text)) if one.name == name), None)


def value(text: str, name: str) -> str:
    """Return what *name* comes to, or nothing."""
    found = in_force(text, name)
    return found.value if found else ""


def with_value(text: str, name: str, value: str) -> str:
    """Return *text* with *name* at *value*: in place, in a commented line, or at the end."""
    found = in_force(text, name)
    if found is not None:
        word = _word(value, like=text[found.start : found.end])
        return text[: found.start] + word + text[found.end :]
    example = _example(text, name, lambda _word: True)
    if example is None:
        return with_lines(text, f"{name}={_word(value, like=chr(34))}")
    uncommented = text[: example.start("sign")] + text[example.end("sign") :]
    return with_value(uncommented, name, value)


def with_more(text: str, name: str, more: str) -> str:
    """Return *text* with the words *more* added to the value of *name*, at its end.

    A commented line that adds just them (``#OPTIONS="${OPTIONS} -m"``) is put in force. No
    character of *more* may need quoting.
    """
    found = in_force(text, name)
    if found is None:
        return with_value(text, name, more)
    adds = re.compile(rf"\"\$(?:\{{{name}\}}|{name}) {re.escape(more)}\"\Z")
    example = _example(text, name, lambda word: adds.match(word) is not None)
    if example is not None:
        after = text[: example.start("sign")] + text[example.end("sign") :]
        # A later assignment may add to it as well, or set it anew.
        if sorted(value(after, name).split()) == sorted([*found.value.split(), *more.split()]):
            return after
    word = text[found.start : found.end]
    gap = " " if found.value else ""
    changed = f'{word}"{gap}{more}"'
    if _is_bare(word):
        changed = _word(found.value + gap + more, like='"')
    elif word[-1:] in {'"', "'"} and _closes(word):
        changed = word[:-1] + gap + more + word[-1]
    return text[: found.start] + changed + text[found.end :]


def without(text: str, name: str) -> str:
    """Return *text* with every assignment to *name* made a comment; raises `ValueError`.

    It is refused where one shares its lines with something else.
    """
    from actions.settings.text import commented_out, line_end, line_start

    for one in reversed([one for one in settings(text) if one.name == name]):
        at, end = line_start(text, one.start), line_end(text, one.start)
        alone = text[at : one.start].strip() in {f"{name}=", f"export {name}="}
        if not alone or one.end > end or text[one.end : end].strip()[:1] not in {"", "#"}:
            raise ValueError(f"{name} shares its line with something else")
        text = commented_out(text, at)
    return text


def words(value: str) -> tuple[str, ...]:
    """Return *value* as the words of a command line; what can't be told apart is one word."""
    import shlex

    try:
        return tuple(shlex.split(value))
    except ValueError:
        return tuple(value.split())


def _assignments(text: str) -> Iterator[_Assignment]:
    at = 0
    while at < len(text):
        at, found, is_command = _statement(text, at)
        if not is_command:
            yield from found


def _statement(text: str, at: int) -> tuple[int, list[_Assignment], bool]:
    """Read up to the end of a statement; assignments before a command are for that alone."""
    found: list[_Assignment] = []
    blanks = _BLANKS.match(text, at)
    at = blanks.end() if blanks else at
    declaring = _DECLARING.match(text, at)
    at = declaring.end() if declaring else at
    is_command = False
    while at < len(text):
        blanks = _BLANKS.match(text, at)
        at = blanks.end() if blanks else at
        char = text[at : at + 1]
        if char in _ENDS or not char:
            return at + 1, found, is_command
        if char == "#":
            end = text.find("\n", at)
            return (len(text) if end < 0 else end + 1), found, is_command
        name = None if is_command else _NAME.match(text, at)
        if name is None:
            # "export NAME" alone sets nothing, and takes nothing back.
            is_command = is_command or declaring is None
            at = max(_word_end(text, at), at + 1)
            continue
        end = _word_end(text, name.end() + 1)
        found.append(_Assignment(name[0], name.end() + 1, end))
        at = end
    return at, found, is_command


def _word_end(text: str, at: int) -> int:
    """Return where the word ends that begins at *at*."""
    quote = ""
    while at < len(text):
        char = text[at]
        if quote == "'":
            quote = "" if char == "'" else quote
        elif char == "\\":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in " \t" or char in _ENDS:
            return at
        at += 1
    return min(at, len(text))


def _value(word: str, values: dict[str, str]) -> str:
    """Return what the shell makes of *word*."""
    out: list[str] = []
    at, quote = 0, ""
    while at < len(word):
        char = word[at]
        if quote == "'":
            out.append("" if char == "'" else char)
            quote = "" if char == "'" else quote
        elif char == "\\" and at + 1 < len(word):
            escaped = word[at + 1]
            kept = quote and escaped not in '"\\$`\n'
            out.append("" if escaped == "\n" else ("\\" if kept else "") + escaped)
            at += 1
        elif char == '"' or (char == "'" and not quote):
            quote = "" if quote else char
        elif char == "$" and (reference := _REFERENCE.match(word, at)):
            name = reference["braced"] or reference["plain"]
            out.append(values.get(name, "") or reference["usual"] or "")
            at = reference.end() - 1
        else:
            out.append(char)
        at += 1
    return "".join(out)


def _word(value: str, like: str) -> str:
    """Return *value* as a word, quoted as *like* is."""
    quote = like[:1]
    if quote not in {'"', "'"} and _PLAIN.match(value) and value:
        return value
    if quote == "'" and "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'


def _closes(word: str) -> bool:
    """Return whether the last character of *word* closes a quote, and none is open behind."""
    return _word_end(word + " ", 0) == len(word) and (
        len(word) > 1 and not (len(word) - len(word[:-1].rstrip("\\")) - 1) % 2
    )


def _is_bare(word: str) -> bool:
    return _PLAIN.match(word) is not None


def _example(text: str, name: str, fits: Callable[[str], bool]) -> re.Match[str] | None:
    """Return the first commented assignment to *name* that *fits*, if any."""
    pattern = rf"^[ \t]*(?P<sign>#[ \t]?)(?:export[ \t]+)?{name}=(?P<word>[^\r\n]*)"
    for match in re.compile(pattern, re.MULTILINE).finditer(text):
        word = match["word"]
        # It stands on one line, whole, with nothing behind it but a comment.
        end = _word_end(word + " ", 0)
        if end <= len(word) and word[end:].lstrip()[:1] in {"", "#"} and fits(word[:end]):
            return match
    return None
