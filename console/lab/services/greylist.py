"""milter-greylist: asks unknown clients to come back later, as its access list says."""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import Milter

from actions.host.errors import HostError
from actions.mailhost.values import seconds
from actions.record import Record
from console.lab.conf import BadSetting, octal
from console.lab.maillog import Syslog
from console.lab.services.libmilter import Conversation, Listener, open_milter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.services import Serve, Site

NAME = "milter-greylist"
USER = "greylist"
CONFIGURATION = "/etc/milter-greylist/greylist.conf"

_TOKEN = re.compile(r'"[^"]*"|/(?:\\.|[^/\\])*/|[^\s#]+|#.*')

Verdict = Literal["whitelist", "greylist", "blacklist"]


class Rule(Record):
    """One racl line."""

    verdict: Verdict
    clause: Literal["addr", "domain", "from", "rcpt", "default"]
    pattern: re.Pattern[str] | None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    line: int

    def matches(self, client: str, address: str, sender: str, recipient: str) -> bool:
        """Return whether the line speaks of this message."""
        if self.clause == "default":
            return True
        if self.network is not None:
            return _address(address) in self.network
        assert self.pattern is not None
        subject = {"domain": client, "from": sender, "rcpt": recipient}[self.clause]
        return bool(self.pattern.search(subject))


class Settings(Record):
    """What the configuration says."""

    socket: str
    mode: int
    rules: tuple[Rule, ...]
    delay: float
    """Seconds for which an unknown sender is sent away."""
    autowhite: float
    """Seconds for which a sender that came back is known."""
    prefix: int
    """Bits of a client's IPv4 address that count (subnetmatch)."""
    verbose: bool


def read_settings(text: str) -> Settings:
    """Read greylist.conf; raises `BadSetting`."""
    found: dict[str, list[str]] = {}
    rules = []
    for number, words in _lines(text):
        if words[0] in {"racl", "acl"}:
            rules.append(_rule(words[1:], number))
        else:
            found[words[0]] = words[1:]
    if not found.get("socket"):
        raise BadSetting(f"{CONFIGURATION}: socket is missing")
    path, mode = (*found["socket"], "755")[:2]
    return Settings(
        path.strip('"'),
        octal(mode, "socket"),
        tuple(rules),
        _time(found, "greylist", "30m"),
        _time(found, "autowhite", "1d"),
        int((found.get("subnetmatch") or ["/32"])[0].strip("/") or 32),
        "verbose" in found,
    )


def prepare(site: Site) -> Serve:
    """Read the configuration and open the socket; see `console.lab.services`."""
    settings = read_settings(Path(site.root + CONFIGURATION).read_text(encoding="utf-8"))
    log, memory = Syslog(site.root, NAME), Memory(settings)
    factory = partial(Doorkeeper, settings, memory, log)
    listener = Listener(settings.socket, USER, USER, settings.mode)
    verbose = settings.verbose or "-v" in site.arguments
    return open_milter(NAME, factory, listener, site, log.write if verbose else None)


class Memory:
    """Who was sent away until when, and who came back. Shared by all sessions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._until: dict[tuple[str, str, str], float] = {}
        self._known: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()

    def remaining(self, address: str, sender: str, recipient: str, now: float) -> float:
        """Return the seconds that this sender has still to wait; 0 where it may pass."""
        settings = self._settings
        key = (_network(address, settings.prefix), sender, recipient)
        with self._lock:
            if self._known.get(key, 0.0) > now:
                return 0.0
            until = self._until.setdefault(key, now + settings.delay)
            if until > now:
                return until - now
            del self._until[key]
            self._known[key] = now + settings.autowhite
            return 0.0


class Doorkeeper(Conversation):
    """One session."""

    def __init__(self, settings: Settings, memory: Memory, log: Syslog) -> None:
        super().__init__()
        self._settings = settings
        self._memory = memory
        self._log = log
        self._why = ""

    def envrcpt(self, recipient: str, *_: str) -> int:
        """Decide for one recipient."""
        super().envrcpt(recipient)
        rule = self._rule_for(recipient)
        verdict: Verdict = rule.verdict if rule else "greylist"
        line = f"ACL {rule.line}" if rule else "no ACL"
        if self._settings.verbose:
            self._log.write(f"{self._who(recipient)}: {verdict} ({line})")
        if verdict == "blacklist":
            return self.refuse(551, "5.7.1", "Go away!")
        if verdict == "greylist":
            return self._greylist(recipient, line)
        self._why = f"Sender is whitelisted ({line})"
        return int(Milter.CONTINUE)

    def eom(self) -> int:
        """Say in the header why the message was let in."""
        self.addheader("X-Greylist", f"{self._why}, not delayed by milter-greylist ({self.mta})")
        return int(Milter.ACCEPT)

    def _greylist(self, recipient: str, line: str) -> int:
        wait = self._memory.remaining(self.client_address, self.sender, recipient, time.monotonic())
        if not wait:
            self._why = "Sender came back after its delay"
            return int(Milter.CONTINUE)
        clock = time.strftime("%H:%M:%S", time.gmtime(round(wait)))
        self._log.write(f"{self._who(recipient)} delayed for {clock} ({line})")
        return self.refuse(451, "4.7.1", f"Greylisting in action, please come back in {clock}")

    def _rule_for(self, recipient: str) -> Rule | None:
        facts = self.client_name, self.client_address, self.sender, recipient
        return next((rule for rule in self._settings.rules if rule.matches(*facts)), None)

    def _who(self, recipient: str) -> str:
        client = f"{self.client_name}[{self.client_address}]"
        return f"{self.queue_id}: addr {client} from {self.sender} to {recipient}"


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    number, pending = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        pending += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        words = [word for word in _TOKEN.findall(pending) if not word.startswith("#")]
        pending = ""
        if words:
            yield number, words


def _rule(words: list[str], line: int) -> Rule:
    match words:
        case ["whitelist" | "greylist" | "blacklist" as verdict, "default"]:
            return Rule(verdict, "default", None, None, line)
        case ["whitelist" | "greylist" | "blacklist" as verdict, "addr", network]:
            try:
                return Rule(verdict, "addr", None, ipaddress.ip_network(network), line)
            except ValueError as error:
                raise BadSetting(f"{CONFIGURATION}: line {line}: {error}") from error
        case [
            "whitelist" | "greylist" | "blacklist" as verdict,
            "domain" | "from" | "rcpt" as clause,
            text,
        ]:
            return Rule(verdict, clause, _pattern(text, clause, line), None, line)
    raise BadSetting(f"{CONFIGURATION}: line {line}: can't read {' '.join(words)!r}")


def _pattern(text: str, clause: str, line: int) -> re.Pattern[str]:
    if not (len(text) > 1 and text.startswith("/") and text.endswith("/")):
        end = re.escape(text.strip('"')) + r">?$"
        # A plain domain stands for its hosts as well, a plain address for itself.
        text = f"/(^|\\.){end}/" if clause == "domain" else f"/^<?{end}/"
    try:
        return re.compile(text[1:-1], re.IGNORECASE)
    except re.error as error:
        raise BadSetting(f"{CONFIGURATION}: line {line}: {error}") from error


def _time(found: dict[str, list[str]], name: str, default: str) -> float:
    try:
        return seconds((found.get(name) or [default])[0])
    except HostError as error:
        raise BadSetting(f"{CONFIGURATION}: {name}: {error}") from error


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return ipaddress.ip_address("::")


def _network(address: str, prefix: int) -> str:
    try:
        return str(ipaddress.ip_network((address, prefix), strict=False))
    except ValueError:
        return address
