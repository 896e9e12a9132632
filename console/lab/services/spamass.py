"""spamass-milter with a small SpamAssassin of its own: scores, marks, and refuses spam."""

from __future__ import annotations

import getopt
import re
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import Milter

from actions.record import Record
from console.lab.conf import BadSetting, octal, read_assignments
from console.lab.maillog import Syslog
from console.lab.services.libmilter import ContentReader, Listener, open_milter

if TYPE_CHECKING:
    from console.lab.services import Serve, Site

NAME = "spamass-milter"
CONFIGURATION = "/etc/default/spamass-milter"
REQUIRED_SCORE = 5.0

OPTIONS = "ab:B:d:D:e:fg:i:IlmMp:P:r:R:S:u:x"
"""The options that spamass-milter knows, in getopt's notation; -m and -r are obeyed."""


class Rule(Record):
    """What one sign of spam scores."""

    name: str
    score: float
    pattern: re.Pattern[bytes]


RULES = (
    Rule(
        "GTUBE",
        1000.0,
        # In two pieces, so that no filter takes this file itself for spam.
        re.compile(
            re.escape(b"XJS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X")
        ),
    ),
    Rule("SUBJ_ALL_CAPS", 0.5, re.compile(rb"^Subject: [^a-z\r\n]{10,}\r?$", re.MULTILINE)),
    Rule("MONEY_BACK", 1.2, re.compile(rb"money[ -]back guarantee", re.IGNORECASE)),
)


class Settings(Record):
    """What the configuration says."""

    listener: Listener
    reject_from: float | None
    """The score from which a message is refused; None to refuse none."""
    keep_subject: bool


def read_settings(text: str) -> Settings:
    """Read /etc/default/spamass-milter; raises `BadSetting`."""
    values = read_assignments(text)
    if not values.get("SOCKET"):
        raise BadSetting(f"{CONFIGURATION}: SOCKET is missing")
    user, _, group = values.get("SOCKETOWNER", f"{NAME}:{NAME}").partition(":")
    try:
        given, _ = getopt.getopt(shlex.split(values.get("OPTIONS", "")), OPTIONS)
        options = dict(given)
        limit = float(options["-r"]) if "-r" in options else None
    except (getopt.GetoptError, ValueError) as error:
        raise BadSetting(f"{CONFIGURATION}: OPTIONS: {error}") from error
    return Settings(
        Listener(
            values["SOCKET"],
            user,
            group or user,
            octal(values.get("SOCKETMODE", "660"), "SOCKETMODE"),
        ),
        REQUIRED_SCORE if limit == -1 else limit,
        "-m" in options or "-M" in options,
    )


def prepare(site: Site) -> Serve:
    """Read the configuration and open the socket; see `console.lab.services`."""
    settings = read_settings(Path(site.root + CONFIGURATION).read_text(encoding="utf-8"))
    log = Syslog(site.root, NAME)
    step = log.write if "-d" in site.arguments else None
    return open_milter(NAME, partial(Judge, settings, log), settings.listener, site, step)


def hits(message: bytes) -> tuple[Rule, ...]:
    """Return the rules that *message* meets."""
    return tuple(rule for rule in RULES if rule.pattern.search(message))


class Judge(ContentReader):
    """One session."""

    def __init__(self, settings: Settings, log: Syslog) -> None:
        super().__init__()
        self._settings = settings
        self._log = log

    def eom(self) -> int:
        """Score the message."""
        head = b"".join(b"%s: %s\n" % (name.encode(), value) for name, value in self.headers)
        found = hits(head + b"\n" + self.content)
        score = sum(rule.score for rule in found)
        tests = ",".join(rule.name for rule in found) or "none"
        spam = score >= REQUIRED_SCORE
        self._log.write(
            f"spamd: result: {'Y' if spam else '.'} {score:g} - {tests} "
            f"size={len(self.content)},required_score={REQUIRED_SCORE:.1f}",
            tag="spamd",
        )
        limit = self._settings.reject_from
        if limit is not None and score >= limit:
            return self.refuse(550, "5.7.1", "Blocked by SpamAssassin")
        self._mark(score, tests, spam=spam)
        return int(Milter.ACCEPT)

    def _mark(self, score: float, tests: str, *, spam: bool) -> None:
        self._set(
            "X-Spam-Status",
            f"{'Yes' if spam else 'No'}, score={score:.1f} required={REQUIRED_SCORE:.1f}\n"
            f"\ttests={tests} version=lab",
        )
        self._set("X-Spam-Flag", "YES" if spam else "")
        subject = next(iter(self.values("Subject")), b"").decode("utf-8", "replace")
        if spam and not self._settings.keep_subject:
            self._set("Subject", f"[SPAM] {subject}")

    def _set(self, name: str, value: str) -> None:
        """Give the field its only value; an empty one takes a forged field out."""
        if self.values(name):
            self.chgheader(name, 1, value)
        elif value:
            self.addheader(name, value)
