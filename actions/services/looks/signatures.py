"""How old clamd's signatures are: by its own word, or by the heads of its database's files."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.services.report import UNSIGNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.host.ports import Host
    from actions.mailhost.service import Look, MailService, ServiceStatus

OLD = 3
"""Days; ClamAV's own come every day."""

DAY = 86400.0

UPDATER = "freshclam"
FOLDER = "/var/lib/clamav"
"""Where the database is, unless DatabaseDirectory says otherwise (clamd.conf(5))."""

DATABASES = (".cvd", ".cld", ".hdb", ".hsb", ".mdb", ".msb", ".ndb", ".ldb", ".db", ".yar", ".yara")
"""Ends of the names of what holds signatures, as far as clamd can do with it alone."""

HEAD = 512
"""Bytes of the head of a .cvd or .cld file."""

MADE = 8
"""Which field of the head, between colons, has the time (libclamav, cvd.c)."""


def judged(look: Look, made: float | None, updater: ServiceStatus | None) -> Look:
    """Return *look* with the age of the signatures, made at *made*.

    Args:
        look: at clamd's greeting.
        made: in seconds since the epoch; None where that is not known.
        updater: freshclam; where it is not meant to run, somebody else sees to them.
    """
    if made is None or updater is None or not updater.service.expected:
        return look
    days = int((time.time() - made) / DAY)
    if days < OLD:
        return look
    runs = updater.health in {Health.OK, Health.UNKNOWN}
    state = "" if runs else f"; {UPDATER} is {updater.health.value}: {updater.reason}"
    step = f"see why: journalctl -u {updater.service.unit} -n 50" if updater.service.unit else ""
    detail = f"its signatures are {days} days old{state}"
    return look._replace(health=Health.DEGRADED, detail=detail, next_step=step)


def explained(host: Host, clamd: MailService, look: Look) -> Look:
    """Return *look*, at the process of a clamd that is down, with the want of signatures told.

    clamd does not run without; Debian's unit is not even started then.
    """
    folder = _folder(host, clamd)
    try:
        names = os.listdir(host.at(folder))
    except OSError:
        return look
    if any(name.endswith(DATABASES) for name in names):
        return look
    detail = f"{look.detail}: {UNSIGNED}{folder}"
    return look._replace(detail=detail, next_step="have freshclam fetch them first")


def made_at(host: Host, clamd: MailService) -> float | None:
    """Return when the newest signatures in the database's files were made, or None."""
    folder = host.at(_folder(host, clamd))
    return max(_times(folder), default=None)


def _folder(host: Host, clamd: MailService) -> str:
    for path in clamd.configuration:
        with suppress(OSError), open(host.at(path), encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.strip().partition(" ")
                if name.lower() == "databasedirectory":
                    return value.strip().strip('"')
    return FOLDER


def _times(folder: str) -> Iterator[float]:
    names: Iterable[str] = ()
    with suppress(OSError):
        names = os.listdir(folder)
    for name in names:
        if name.endswith((".cvd", ".cld")):
            with suppress(OSError, ValueError, IndexError):
                with open(os.path.join(folder, name), "rb") as file:
                    fields = file.read(HEAD).split(b":")
                if fields[0] == b"ClamAV-VDB":
                    yield float(fields[MADE].split()[0])
