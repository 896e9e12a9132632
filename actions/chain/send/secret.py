"""AUTH with a password that stands nowhere but on the wire.

The commands are made here and not by smtplib, whose encoding errors quote the password.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "…"
CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")
ENCRYPTED = ("PLAIN", "LOGIN", "CRAM-MD5")
"""What is used first. Within TLS the plain ones come first: every server can check those."""


class Credentials:
    """A user with a password; neither text nor repr of it shows the password."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self._digests: list[str] = []
        self._password = password.encode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"Credentials({self.user!r})"

    def first_line(self, mechanism: str) -> str:
        """Return the AUTH command that begins *mechanism*."""
        if mechanism == "PLAIN":
            return f"AUTH PLAIN {_encoded(self._plain)}"
        return f"AUTH {mechanism}"

    def answer(self, mechanism: str, challenge: str, number: int) -> str:
        """Return the answer to the server's *challenge*, the *number*-th from 0; "*" gives up."""
        if mechanism == "LOGIN" and number < 2:
            return _encoded((self._name, self._password)[number])
        if mechanism == "CRAM-MD5" and number == 0:
            try:
                return self._digest(challenge)
            except ValueError:  # what is no base64 can't be answered
                return "*"
        if mechanism == "PLAIN" and number == 0:
            return _encoded(self._plain)
        return "*"

    def scrubbed(self, text: str) -> str:
        """Return *text*, in which a server may have quoted what it was sent, without the secret."""
        for secret in sorted(self._forms(), key=len, reverse=True):
            if secret:
                text = text.replace(secret, HIDDEN)
        return text

    @property
    def _name(self) -> bytes:
        return self.user.encode("utf-8", "surrogateescape")

    @property
    def _plain(self) -> bytes:
        return b"\0" + self._name + b"\0" + self._password

    def _forms(self) -> Iterable[str]:
        from urllib.parse import quote, quote_plus

        yield from self._digests
        for secret in (self._plain, self._password):
            for encoded in (_encoded(secret), base64.urlsafe_b64encode(secret).decode("ascii")):
                yield from (encoded, encoded.rstrip("="))
            yield from (secret.hex(), secret.hex().upper())
            for written in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
                yield from (written, _lower_escapes(written))
        yield self._password.decode("utf-8", "backslashreplace")
        yield self._password.decode("latin-1")

    def _digest(self, challenge: str) -> str:
        import hmac

        asked = base64.b64decode(challenge)
        digest = hmac.new(self._password, asked, "md5").hexdigest()
        answer = _encoded(self._name + b" " + digest.encode())
        # Who sees a digest can try passwords on it.
        self._digests += [digest, digest.upper(), answer, answer.rstrip("=")]
        return answer


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _lower_escapes(text: str) -> str:
    import re

    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)
