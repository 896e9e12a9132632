"""What a service said in its greeting, and what it was asked with."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.record import Record

if TYPE_CHECKING:
    from actions.mailhost.greeting.wire import Wire
    from actions.mailhost.service import Cause, Listener


class Heard(Record):
    """What came of a greeting."""

    detail: str
    health: Health = Health.OK
    next_step: str = ""
    signed: float | None = None
    """When clamd's signatures were made, in seconds since the epoch."""
    cause: Cause = ""

    def worse(self, health: Health, detail: str, next_step: str = "") -> Heard:
        """Return it with trouble found besides; what was wrong before stays first."""
        if self.health is not Health.OK:
            return self._replace(detail=f"{self.detail}; {detail}")
        return self._replace(health=health, detail=f"{detail}; {self.detail}", next_step=next_step)


class Login:
    """A test account; neither text nor repr of it shows the password."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self._password = password

    def __repr__(self) -> str:
        return f"Login({self.user!r})"

    def plain(self) -> bytes:
        """Return what SASL's PLAIN sends, in base64."""
        text = f"\0{self.user}\0{self._password}"
        return base64.b64encode(text.encode("utf-8", "surrogateescape"))


class Talk(Record):
    """One greeting that is under way."""

    wire: Wire
    listener: Listener
    hostname: str
    """What this host calls itself in EHLO."""
    login: Login | None = None

    @property
    def may_log_in(self) -> bool:
        """Whether a password may be sent: within TLS, or where nobody is in between."""
        import ssl

        spec = self.listener.spec
        near = spec.startswith(("unix:", "inet:127.", "inet:localhost:", "inet6:[::1]:"))
        return near or isinstance(self.wire.link, ssl.SSLSocket)


def refused_login(talk: Talk, heard: Heard, said: str) -> Heard:
    """Return *heard* with a login that was refused, and what the service *said* to it."""
    from actions.mailhost.greeting.wire import quoted

    assert talk.login is not None
    return heard.worse(
        Health.DEGRADED,
        f"refuses the login of {talk.login.user}: {quoted(said)}",
        "look whether the password is right, then at the service that checks it",
    )
