"""What ``chain.send`` tells: the SMTP session, the log's story, and how each recipient ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.action import Exit
from actions.record import Record

if TYPE_CHECKING:
    from actions.mailhost.logline import LogLine

Status = Literal[
    "delivered",
    "accepted",
    "refused",
    "deferred",
    "held",
    "discarded",
    "bounced",
    "undecided",
]
"""In Postfix's words; "accepted" is queued, with the delivery not seen."""

WORST_FIRST: tuple[Status, ...] = (
    "undecided",
    "refused",
    "bounced",
    "discarded",
    "held",
    "deferred",
    "accepted",
    "delivered",
)

Refuser = Literal["", "milter", "restriction", "content check", "proxy", "server"]
TlsMode = Literal["none", "starttls", "implicit"]


class Step(Record):
    """One step of the SMTP session; told while the session runs."""

    name: str
    """connect, TLS, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, message or QUIT."""
    argument: str
    code: int
    """The reply's code; 0 where none came, or the step has none."""
    reply: str
    """The whole reply, code included, lines separated by newlines."""
    seconds: float
    """Spent on this step."""
    trouble: str = ""
    """Why no reply came."""

    @property
    def standing(self) -> str:
        """The step in one line, for a terminal."""
        told = self.trouble or self.reply.partition("\n")[0] or "ok"
        return f"{f'{self.name} {self.argument}'.strip()}: {told}"


class Tls(Record):
    """The encrypted connection."""

    version: str
    cipher: str
    subject: str
    issuer: str
    expires: str
    verified: bool | None
    """None where the certificate was not checked; a certificate that fails ends the session."""


class Fate(Record):
    """What became of the mail for one recipient."""

    address: str
    status: Status
    reply: str = ""
    """The server's reply to this recipient, where it refused."""
    by: Refuser = ""
    queue_id: str = ""
    relay: str = ""
    delay: float | None = None
    """Seconds from arrival to this end, as the log has it."""
    dsn: str = ""
    words: str = ""
    """The log's own words, those in parentheses."""
    evidence: str = ""
    """The line of the log that says so."""


class StoryLine(Record):
    """A line of the log about this mail; told while it is followed."""

    line: LogLine
    queue_id: str

    @property
    def standing(self) -> str:
        """The line in short, for a terminal."""
        return f"{self.line.clock} {self.line.daemon}: {self.line.text}"


class MilterTrouble(Record):
    """A milter that Postfix could not talk with, as smtpd or cleanup warns."""

    spec: str
    """As the log names it, such as "unix:/run/spamass.sock"."""
    why: str
    connected: bool
    """Whether it could be connected to, and failed after."""


class Followed(Record):
    """How the log was read."""

    log: str
    """A file's path, or "journal"; empty where none was read."""
    asked: float
    """Seconds that were allowed; 0 where following was switched off."""
    seconds: float
    because: str = ""
    """Why it was not read."""


class SendReport(Record):
    """The result of ``chain.send``."""

    status: Status
    sample: str
    server: str
    port: int
    tls_mode: TlsMode
    helo: str
    sender: str
    user: str
    """Empty without authentication."""
    message_id: str
    test_id: str
    """The value of the header that names the test."""
    queue_id: str
    """From the server's last reply."""
    queue_ids: tuple[str, ...]
    """Every queue id that the mail had in this host's log."""
    recipients: tuple[Fate, ...]
    reply: str
    """The reply that refused or took the mail."""
    refused_by: Refuser
    refused_by_milter: str
    """The milter for which Postfix refused, as the log names it; empty where it names none."""
    milters: tuple[MilterTrouble, ...]
    """Those that Postfix could not talk with, whatever came of it."""
    evidence: str
    because: str
    """Why it is undecided, or the delivery not seen."""
    next_step: str
    steps: tuple[Step, ...]
    tls: Tls | None
    extensions: tuple[str, ...]
    mechanism: str
    """The SASL mechanism that was used."""
    story: tuple[StoryLine, ...]
    followed: Followed
    notes: tuple[str, ...]
    seconds: float

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "chain.send/1"

    @property
    def exit_code(self) -> int:
        """0 delivered, or accepted where nobody asked to follow; 1 anything worse; 6 not seen."""
        if self.status == "delivered" or (self.status == "accepted" and not self.followed.asked):
            return Exit.FINE
        return Exit.UNDECIDED if self.status in {"accepted", "undecided"} else Exit.PROBLEM


def worst(statuses: tuple[Status, ...]) -> Status:
    """Return the worst of *statuses*; "undecided" where there is none."""
    return min(statuses, key=WORST_FIRST.index, default="undecided")
