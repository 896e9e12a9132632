"""What a chain test tells: the verdict, who gave it, and what every milter did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.record import Record

if TYPE_CHECKING:
    from actions.chain.difference import Difference
    from actions.milter.chain import Edited
    from actions.milter.link import DefaultAction
    from actions.milter.protocol import Stage
    from actions.milter.session import Exchange, Negotiated, Trouble

Verdict = Literal[
    "pass", "accept", "reject", "temporary-failure", "discard", "quarantine", "undecided"
]
"""In milter-test-server's words, and "undecided" where it would claim a pass."""

VERDICT_EXITS: dict[Verdict, int] = {
    "reject": 10,
    "temporary-failure": 11,
    "discard": 12,
    "quarantine": 13,
}
"""The exit codes under ``--exit-verdict``."""


class EditShown(Record):
    """One edit, as text."""

    kind: str
    name: str
    value: str
    position: int


class MilterResult(Record):
    """What one milter did in the session."""

    name: str
    endpoint: str
    verdict: Verdict | None
    """None where it was never asked."""
    opened: Negotiated | None
    exchanges: tuple[Exchange, ...]
    edits: tuple[EditShown, ...]
    seconds: float
    """Spent waiting for this milter."""
    trouble: Trouble | None


class RecipientResult(Record):
    """What became of one recipient."""

    address: str
    accepted: bool
    reply: str = ""
    """The refusal, as the client sees it; empty where accepted."""
    refused_by: str = ""
    """The milter; empty where the MTA itself refuses."""


class SessionSummary(Record):
    """One of several sessions run side by side."""

    status: Verdict
    seconds: float


class Shown(Record):
    """How the operator asked to see the report, and what he takes for a success."""

    brief: bool = False
    verbose: bool = False
    output_message: bool = False
    color: str = "auto"
    trace: bool = False
    expect: str = ""
    """The verdict that was wanted; empty where any delivery is fine."""
    exit_verdict: bool = False


class Setting(Record):
    """What was sent, for the heading."""

    sample: str
    profile: str
    client: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    as_user: str
    chain: str = ""
    """The service of Postfix whose milters were asked; empty where they were named."""


class ChildResult(Record):
    """What a milter behind a milter-manager did with the same mail when it was asked directly."""

    manager: str
    """The manager's name in the chain."""
    conditions: tuple[str, ...]
    """Under which the manager asks it, in the manager's words."""
    skipped: str
    """Why the manager did not ask it in this test; empty where it did, or that can't be known."""
    perhaps_skipped: str
    """Why it may not have asked it, where that can't be known."""
    status: Verdict
    decided_at: Stage | None
    reply: str
    because: str
    recipients: tuple[RecipientResult, ...]
    milter: MilterResult
    fallback: DefaultAction
    """What the manager answers where this milter fails (fallback_status), in Postfix's words."""


class ChainReport(Record):
    """The result of ``chain.test``."""

    status: Verdict
    decided_by: str
    """The milter that refused, discarded, quarantined or failed; empty where all let it pass."""
    decided_at: Stage | None
    reply: str
    """The SMTP reply that the client sees; empty where the message goes on."""
    because: str
    """Why it could not be decided, or the reason of a quarantine."""
    setting: Setting
    milters: tuple[MilterResult, ...]
    recipients: tuple[RecipientResult, ...]
    seconds: float
    notes: tuple[str, ...]
    sessions: tuple[SessionSummary, ...]
    trace: tuple[tuple[str, str, str], ...]
    """Milter, direction (">" sent, "<" received), bytes in hexadecimal."""
    message_after: bytes
    edited: tuple[Edited, ...]
    """The message before and after each milter that edited it."""
    differences: tuple[Difference, ...] = ()
    """What the whole chain made of the message, then what each milter did that changed it."""
    children: tuple[ChildResult, ...] = ()
    """The milters behind the managers of the host's own chain, in their order."""
    doubts: tuple[str, ...] = ()
    """Why a message that is let pass may be one that was not filtered."""
    shown: Shown = Shown()

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "chain.test/1"

    @property
    def json_omits(self) -> tuple[str, ...]:
        """Fields that the JSON document leaves out: they are on disk, or not facts."""
        return ("message_after", "edited", "shown")

    @property
    def is_delivered(self) -> bool:
        """Whether the message would be delivered; see `doubts`."""
        return self.status in {"pass", "accept"}

    @property
    def is_as_expected(self) -> bool:
        """Whether the verdict is the one that was wanted; "delivered" is pass or accept."""
        wanted = self.shown.expect
        return self.is_delivered if wanted == "delivered" else self.status == wanted

    @property
    def exit_code(self) -> int:
        """0 where the message would be delivered and every milter answered; see `Exit`."""
        if self.status == "undecided" or (self.is_delivered and self.doubts):
            return Exit.UNDECIDED
        if self.shown.expect:
            return Exit.FINE if self.is_as_expected else Exit.PROBLEM
        if self.is_delivered:
            return Exit.FINE
        return VERDICT_EXITS[self.status] if self.shown.exit_verdict else Exit.PROBLEM
