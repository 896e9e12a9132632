"""The command line of an action, made from its declaration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.action import Action, Parameter

FORMATS = ("text", "json", "nagios")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise ActionError(message, Exit.USAGE, f"see {self.prog} --help")


def parser(action: Action) -> argparse.ArgumentParser:
    """Return the parser of *action*'s own options and of those that every action has."""
    made = _Parser(
        prog=f"console run {action.name}",
        description=f"{action.summary}\n\n{action.description}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    groups = {"": made.add_argument_group("what is asked")}
    for parameter in action.parameters:
        name = parameter.option.group
        if name not in groups:
            groups[name] = made.add_argument_group(name)
        _add(groups[name], parameter)
    _add_common(made, action)
    return made


def arguments(action: Action, parsed: argparse.Namespace) -> dict[str, object]:
    """Return what was parsed as the keyword arguments of *action*."""
    given: dict[str, object] = {}
    for parameter in action.parameters:
        value = getattr(parsed, parameter.name)
        given[parameter.name] = tuple(value) if parameter.shape == "list" else value
    return given


def command_line(action: Action, given: dict[str, object]) -> list[str]:
    """Return the arguments that `parser` would read as *given*."""
    line: list[str] = []
    for parameter in action.parameters:
        value = given.get(parameter.name, parameter.default)
        if value == parameter.default:
            continue
        if parameter.shape == "switch":
            line.append(parameter.flag)
        elif isinstance(value, (tuple, list)):
            line += [f"{parameter.flag}={part}" for part in value]
        else:
            line.append(f"{parameter.flag}={value}")
    return line


def _add(group: argparse._ArgumentGroup, parameter: Parameter) -> None:
    option = parameter.option
    names = sorted({parameter.flag, *option.flags}, key=len)
    text = option.help.replace("%", "%%")
    if parameter.shape == "switch":
        group.add_argument(*names, dest=parameter.name, action="store_true", help=text)
        return
    if parameter.default not in (None, "", ()):
        text += f" (default: {parameter.default})"
    kinds = {"number": int, "seconds": float}
    group.add_argument(
        *names,
        dest=parameter.name,
        action="append" if parameter.shape == "list" else "store",
        type=kinds.get(parameter.shape, str),
        default=[] if parameter.shape == "list" else parameter.default,
        required=parameter.required,
        choices=option.choices or None,
        metavar=_metavar(parameter),
        help=text,
    )


def _metavar(parameter: Parameter) -> str | None:
    if parameter.option.choices:
        return None
    shown = {"number": "N", "seconds": "SECONDS"}.get(parameter.shape, "TEXT")
    return parameter.option.metavar or shown


def _add_common(made: argparse.ArgumentParser, action: Action) -> None:
    common = made.add_argument_group("options of every action")
    common.add_argument("--lab", metavar="FOLDER", help="work on the lab that runs in FOLDER")
    common.add_argument("--json", action="store_true", help="the same as --format json")
    common.add_argument("--format", choices=FORMATS, default="text", help="how to print it")
    common.add_argument("--read-only", action="store_true", help="refuse every change")
    common.add_argument("--version", action="store_true", help="print the version and exit")
    common.add_argument("--help", action="help", help="show this help and exit")
    if action.kind == "plan":
        common.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
        common.add_argument("--yes", action="store_true", help="apply without asking")
        common.add_argument("--confirm-digest", metavar="DIGEST", help=argparse.SUPPRESS)


def options_of(action: Action) -> Sequence[str]:
    """Return every option that *action* takes, for completion."""
    return tuple(
        name
        for one in parser(action)._actions  # noqa: SLF001  (argparse offers no other list)
        if one.help != argparse.SUPPRESS
        for name in one.option_strings
    )
