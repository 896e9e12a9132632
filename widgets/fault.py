"""What went wrong, as the operator is told: what happened, and what can be done now."""

from __future__ import annotations

import re
import traceback

from actions.action import ActionError
from actions.host.errors import HostError, NotPermitted
from actions.record import Record
from widgets.ink import said
from widgets.lines import Row

_COMMAND = re.compile(r"\bconsole run ([a-z]+\.[a-z]+)")
_OPTION = re.compile(r"(?<![^\s(])--([a-z]+(?:-[a-z]+)*)\b")


class Fault(Record):
    """One failure of an action."""

    what: str
    next_step: str = ""
    details: str = ""
    """The traceback, where it is a defect of the console itself."""


def fault_of(error: BaseException) -> Fault:
    """Return what the operator is told of *error*."""
    match error:
        case ActionError():
            return Fault(on_screen(str(error)), on_screen(error.next_step))
        case NotPermitted() | PermissionError():
            return Fault(_text(error), "run the console as root")
        case HostError() | OSError():
            return Fault(_text(error))
    return Fault(
        f"a defect of the console: {type(error).__name__}: {error}",
        "please report it with the lines below; the console goes on",
        "".join(traceback.format_exception(error)),
    )


def on_screen(text: str) -> str:
    """Return *text* with fields for options, and actions for commands: there is no shell here."""
    text = _COMMAND.sub(r"Ctrl+P, \1", text)
    return _OPTION.sub(lambda found: found[1].replace("-", " "), text)


def fault_rows(fault: Fault) -> list[Row]:
    """Return *fault* for a view."""
    rows = [Row(said(" ✗ ", "bad"), said(fault.what, "bad"))]
    if fault.next_step:
        rows.append(Row(said("   "), said(fault.next_step)))
    if fault.details:
        rows.append(Row())
        rows += [Row(said("   "), said(line, "dim")) for line in fault.details.splitlines()]
    return rows


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
