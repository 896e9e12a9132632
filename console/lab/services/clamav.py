"""clamav-milter: refuses the EICAR test file and marks what it has scanned."""

from __future__ import annotations

import binascii
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import Milter

from actions.record import Record
from console.lab.conf import BadSetting, is_true, octal, read_pairs
from console.lab.maillog import Syslog
from console.lab.services.libmilter import ContentReader, Listener, open_milter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.lab.services import Serve, Site

NAME = "clamav-milter"
USER = "clamav"
CONFIGURATION = "/etc/clamav/clamav-milter.conf"

SIGNATURES = (
    (
        # In two pieces, so that no scanner takes this file itself for infected.
        b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
        "Eicar-Test-Signature",
    ),
)

VERDICTS = {"accept", "reject", "defer", "blackhole", "quarantine"}


class Settings(Record):
    """What the configuration says."""

    listener: Listener
    on_infected: str
    reject_message: str
    add_header: str
    log_infected: str
    log_clean: bool
    verbose: bool


def read_settings(text: str) -> Settings:
    """Read clamav-milter.conf; raises `BadSetting`."""
    pairs = read_pairs(text)
    if "example" in pairs:
        raise BadSetting(f"{CONFIGURATION}: please edit the example config file")
    if "miltersocket" not in pairs:
        raise BadSetting(f"{CONFIGURATION}: MilterSocket is missing")
    on_infected = pairs.get("oninfected", "Quarantine").lower()
    if on_infected not in VERDICTS:
        raise BadSetting(f"{CONFIGURATION}: OnInfected {on_infected!r} is unknown")
    return Settings(
        Listener(
            pairs["miltersocket"],
            USER,
            pairs.get("miltersocketgroup", USER),
            octal(pairs.get("miltersocketmode", "755"), "MilterSocketMode"),
        ),
        on_infected,
        pairs.get("rejectmsg", "Command rejected"),
        pairs.get("addheader", "No").lower(),
        pairs.get("loginfected", "Off").lower(),
        pairs.get("logclean", "Off").lower() != "off",
        is_true(pairs.get("logverbose", "")),
    )


def prepare(site: Site) -> Serve:
    """Read the configuration and open the socket; see `console.lab.services`."""
    settings = read_settings(Path(site.root + CONFIGURATION).read_text(encoding="utf-8"))
    log = Syslog(site.root, NAME)
    step = log.write if settings.verbose else None
    return open_milter(NAME, partial(Scanner, settings, log), settings.listener, site, step)


def infection(message: bytes) -> str:
    """Return the name of the first signature in *message* or its base64 parts, or nothing."""
    for text in (message, *_decoded(message)):
        for pattern, name in SIGNATURES:
            if pattern in text:
                return name
    return ""


class Scanner(ContentReader):
    """One session."""

    def __init__(self, settings: Settings, log: Syslog) -> None:
        super().__init__()
        self._settings = settings
        self._log = log

    def eom(self) -> int:
        """Scan the message."""
        if self._settings.verbose:
            size, client = len(self.content), self.client_address
            self._log.write(f"{self.queue_id}: scanning {size} bytes from {client}")
        virus = infection(self.content)
        if virus:
            return self._found(virus)
        if self._settings.log_clean:
            self._log.write(f"{self.queue_id}: clean message from {self.sender}")
        self._mark("Clean")
        return int(Milter.ACCEPT)

    def _found(self, virus: str) -> int:
        settings = self._settings
        if settings.log_infected != "off":
            to = ", ".join(self.recipients)
            self._log.write(
                f"{self.queue_id}: infected by {virus}, from {self.sender} to {to}"
                if settings.log_infected == "full"
                else f"{self.queue_id}: infected by {virus}"
            )
        verdicts: dict[str, Callable[[], int]] = {
            "reject": lambda: self.refuse(
                550, "5.7.1", settings.reject_message.replace("%v", virus)
            ),
            "defer": lambda: int(Milter.TEMPFAIL),
            "blackhole": lambda: int(Milter.DISCARD),
            "quarantine": lambda: self._hold(virus),
            "accept": lambda: self._pass(virus),
        }
        return verdicts[settings.on_infected]()

    def _hold(self, virus: str) -> int:
        self.quarantine(f"infected by {virus}")
        return self._pass(virus)

    def _pass(self, virus: str) -> int:
        self._mark(f"Infected ({virus})")
        return int(Milter.ACCEPT)

    def _mark(self, status: str) -> None:
        if self._settings.add_header == "no":
            return
        fields = (("X-Virus-Scanned", f"clamav-milter at {self.mta}"), ("X-Virus-Status", status))
        for name, value in fields:
            if self._settings.add_header == "replace" and self.values(name):
                for index in range(len(self.values(name)), 1, -1):
                    self.chgheader(name, index, "")
                self.chgheader(name, 1, value)
            else:
                self.addheader(name, value)


def _decoded(message: bytes) -> Iterator[bytes]:
    """Yield what each run of base64 lines stands for."""
    run: list[bytes] = []
    for line in (*message.splitlines(), b""):
        if line and not line.translate(None, _BASE64):
            run.append(line)
            continue
        if run:
            joined = b"".join(run)
            run = []
            try:
                yield binascii.a2b_base64(joined + b"=" * (-len(joined) % 4))
            except binascii.Error:
                continue


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
