"""The command line of an action, made from its declaration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.action import Action, Parameter

FORMATS = ("text", "json", "nagios", "prometheus")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise ActionError(message, Exit.USAGE, f"see {self.prog} --help")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Read *args*; what goes by its place may stand before, between and after options."""
        words = list(args or ())
        if self._get_positional_actions():
            words = self._places_last(words)
        return super().parse_args(words, namespace)

    def _places_last(self, words: list[str]) -> list[str]:
        """Return *words* with all that goes by its place at the end, as argparse can take it."""
        options: list[str] = []
        places: list[str] = []
        while words:
            word = words.pop(0)
            if word == "--":
                places += words
                break
            if word == "-" or not word.startswith("-"):
                places.append(word)
                continue
            options.append(word)
            known = self._option_string_actions.get(word)
            if words and known is not None and known.nargs is None:
                options.append(words.pop(0))
        return [*options, "--", *places] if places else options


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
        if parameter.option.secret:
            from console.secret import read_secret

            value = parameter.default if value is None else read_secret(parameter.flag, value)
        given[parameter.name] = tuple(value) if parameter.shape == "list" else value
    return given


def command_line(action: Action, given: dict[str, object]) -> list[str]:
    """Return the arguments that `parser` would read as *given*, without any secret."""
    line: list[str] = []
    places: list[str] = []
    for parameter in action.parameters:
        value = given.get(parameter.name, parameter.default)
        if value == parameter.default or parameter.option.secret:
            continue
        if parameter.option.positional:
            places += map(str, value) if isinstance(value, (tuple, list)) else [str(value)]
        elif parameter.shape == "switch":
            line.append(parameter.flag)
        elif isinstance(value, (tuple, list)):
            line += [f"{parameter.flag}={part}" for part in value]
        else:
            line.append(f"{parameter.flag}={value}")
    if any(place.startswith("-") for place in places):
        line.append("--")
    return line + places


def _add(group: argparse._ArgumentGroup, parameter: Parameter) -> None:
    option = parameter.option
    text = option.help.replace("%", "%%")
    if option.positional:
        _add_place(group, parameter, text)
        return
    if parameter.shape == "switch":
        group.add_argument(*parameter.words, dest=parameter.name, action="store_true", help=text)
        return
    if option.secret:
        group.add_argument(*parameter.words, dest=parameter.name, type=int, metavar="N", help=text)
        return
    if parameter.default not in (None, "", ()):
        text += f" (default: {parameter.default})"
    kinds = {"number": int, "seconds": float}
    group.add_argument(
        *parameter.words,
        dest=parameter.name,
        action="append" if parameter.shape == "list" else "store",
        type=kinds.get(parameter.shape, str),
        default=[] if parameter.shape == "list" else parameter.default,
        required=parameter.required,
        choices=option.choices or None,
        metavar=_metavar(parameter),
        help=text,
    )


def _add_place(group: argparse._ArgumentGroup, parameter: Parameter, text: str) -> None:
    """Add what goes by its place: one word, or any number of them."""
    several = parameter.shape == "list"
    counts = {True: ("+", None), False: ("*", "?")}[parameter.required]
    group.add_argument(
        parameter.name,
        nargs=counts[0] if several else counts[1],
        default=[] if several else parameter.default,
        metavar=parameter.option.metavar,
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
