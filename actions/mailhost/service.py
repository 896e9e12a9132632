"""The services that make up a mail host, as records: what each is, and how it was seen.

`actions.mailhost.roles` finds them; ``services.status`` looks at them; the overview draws them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.finding import Health

Role = Literal["MTA", "milter manager", "milter", "engine", "MDA", "web mail", "database", "log"]

WITHOUT: Mapping[Role, str] = {
    "MTA": "no mail comes in or goes out; other hosts keep theirs and try again",
    "MDA": "nobody can read mail here",
    "web mail": "nobody can read mail by the web",
    "database": "what keeps its data there does not work: the web mail",
    "log": "nothing of mail is logged",
}
"""What happens to mail where a service of this role does not run.

Of milters and engines those tell that need them: `Need.without`.
"""

Speech = Literal[
    "smtp",
    "lmtp",
    "milter",
    "clamd",
    "spamd",
    "pop3",
    "imap",
    "managesieve",
    "dovecot-auth",
    "mysql",
    "http",
    "",
]
"""What is spoken on a socket; empty where nothing is said that could be checked."""


class Listener(Record):
    """A socket on which a service is to answer."""

    spec: str
    """Where it really is, seen from outside any chroot: "unix:/run/…" or "inet:HOST:PORT"."""
    speech: Speech
    label: str = ""
    """What people call it: "25", "submission", "IMAPS"."""
    tls: bool = False
    """Whether TLS begins with the first byte."""
    client: str = ""
    """The user with whose rights it is asked, such as "postfix"; empty for anybody."""
    source: str = ""
    """The file, or the program's answer, that names it."""


class Need(Record):
    """What a service can't work without: another service, by the socket they share."""

    service: str
    """The other service's name."""
    spec: str
    client: str = ""
    """The user with whose rights this service opens the socket; empty where unknown."""
    without: str = ""
    """What happens where it is missing: "mail passes unfiltered", "mail is deferred (451)"."""


class MailService(Record):
    """One service of the mail host."""

    name: str
    """Such as "postfix", "clamav-milter", "clamd": the same on every platform."""
    role: Role
    unit: str
    """With its suffix; empty where it runs under no service manager."""
    program: str = ""
    """The file name of what it runs, such as "smtpd" or "clamd"."""
    user: str = ""
    """With whose rights it serves; empty where unknown."""
    listeners: tuple[Listener, ...] = ()
    needs: tuple[Need, ...] = ()
    configuration: tuple[str, ...] = ()
    """The files that its settings are in, on this host."""
    behind: str = ""
    """The milter-manager that asks it; empty for what Postfix asks itself."""
    place: int = 0
    """Its place in the chain that asks it, from 1; 0 for what is in none."""
    expected: bool = True
    """Whether mail needs it to run: it is in a chain, is needed, or starts at boot."""
    instance: str = ""
    """The unit that runs its processes where `unit` only stands before it.

    Debian 12's postfix.service runs /bin/true; postfix@-.service, which belongs to it, runs
    Postfix. Operations and starting at boot go to `unit`.
    """

    @property
    def seen_unit(self) -> str:
        """The unit whose state tells how the service is."""
        return self.instance or self.unit


LookKind = Literal["process", "listener", "greeting", "dependency"]

Cause = Literal[
    "",
    "off",
    "stopped",
    "left",
    "failed",
    "masked",
    "unsigned",
    "closed",
    "silent",
    "gave-up",
    "follows",
    "rights",
]
"""What a look met, as far as something is done because of it.

off: not running, and nothing here needs it · stopped: not running · left: called active, and no
process of it runs · failed: ended by a fault, or again and again · masked: it can't be started ·
unsigned: there are no signatures for it · closed: its client may not open its socket · silent: it
takes connections and says nothing · gave-up: the same, and its log tells why · follows: what it
needs is down, and this comes of it · rights: this user may not look.
"""


class Look(Record):
    """One of the looks at a service."""

    kind: LookKind
    health: Health
    detail: str
    """What was seen, or why nothing could be."""
    seconds: float
    target: str = ""
    """The socket, or the service that is needed."""
    next_step: str = ""
    """What the operator can do about it."""
    cause: Cause = ""


class ServiceStatus(Record):
    """One service, and how it is."""

    service: MailService
    health: Health
    reason: str
    """Why it is not ok, in a few words; empty where it is."""
    looks: tuple[Look, ...]
    since: float | None = None
    """Seconds since the epoch."""
    memory: int | None = None
    """Bytes."""
    restarts: int | None = None
    enabled: bool | None = None
    """Whether it starts at boot; None where that can't be told."""
    last_error: str = ""
    """The last line it logged as an error, and none older than its last start."""
    changed: str = ""
    """What is another than at the look before: "was ok", "restarted", "new"."""

    @property
    def is_off(self) -> bool:
        """Whether it is off on purpose."""
        return any(look.cause == "off" for look in self.looks)

    @property
    def process(self) -> Look | None:
        """The look at its process; None where nobody looked."""
        return next((look for look in self.looks if look.kind == "process"), None)
