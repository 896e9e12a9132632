"""A change of a file as the shell command an operator would type."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actions.host.kept import Kept


def file_command(path: str, before: Kept | None, after: Kept | None) -> str:
    """Return the command that takes *path* from *before* to *after*.

    What is no text is not shown: it is a comment then, with the size.
    """
    quoted = shlex.quote(path)
    if after is None:
        return f"rm {quoted}"
    if text_of(after.content) is None or (before is not None and text_of(before.content) is None):
        doing = "make" if before is None else "replace"
        return f"# {doing} {quoted}: {len(after.content)} bytes, not shown: no text"
    if before is None:
        owner = f"-o {after.uid} -g {after.gid} -m {after.mode:04o}"
        return _fed(f"install {owner} /dev/stdin {quoted}", after.content.decode())
    difference = _difference(before.content.decode(), after.content.decode())
    return _fed(f"patch --binary {quoted}", difference)


def text_of(content: bytes) -> str | None:
    """Return *content* as text, or None where it is none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _fed(command: str, text: str) -> str:
    """Return *command* with *text* on its standard input."""
    if text and not text.endswith("\n"):
        return f"printf %s {shlex.quote(text)} | {command}"
    end = "EOF"
    while end in text.split("\n"):
        end += "F"
    return f"{command} <<'{end}'\n{text}{end}"


def _difference(before: str, after: str) -> str:
    """Return a unified diff as patch(1) reads it."""
    import difflib

    lines = difflib.unified_diff(
        before.split("\n")[:-1] + _rest(before), after.split("\n")[:-1] + _rest(after), lineterm=""
    )
    return "".join(_line(line) for line in lines)


_UNENDED = "\0"
"""Marks a last line without its newline, so that it differs from the same line with one."""


def _rest(text: str) -> list[str]:
    last = text.rpartition("\n")[2]
    return [last + _UNENDED] if last else []


def _line(line: str) -> str:
    if not line.endswith(_UNENDED):
        return line + "\n"
    return line[:-1] + "\n\\ No newline at end of file\n"
