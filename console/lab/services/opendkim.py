"""opendkim's place in the chain: signs every message, in a header of the lab's own.

The signature is real, an HMAC over chosen headers and the body, but it is not DKIM and does
not say so: only who has the lab's key can check it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import Milter

from actions.record import Record
from console.lab.conf import BadSetting, is_true, octal, read_pairs
from console.lab.maillog import Syslog
from console.lab.services.libmilter import ContentReader, Listener, open_milter

if TYPE_CHECKING:
    from console.lab.services import Serve, Site

NAME = "opendkim"
USER = "opendkim"
CONFIGURATION = "/etc/opendkim.conf"
HEADER = "X-Lab-Signature"
SIGNED_FIELDS = ("from", "to", "subject", "date", "message-id")


class Settings(Record):
    """What the configuration says."""

    listener: Listener
    domain: str
    selector: str
    key_file: str
    log_why: bool


def read_settings(text: str) -> Settings:
    """Read opendkim.conf; raises `BadSetting`."""
    pairs = read_pairs(text)
    for needed in ("Socket", "Domain", "Selector", "KeyFile"):
        if not pairs.get(needed.lower()):
            raise BadSetting(f"{CONFIGURATION}: {needed} is missing")
    umask = octal(pairs.get("umask", "022"), "UMask")
    return Settings(
        Listener(pairs["socket"], USER, USER, 0o777 & ~umask),
        pairs["domain"],
        pairs["selector"],
        pairs["keyfile"],
        is_true(pairs.get("logwhy", "")),
    )


def prepare(site: Site) -> Serve:
    """Read the configuration and open the socket; see `console.lab.services`."""
    settings = read_settings(Path(site.root + CONFIGURATION).read_text(encoding="utf-8"))
    try:
        key = Path(settings.key_file).read_bytes().strip()
    except OSError as error:
        raise BadSetting(f"{settings.key_file}: can't be read: {error.strerror}") from error
    log = Syslog(site.root, NAME)
    factory = partial(Signer, settings, key, log)
    step = log.write if settings.log_why or "-W" in site.arguments else None
    return open_milter(NAME, factory, settings.listener, site, step)


def signature(settings: Settings, key: bytes, headers: list[tuple[str, bytes]], body: bytes) -> str:
    """Return the value of the header that signs *headers* and *body*."""
    lines = [line.rstrip(b" \t") for line in body.splitlines()]
    canonical = b"\r\n".join(lines).rstrip(b"\r\n") + b"\r\n"
    body_hash = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
    signed = [
        (name.lower(), re.sub(rb"\s+", b" ", value).strip())
        for name, value in headers
        if name.lower() in SIGNED_FIELDS
    ]
    names = ":".join(name for name, _ in signed)
    start = (
        f"v=lab1; a=hmac-sha256; d={settings.domain}; s={settings.selector};\n"
        f"\th={names};\n\tbh={body_hash};\n\tb="
    )
    text = b"".join(b"%s:%s\r\n" % (name.encode(), value) for name, value in signed)
    seal = hmac.digest(key, text + start.encode(), "sha256")
    return start + base64.b64encode(seal).decode()


class Signer(ContentReader):
    """One session."""

    def __init__(self, settings: Settings, key: bytes, log: Syslog) -> None:
        super().__init__()
        self._settings = settings
        self._key = key
        self._log = log

    def eom(self) -> int:
        """Sign the message."""
        settings = self._settings
        if settings.log_why:
            self._log.write(f"{self.queue_id}: every message is signed (Domain {settings.domain})")
        # 1 is below the MTA's own Received field, above everything that the client sent.
        self.addheader(HEADER, signature(settings, self._key, self.headers, self.content), 1)
        self._log.write(
            f"{self.queue_id}: {HEADER} field added (s={settings.selector}, d={settings.domain})"
        )
        return int(Milter.ACCEPT)
