"""Dovecot: the ``unix_listener`` of its service auth or lmtp, with user, group and mode.

Its documentation ("Postfix and Dovecot SASL", "LMTP server") has them in conf.d/10-master.conf,
with ``user = postfix`` and ``group = postfix``. Where a file has the listener's block, that is
edited; the last one counts. Else a file of its own is made, read after all others. doveconf
confirms it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.changes import ConfigCheck
from actions.mailhost.roles.mailboxes import CONFIGURATION
from actions.record import Record
from actions.sockets.ways.daemons.opener import Opener, Wish
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.sockets.ways.draft import Draft

_FOLDER = "/etc/dovecot/conf.d"
_OWN = f"{_FOLDER}/99-milter-console-sockets.conf"
_MODE = "0660"
_SERVICES = {"dovecot-auth": "auth", "lmtp": "lmtp"}
"""By what is spoken on a socket: the service of Dovecot's that makes it."""

_LINE = re.compile(r"^[ \t]*(?P<head>[^#\n{}=]*?)[ \t]*(?P<sign>[{}=])[^\n]*$", re.MULTILINE)


class _Listener(Record):
    """One unix_listener block in a file."""

    start: int
    """Where its body begins."""
    end: int
    """Where the line begins that closes it."""
    indent: str


def _opens(draft: Draft, wish: Wish) -> None:
    edge = draft.case.edge
    service = _SERVICES.get(edge.speech, "")
    if not service or draft.text(CONFIGURATION) is None:
        raise Declined(f"which service of Dovecot makes {draft.case.socket} is not known")
    # The group must have it as well where the mode alone was wrong.
    wanted = {"mode": _MODE, "user": _owner(draft), "group": wish.group or wish.has_group}
    name, file = _name_and_file(draft, service)
    if file:
        text = draft.text(file) or ""
        after = _with_settings(text, _listeners(text, service, name)[-1], wanted)
        told = ", ".join(f"{key} = {value}" for key, value in wanted.items())
        draft.edit(file, after, f"{told} of unix_listener {name}")
    else:
        body = "".join(f"    {key} = {value}\n" for key, value in wanted.items())
        block = f"service {service} {{\n  unix_listener {name} {{\n{body}  }}\n}}\n"
        draft.edit(_OWN, (draft.text(_OWN) or "") + block, f"unix_listener {name}")
    draft.check(_check(name, wanted))


def _owner(draft: Draft) -> str:
    """Return to whom the socket is given: to its client, as Dovecot's documentation has it."""
    return draft.case.edge.user


def _name_and_file(draft: Draft, service: str) -> tuple[str, str]:
    """Return how the listener is written, and the file that has its last block; "" for none."""
    socket = draft.case.socket
    names = [socket, draft.case.edge.endpoint.removeprefix("unix:")]
    for file in reversed(tuple(_files(draft))):
        text = draft.text(file) or ""
        for name in names:
            if _listeners(text, service, name):
                return name, file
    return socket, ""


def _files(draft: Draft) -> Iterator[str]:
    """Yield the files in the order in which they are read, as Dovecot's own set includes them."""
    yield CONFIGURATION
    try:
        found = sorted(os.listdir(draft.host.at(_FOLDER)))
    except OSError:
        found = []
    yield from (f"{_FOLDER}/{name}" for name in found if name.endswith(".conf"))
    yield "/etc/dovecot/local.conf"


def _listeners(text: str, service: str, name: str) -> list[_Listener]:
    """Return the blocks of ``unix_listener`` *name* in ``service`` *service*."""
    stack: list[tuple[str, int]] = []
    found = []
    for match in _LINE.finditer(text):
        if match["sign"] == "{":
            stack.append((" ".join(match["head"].replace('"', "").split()), match.end() + 1))
        elif match["sign"] == "}" and stack:
            head, start = stack.pop()
            inside = [one for one, _ in stack]
            if head == f"unix_listener {name}" and inside == [f"service {service}"]:
                line = match[0]
                indent = line[: len(line) - len(line.lstrip())]
                found.append(_Listener(start, match.start(), indent))
    return found


def _with_settings(text: str, where: _Listener, wanted: dict[str, str]) -> str:
    body = text[where.start : where.end]
    for name, value in wanted.items():
        line = re.compile(rf"^([ \t]*{name}[ \t]*=[ \t]*)[^\n#]*?(?=[ \t]*(?:#|$))", re.MULTILINE)
        if line.search(body):
            body = line.sub(rf"\g<1>{value}", body)
        else:
            body += f"{where.indent}  {name} = {value}\n"
    return text[: where.start] + body + text[where.end :]


def _check(name: str, wanted: dict[str, str]) -> ConfigCheck:
    """Return the check that Dovecot reads it so, in whatever file it stands."""
    block = rf"(?ms)^\s*unix_listener \"?{re.escape(name)}\"? \{{"
    return ConfigCheck(
        ("doveconf", "-a"),
        wanted=tuple(
            (f"Dovecot reads another {key} for {name}", rf"{block}[^}}]*^\s*{key} = {value}$")
            for key, value in wanted.items()
        ),
        note="Dovecot reads it so",
    )


DOVECOT = Opener("dovecot", _opens)
