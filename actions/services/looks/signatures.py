"""How old clamd's signatures are: by its own word, or by the heads of its database's files."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.mailhost.signatures import are_missing, folder_of
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.host.ports import Host
    from actions.mailhost.service import Look, MailService, ServiceStatus

OLD = 3
"""Days; ClamAV's own come every day."""

DAY = 86400.0

UPDATER = "freshclam"
FETCH = "fetch them: console run services.freshclam"

HEAD = 512
"""Bytes of the head of a .cvd or .cld file."""

MADE = 8
"""Which field of the head, between colons, has the time (libclamav, cvd.c)."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Kept(Record):
    """What a clamd's database's files tell."""

    made: float | None
    """When the newest were made, in seconds since the epoch; None where that is not told."""
    missing_in: str
    """The folder, where there are none; else empty."""


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


def explained(kept: Kept | None, look: Look) -> Look:
    """Return *look*, at the process of a clamd that is down, with the want of signatures told.

    clamd does not run without; Debian's unit is not even started then.

    Args:
        kept: what is told by its files; None where they could not be seen.
        look: at its process.
    """
    if kept is None or not kept.missing_in:
        return look
    detail = f"{look.detail}: there are no signatures in {kept.missing_in}"
    return look._replace(detail=detail, next_step=FETCH, cause="unsigned")


def look_at_files(host: Host, clamd: MailService) -> Kept:
    """Return what the files tell of which *clamd* makes use."""
    folder = folder_of(host, clamd.configuration)
    made = max(_times(host.at(folder)), default=None)
    return Kept(made, folder if are_missing(host, folder) else "")


def made_at(signed: float | None, kept: Kept | None) -> float | None:
    """Return when the signatures were made, or None where nothing tells.

    Args:
        signed: by clamd's word, which anybody may speak who stands at its socket.
        kept: what the files tell, which may be newer than what clamd has read.
    """
    told = (signed, kept.made if kept else None)
    return min((one for one in told if one is not None and _is_past(one)), default=None)


def _times(folder: str) -> Iterator[float]:
    names: Iterable[str] = ()
    with suppress(OSError):
        names = os.listdir(folder)
    for name in names:
        if name.endswith((".cvd", ".cld")):
            with suppress(OSError, ValueError, IndexError, OverflowError):
                fields = _head(os.path.join(folder, name)).split(b":")
                made = float(int(fields[MADE].split()[0]))
                if fields[0] == b"ClamAV-VDB" and _is_past(made):
                    yield made


def _head(path: str) -> bytes:
    """Return the head of the regular file *path*; raises `OSError`.

    The folder is clamd's user's: a pipe there would be waited for, a link may lead anywhere.
    """
    held = os.open(path, _READ)
    try:
        return os.read(held, HEAD) if stat.S_ISREG(os.fstat(held).st_mode) else b""
    finally:
        os.close(held)


def _is_past(made: float) -> bool:
    """Return whether *made* may be the time of signatures, on clocks that differ by a day."""
    return 0 < made < time.time() + DAY
