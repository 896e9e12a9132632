"""One message of the queue, as postcat(1) tells it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.errors import HostError
from actions.host.queue import is_queue_id, program
from actions.queue.folders import look_into
from actions.queue.listing import message_of, read
from actions.queue.report import MessageReport

if TYPE_CHECKING:
    from actions.action import Context
    from actions.host.queue import Queued

BODY_LIMIT = 256 * 1024
"""Characters of a body that are shown."""

_ENVELOPE = "*** ENVELOPE RECORDS "
_CONTENTS = "*** MESSAGE CONTENTS "
_EXTRACTED = "*** HEADER EXTRACTED "
_END = "*** MESSAGE FILE END "


class _Enough(Exception):
    """No more of the body is wanted."""


class _Parts:
    """Takes postcat's lines apart: envelope, headers, body.

    A line of the message can look like one of postcat's own marks; such a line only counts
    where the mark is for this very file.
    """

    def __init__(self) -> None:
        self.envelope: list[tuple[str, str]] = []
        self.headers: list[tuple[str, str]] = []
        self.body: list[str] = []
        self.cut = False
        self._name = ""
        self._part = ""
        self._room = BODY_LIMIT

    def take(self, line: str) -> None:
        """Take one line."""
        if self._moves_on(line):
            return
        if self._part == "envelope":
            name, _, value = line.partition(": ")
            self.envelope.append((name.rstrip(":"), value.strip()))
        elif self._part == "headers":
            self._header(line)
        elif self._part == "body":
            self._room -= len(line) + 1
            if self._room < 0:
                self.cut = True
                raise _Enough
            self.body.append(line)

    def _moves_on(self, line: str) -> bool:
        if not self._part and line.startswith(_ENVELOPE):
            self._name = line.removeprefix(_ENVELOPE)
            self._part = "envelope"
        elif line == _CONTENTS + self._name and self._part == "envelope":
            self._part = "headers"
        elif line == _EXTRACTED + self._name or line == _END + self._name:
            self._part = "end"
        else:
            return False
        return True

    def _header(self, line: str) -> None:
        if not line:
            self._part = "body"
        elif line[0] in " \t" and self.headers:
            name, value = self.headers[-1]
            self.headers[-1] = (name, f"{value}\n{line}")
        else:
            name, colon, value = line.partition(":")
            self.headers.append((name, value.strip()) if colon else ("", line))


def show_message(ctx: Context, queue_id: str, *, body: bool) -> MessageReport:
    """Return what the queue has under *queue_id*, with the text of the message where asked for.

    Raises:
        ActionError: there is no such message, or only root may read it.
    """
    if not is_queue_id(queue_id):
        raise ActionError(f"{queue_id!r} is no queue id", Exit.USAGE, "see queue.list")
    found: list[Queued] = []
    read(ctx, lambda one: found.append(one) if one.queue_id == queue_id else None)
    if not found:
        raise ActionError(
            f"{queue_id} is not in the queue",
            Exit.PROBLEM,
            "delivered or deleted meanwhile? see queue.list, or the mail log",
        )
    parts = _read_parts(ctx, queue_id, "-ebhq" if body else "-ehq")
    message = message_of(found[0], look_into(ctx))
    # postcat adds an empty line where it shows what follows the message, too.
    text = "\n".join(parts.body).rstrip("\n") if body else None
    return MessageReport(
        message, time.time(), tuple(parts.envelope), tuple(parts.headers), text, parts.cut
    )


def _read_parts(ctx: Context, queue_id: str, what: str) -> _Parts:
    parts = _Parts()
    begun: list[str] = []

    def take(piece: str) -> None:
        ctx.check()
        begun.append(piece)
        # A carriage return in a mail ends no line: a header behind it would be a forged one.
        if not piece.endswith("\r"):
            parts.take("".join(begun))
            begun.clear()

    argv = [program(ctx.host, "postcat"), what, queue_id]
    try:
        ended = ctx.host.commands.stream(argv, take, timeout=60.0)
    except _Enough:
        return parts
    if not ended.exit_code:
        return parts
    told = ended.stderr.strip()
    if "ermission denied" in told or "superuser" in told:
        raise ActionError(
            f"{queue_id} can't be read: only root may read mail in the queue",
            Exit.NOT_PERMITTED,
            "run it as root",
        )
    if "No such file" in told:
        raise ActionError(f"{queue_id} has just left the queue", Exit.PROBLEM, "see queue.list")
    raise HostError(f"{queue_id} can't be read: {told}")
