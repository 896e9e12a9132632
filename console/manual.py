"""The manual page, made from the same declarations as everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.registry import all_actions
from console.version import version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Action, Parameter

_OPENING = r"""
.SH NAME
console \- operator console for mail hosts that run Postfix with milters
.SH SYNOPSIS
.B console
[\-\-read\-only] [\-\-lab FOLDER]
.br
.B console run
[ACTION [OPTION ...]]
.br
.B console lab
[\-\-fault NAME ...] [\-\-serve | run ACTION [OPTION ...]]
.SH DESCRIPTION
Shows how mail flows through this host, tests its milter chain as Postfix would, and mends
what is broken: with a plan shown first, a proof afterwards and an undo. Without arguments it
opens on the terminal;
.B console run
does the same from scripts;
.B console lab
brings an embedded mail host to try it on.
.SH EXIT STATUS
0 fine; 1 a problem was found, or a test failed; 2 wrong usage; 3 not permitted; 4 not
confirmed; 5 the change failed and was rolled back; 6 it could not be decided; 70 a defect of
the console itself. With \-\-format nagios: 0 to 3 as monitoring plugins do.
.SH ENVIRONMENT
.TP
.B MILTER_CONSOLE_LAB
The folder of a running lab to work on instead of this host.
.TP
.B NO_COLOR
Never use colour.
.SH FILES
.TP
.I /var/lib/milter\-console
The journal of applied plans with their backups, for root only.
.SH ACTIONS
"""


def manual() -> str:
    """Return the manual page, in the language of man(7)."""
    head = f'.TH CONSOLE 1 "" "milter-console {version()}" "System administration"'
    body = "\n".join(line for action in all_actions() for line in _action(action))
    return f"{head}{_OPENING}{body}\n"


def _action(action: Action) -> Iterator[str]:
    yield f".SS {_plain(action.name)}"
    yield _plain(action.summary)
    if action.description:
        yield ".PP"
        yield _plain(action.description)
    for parameter in action.parameters:
        yield ".TP"
        yield f".B {_plain(_names(parameter))}"
        yield _plain(parameter.option.help)


def _names(parameter: Parameter) -> str:
    names = ", ".join(parameter.words)
    if parameter.shape == "switch" or parameter.option.positional:
        return names
    choices = "|".join(parameter.option.choices)
    kinds = {"number": "N", "seconds": "SECONDS"}
    return f"{names} {choices or parameter.option.metavar or kinds.get(parameter.shape, 'TEXT')}"


def _plain(text: str) -> str:
    """Return *text* without what troff would take for a command."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in {".", "'"} else line for line in safe.split("\n"))
