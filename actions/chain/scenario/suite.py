"""A test suite as it was read: which milters, which sessions, and what is expected of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.chain.report import Verdict
    from actions.chain.scenario.text import Text
    from actions.milter.envelope import Client, Recipient, Sender
    from actions.milter.link import DefaultAction


class SuiteMilter(Record):
    """A milter that a suite names."""

    name: str
    spec: str = ""
    """Where it listens; empty where that is found on the host."""
    default_action: DefaultAction = "tempfail"


class ReplyWish(Record):
    """What the client is expected to be told."""

    whole: Text | None = None
    """The code, the enhanced status code and the text."""
    code: int | None = None
    status: str | None = None
    """The enhanced status code, such as 5.7.1."""
    text: Text | None = None
    """What follows the codes."""


class RecipientWish(Record):
    """What is expected to become of one recipient."""

    accepted: bool
    reply: ReplyWish | None = None
    by: str = ""
    """The milter that refuses it."""


class Fields(Record):
    """Headers by name, each with what its value is expected to be."""

    key: str
    """Where they stand: adds, inserts, changes, deletes or headers."""
    wishes: tuple[tuple[str, Text], ...]


class BodyWish(Record):
    """What is expected to become of a body."""

    changed: bool | None = None
    text: Text | None = None


class MilterWish(Record):
    """What one milter is expected to do."""

    verdicts: tuple[Verdict, ...] = ()
    asked: bool | None = None
    asked_at: tuple[str, ...] = ()
    skipped_at: tuple[str, ...] = ()
    no_edits: bool = False
    fields: tuple[Fields, ...] = ()
    body: BodyWish | None = None
    sender: Text | None = None
    """To which it changes the envelope sender."""
    recipients_added: tuple[str, ...] = ()
    recipients_deleted: tuple[str, ...] = ()
    quarantine: Text | None = None
    within: float | None = None


class MessageWish(Record):
    """What is expected of the message and its envelope as the chain leaves them."""

    headers: Fields | None = None
    body: BodyWish | None = None
    sender: str | None = None
    recipients: tuple[str, ...] | None = None


class Expect(Record):
    """What is expected of one message."""

    verdicts: tuple[Verdict, ...] = ()
    by: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    reply: ReplyWish | None = None
    recipients: tuple[tuple[str, RecipientWish], ...] = ()
    quarantine: Text | None = None
    milters: tuple[tuple[str, MilterWish], ...] = ()
    message: MessageWish | None = None
    within: float | None = None
    """Seconds."""
    paths: Mapping[str, str] = {}
    """Where in the scenario, or among the defaults, each key stands that is given."""


class Body(Record):
    """What the content of a message is made of."""

    sample: str = ""
    raw: bytes | None = None
    """The text of a file, or one that stands in the suite."""
    label: str = ""
    """What the message is called in reports."""
    headers: tuple[str, ...] = ()
    """NAME:VALUE; they take the place of those of the same name."""
    body: bytes | None = None


class Message(Record):
    """One message of a session."""

    sender: Sender
    recipients: tuple[Recipient, ...]
    content: Body
    expect: Expect
    unknown: tuple[str, ...] = ()
    """Commands that SMTP does not know, sent before MAIL."""
    rset: bool = False
    """Whether the client gives it up by RSET after its recipients."""
    place: str = ""
    """The key path of its table inside its scenario; empty where it is the scenario itself."""


class Scenario(Record):
    """One SMTP session, and what is expected of it."""

    name: str
    why: str
    number: int
    """Counted from 1, in its file."""
    profile: str
    client: Client
    helo: str
    messages: tuple[Message, ...]
    milters: tuple[str, ...] = ()
    """The milters asked, in this order; empty for all of the suite."""
    macros: Mapping[str, Mapping[str, bytes]] = {}

    @property
    def place(self) -> str:
        """Where it stands in its file, for people."""
        named = f' "{self.name}"' if self.name else ""
        return f"scenario {self.number}{named}"


class Suite(Record):
    """A file of scenarios."""

    file: str
    name: str
    about: str
    milters: tuple[SuiteMilter, ...]
    scenarios: tuple[Scenario, ...]


class Problem(Record):
    """What is wrong with a suite's file."""

    file: str
    place: str
    """The scenario; empty where it is about the file as a whole."""
    key: str
    """The path of the key inside that."""
    text: str
    next_step: str = ""
