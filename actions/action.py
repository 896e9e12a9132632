"""The one declaration of an action, out of which every face of the console is made.

An action is a typed function with a docstring. Its parameters are keyword-only and
``Annotated`` with an `Option`; the command line, help, completion, JSON, palette and forms
read them from here. Declarations stand in light modules and import their bodies when called.
"""

from __future__ import annotations

import time
from enum import IntEnum
from typing import (
    TYPE_CHECKING,
    Literal,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    runtime_checkable,
)

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.host.ports import Host


class Exit(IntEnum):
    """The exit codes of the whole program."""

    FINE = 0
    PROBLEM = 1
    USAGE = 2
    NOT_PERMITTED = 3
    NOT_CONFIRMED = 4
    ROLLED_BACK = 5
    UNDECIDED = 6
    DEFECT = 70


class ActionError(Exception):
    """An action that could not be done.

    Args:
        what: what happened, to what, and why.
        exit_code: the program's exit code for it.
        next_step: what the operator can do now.
    """

    def __init__(self, what: str, exit_code: Exit, next_step: str = "") -> None:
        super().__init__(what)
        self.exit_code = exit_code
        self.next_step = next_step


class Cancelled(Exception):
    """The operator cancelled; nothing is left half done."""


class Cancel(Protocol):
    """A flag that another thread may set; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Return whether the operator has cancelled."""


class Never:
    """The flag of a run that nobody can cancel but by a signal."""

    def is_set(self) -> bool:
        """Return False."""
        return False


@runtime_checkable
class Standing(Protocol):
    """An event that says how far an action has come, until the next one says it."""

    @property
    def standing(self) -> str:
        """The event in one line; a terminal writes it over the one before."""


@runtime_checkable
class Output(Protocol):
    """An event that is a line of a program's own output, which is what is wanted to be seen."""

    @property
    def output(self) -> str:
        """The line, as it was written."""


def nobody_to_ask(prompt: str, flag: str) -> str:
    """Refuse to ask for what *flag* would have given: there is no terminal."""
    what = prompt.strip(" :")
    raise ActionError(
        f"{what}: not given, and there is no terminal to ask for it",
        Exit.USAGE,
        f"give it by a file descriptor: {flag} 3 3< FILE",
    )


class Context(Record):
    """What an action is given besides its parameters."""

    host: Host
    tell: Callable[[object], None] = lambda _: None
    """Takes progress as it happens: a line of text, or an event that the action documents.

    What a terminal is to show of an event is a `Standing` line.
    """
    cancel: Cancel = Never()
    deadline: float = float("inf")
    """On `time.monotonic`, in seconds."""
    ask_secret: Callable[[str, str], str] = nobody_to_ask
    """Asks the operator for a secret: with a prompt, and the flag by which it could be given.

    Raises `ActionError` where nobody can be asked.
    """

    def check(self) -> None:
        """Raise `Cancelled` where the operator cancelled, or `ActionError` past the deadline."""
        if self.cancel.is_set():
            raise Cancelled
        if time.monotonic() > self.deadline:
            raise ActionError("the time allowed for this action is over", Exit.UNDECIDED)


class Report(Protocol):
    """What a look returns: a named tuple with a schema version and an exit code."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document, such as "chain.test/1"."""

    @property
    def exit_code(self) -> int:
        """The program's exit code for this report."""


class Option(Record):
    """How one parameter is asked for; the metadata inside ``Annotated``."""

    help: str
    flags: tuple[str, ...] = ()
    """Further names on the command line, such as "-s" and "--connection-spec"."""
    metavar: str = ""
    group: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False
    """Never shown, logged or taken from argv; the command line takes a file descriptor."""
    positional: bool = False
    """Given on the command line by its place, without a flag; the metavar is its name there."""
    known: str = ""
    """What lists values for completion, as ``module:function``; others are taken too."""


Shape = Literal["text", "number", "seconds", "switch", "list"]


class Parameter(Record):
    """One parameter of an action."""

    name: str
    shape: Shape
    default: object
    required: bool
    option: Option

    @property
    def flag(self) -> str:
        """Its long name on the command line, where it has one."""
        return "--" + self.name.replace("_", "-") + ("-fd" if self.option.secret else "")

    @property
    def words(self) -> tuple[str, ...]:
        """How the command line calls it: its flags, the shortest first, or its place."""
        if self.option.positional:
            return (f"{self.option.metavar} ..." if self.shape == "list" else self.option.metavar,)
        return tuple(sorted({self.flag, *self.option.flags}, key=len))


Kind = Literal["report", "plan"]


class Action(Record):
    """One action, ready for every face."""

    name: str
    kind: Kind
    function: Callable[..., object]
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    effect: str = ""
    """What a report does besides looking, such as "sends a mail"; ``--read-only`` refuses it."""


F = TypeVar("F", bound="Callable[..., object]")
DECLARED: dict[str, Action] = {}
"""Every action declared so far, by name."""


def report(name: str, *, effect: str = "") -> Callable[[F], F]:
    """Declare a function that looks and returns a `Report`.

    Args:
        name: of the action.
        effect: what it does besides looking, such as "sends a mail".
    """
    return lambda function: _declare(name, "report", function, effect)


def plan(name: str) -> Callable[[F], F]:
    """Declare a function that looks and returns a `Plan`; it changes nothing itself."""
    return lambda function: _declare(name, "plan", function)


def refuse_effect(action: Action) -> None:
    """Raise `ActionError` where *action* does more than look, which ``--read-only`` forbids."""
    if action.effect:
        raise ActionError(
            f"nothing was done: {action.name} {action.effect}, and this is --read-only",
            Exit.NOT_PERMITTED,
            "do it without --read-only",
        )


def _declare(name: str, kind: Kind, function: F, effect: str = "") -> F:
    summary, _, description = (function.__doc__ or "").partition("\n")
    DECLARED[name] = Action(
        name,
        kind,
        function,
        summary.strip(),
        "\n".join(line.strip() for line in description.strip().splitlines()),
        tuple(_parameters(function)),
        effect,
    )
    return function


def _parameters(function: Callable[..., object]) -> Iterator[Parameter]:
    defaults = function.__kwdefaults__ or {}
    for name, annotation in function.__annotations__.items():
        option = next(iter(getattr(annotation, "__metadata__", ())), None)
        if isinstance(option, Option):
            required = name not in defaults
            yield Parameter(
                name, _shape(annotation.__origin__), defaults.get(name), required, option
            )


def _shape(kind: object) -> Shape:
    shapes: dict[object, Shape] = {str: "text", int: "number", float: "seconds", bool: "switch"}
    if get_origin(kind) is tuple:
        return "list"
    inner = [part for part in get_args(kind) if part is not type(None)] or [kind]
    return shapes[inner[0]]
