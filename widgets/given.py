"""Arguments of an action as text and back, by its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.action import Action, Parameter


class BadValue(ValueError):
    """A text that is no value of a parameter; says what is wanted."""


def as_text(value: object) -> str:
    """Return *value* as it is typed; several on lines of their own."""
    if value is None:
        return ""
    if isinstance(value, (tuple, list)):
        return "\n".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def from_text(parameter: Parameter, text: str) -> object:
    """Return the value of *parameter* that *text* stands for; empty stands for the default.

    Raises:
        BadValue: it is none, or one is required.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        if parameter.required:
            raise BadValue("is needed")
        return parameter.default
    if parameter.shape == "list":
        return tuple(lines)
    return _single(parameter, text.strip("\r\n"))


def _single(parameter: Parameter, text: str) -> object:
    choices = parameter.option.choices
    if choices and text not in choices:
        raise BadValue(f"is one of {', '.join(choices)}")
    try:
        if parameter.shape == "number":
            return int(text)
        if parameter.shape == "seconds":
            return float(text)
    except ValueError:
        wanted = "a whole number" if parameter.shape == "number" else "a number of seconds"
        raise BadValue(f"is {wanted}") from None
    if parameter.shape == "switch":
        return text.lower() in {"yes", "true", "1"}
    return text


def from_pairs(action: Action, pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return the arguments of *action* out of names and values, such as a remedy's."""
    known = {parameter.name: parameter for parameter in action.parameters}
    given: dict[str, object] = {}
    for name, value in pairs:
        parameter = known[name.replace("-", "_")]
        given[parameter.name] = from_text(parameter, value) if isinstance(value, str) else value
    return given


def missing(action: Action, given: Iterable[str]) -> list[Parameter]:
    """Return the parameters of *action* that are not among *given* and have to be asked for.

    What goes by its place is what an action is about: where nothing is given, it is asked for
    though it is not required.
    """
    names = set(given)
    return [
        one
        for one in action.parameters
        if (one.required or (one.option.positional and not names)) and one.name not in names
    ]
