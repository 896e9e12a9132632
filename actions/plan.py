"""A plan: the changes that would mend something, each of which can be shown, done and undone.

Plans are data. Only the runner applies them; see `actions.runner`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.host.ports import Host

Undo = Literal["exact", "compensating", "none", "nothing"]
"""How a change is undone: what was before is restored, the opposite is done, it can't be, or
there is nothing to undo: it leaves nothing."""


class Standing(Enum):
    """Where the world stands as seen by one change."""

    BEFORE = "not done"
    AFTER = "done"
    OTHER = "changed by someone else"
    UNTOLD = "can't be told"


class Line(Record):
    """One line of what a change would do."""

    sign: Literal["+", "-", " ", "$"]
    """Added, removed, kept, or a command."""
    text: str


class Change(Protocol):
    """One step of a plan. Implementations are named tuples in `actions.changes`."""

    @property
    def kind(self) -> str:
        """The word for it on the screen and in the journal: "edit", "restart", …."""

    @property
    def target(self) -> str:
        """What is changed: a path, a unit, a user."""

    @property
    def note(self) -> str:
        """What the operator should know of doing it, such as "mail waits for about 2 s"."""

    @property
    def undo(self) -> Undo:
        """How it is undone."""

    @property
    def undo_note(self) -> str:
        """What undoing means here, or why it can't be; empty where there is nothing to say."""

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up what other changes set (restart, reload).

        Such a change is not reversed but done again, after the others are restored.
        """

    def lines(self) -> tuple[Line, ...]:
        """Return what it would do, as a diff or a command."""

    def as_command(self) -> str:
        """Return the shell command an operator would type for the same."""

    def stands(self, host: Host) -> Standing:
        """Look whether the change is done on *host*; raises `HostError`.

        Half done counts as not done, both here and for the inverse. One that settles stands
        as `Standing.OTHER` where its service has been stopped.
        """

    def apply(self, host: Host, token: str) -> None:
        """Do it; raises `HostError`, and has changed nothing then.

        *token* names whatever must be created on the way (temporary files).
        """

    def sweep(self, host: Host, token: str) -> None:
        """Remove what an `apply` with the same *token* left on the way when it was killed."""

    def inverse(self) -> Change | None:
        """Return the change that undoes this one, or None where nothing can.

        The inverse of one that settles is the same again.
        """

    def record(self) -> dict[str, object]:
        """Return it as JSON; bytes in base64. `actions.changes.from_record` reads it."""


class Tell(Protocol):
    """Takes what a change says."""

    def __call__(self, line: str, when: float = 0.0, /) -> None:
        """Take *line*, and when it was written: seconds since the epoch, 0 for just now."""


@runtime_checkable
class Spoken(Protocol):
    """A change that tells how far it is while it is done, and may be ended amid it."""

    def apply_aloud(
        self,
        host: Host,
        token: str,
        tell: Tell,
        is_cancelled: Callable[[], bool],
    ) -> str | None:
        """Do it as `Change.apply` does, and hand each line that it says to *tell*.

        Where it may be ended amid it, it is as soon as *is_cancelled* says so.

        Returns:
            What there is to say of it at its end.
        """


@runtime_checkable
class Passing(Spoken, Protocol):
    """A change that lasts as long as somebody looks on, and leaves nothing behind.

    What it says is what is to be seen of it, line by line. That the operator ends it is its
    regular end; where the console is gone, it ends by itself.
    """

    def remains(self, host: Host) -> str:
        """Return what is left of one that was cut off, or nothing."""


class Proof(Record):
    """The look that must find nothing wrong after the changes: a report action, as data."""

    summary: str
    action: str
    arguments: Mapping[str, object]


class Plan(Record):
    """What an action would change, and how it will be proved."""

    title: str
    action: str
    """The name of the action that made it."""
    arguments: Mapping[str, object]
    """Its arguments, so that it can be planned again; never a secret."""
    why: str
    changes: tuple[Change, ...]
    proof: Proof | None = None
    lasting: bool = True
    """Whether it survives restarts and reboots."""
    undo_proof: Proof | None = None
    """The look that must find nothing wrong once all of it is taken back."""


def digest(plan: Plan) -> str:
    """Return what tells *plan* from any other: the action, its arguments and every change."""
    import hashlib
    import json

    shown = {
        "action": plan.action,
        "arguments": dict(plan.arguments),
        "changes": [change.record() for change in plan.changes],
    }
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
