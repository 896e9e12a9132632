"""A change of a file as the shell command an operator would type."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actions.host.kept import Kept


def file_command(path: str, before: Kept | None, after: Kept | None) -> str:
    """Return the command that takes *path* from *before* to *after*."""
    quoted = shlex.quote(path)
    if after is None:
        return f"rm {quoted}"
    if before is None:
        owner = f"-o {after.uid} -g {after.gid} -m {after.mode:04o}"
        return _fed(f"install {owner} /dev/stdin {quoted}", after.content)
    if _text(before.content) is None or _text(after.content) is None:
        return _fed(f"dd status=none of={quoted}", after.content)
    difference = _difference(before.content.decode(), after.content.decode())
    return _fed(f"patch --binary {quoted}", difference.encode())


def _text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _fed(command: str, content: bytes) -> str:
    """Return *command* with *content* on its standard input."""
    text = _text(content)
    if text is None or (text and not text.endswith("\n")):
        import base64

        encoded = base64.encodebytes(content).decode("ascii")
        return f"base64 -d <<'EOF' | {command}\n{encoded}EOF"
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
