"""The edits of postconf(1), for the lab's main.cf and master.cf: nothing else moves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.main_cf import Logical, entries, override_line, service_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import PostfixEdit, PostfixFile


def edited(files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
    """Return what main.cf or master.cf becomes by *edit*; see `actions.host.ports.Postfix`.

    Raises:
        HostError: *argument* names nothing that is there.
    """
    name: PostfixFile = "main.cf" if edit in {"-e", "-#"} else "master.cf"
    text = files[name].decode("utf-8", "surrogateescape")
    if edit == "-e":
        after = _set(text, *_pair(argument))
    elif edit == "-#":
        after = _commented(text, argument)
    else:
        after = _in_master(text, edit, argument)
    return after.encode("utf-8", "surrogateescape")


def _set(text: str, name: str, value: str) -> str:
    """Set *name*, wherever it stands, or add it at the end."""
    lines = text.split("\n")
    found = [entry for entry in entries(text) if entry.name == name]
    for entry in reversed(found):
        for number, _ in reversed(entry.where.pieces[1:]):
            del lines[number - 1]
        lines[entry.where.line - 1] = f"{name} = {value}"
    if found:
        return "\n".join(lines)
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}{name} = {value}\n"


def _commented(text: str, name: str) -> str:
    lines = text.split("\n")
    for entry in entries(text):
        if entry.name == name:
            for number, line in entry.where.pieces:
                lines[number - 1] = f"#{line}"
    return "\n".join(lines)


def _in_master(text: str, edit: str, argument: str) -> str:
    path, value = _pair(argument) if edit != "-PX" else (argument, "")
    service, kind, name = (*path.split("/", 2), "", "")[:3]
    where = service_line(text, service, kind)
    if where is None:
        raise HostError(f"master.cf has no service {service}/{kind}")
    lines = text.split("\n")
    if edit == "-F":
        lines[where.line - 1] = _with_field(where, name, value)
        return "\n".join(lines)
    at = override_line(where, name) - 1
    own = re.escape(name)
    written = re.compile(rf"(?P<gap>\s*)-o\s*(?:\{{\s*{own}\s*=[^}}]*\}}|{own}=\S*)")
    if edit == "-PX":
        lines[at] = written.sub("", lines[at])
        return "\n".join(line for n, line in enumerate(lines) if n != at or line.strip())
    if written.search(lines[at]):
        lines[at] = written.sub(lambda found: f"{found['gap']}-o {name}={value}", lines[at])
    else:
        lines.insert(where.pieces[-1][0], f"    -o {name}={value}")
    return "\n".join(lines)


_FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit")


def _with_field(where: Logical, field: str, value: str) -> str:
    if field not in _FIELDS:
        raise HostError(f"master.cf has no field {field!r}")
    words = re.split(r"(\s+)", where.pieces[0][1])
    words[2 * _FIELDS.index(field)] = value
    return "".join(words)


def _pair(argument: str) -> tuple[str, str]:
    name, _, value = argument.partition("=")
    return name.strip(), value.strip()
